"""What is there already where a checkpoint shall be: what stays, what goes, what is in the way."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fastinit import safetensors
from fastinit.checkpoints.atomic_file import leftovers
from fastinit.checkpoints.layout import INDEX, Layout, Shard, is_weights
from fastinit.checkpoints.pipeline import Bytes, run
from fastinit.digest import PIECE, begin

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Existing:
    """``whole`` has the digests of the shards that stay; ``obsolete`` are files that go."""

    whole: dict[Path, dict[str, str]]
    obsolete: tuple[Path, ...]


def check(layout: Layout, force: bool, resume: bool, progress: Progress) -> Existing:
    """Look at the place, and change nothing.

    Raises:
        FileExistsError: a file is in the way.
        OSError: the place cannot be written, or has too little space.
    """
    folder = layout.folder
    if not folder.is_dir() and (not layout.is_folder or not folder.parent.is_dir()):
        missing = folder.parent if layout.is_folder else folder
        raise FileNotFoundError(f"the folder {missing} does not exist; create it")
    for each in (*(shard.path for shard in layout.shards), layout.path):
        is_right = each.is_dir() if each == folder else each.is_file()
        if os.path.lexists(each) and not is_right:
            kind = "folder" if each == folder else "regular file"
            raise OSError(f"{each} is no {kind}; pass the path of a {kind}")
    whole, damaged = _kept(layout.shards, progress) if resume else ({}, set())
    if not force:
        _check_conflicts(layout, whole.keys() | damaged, resume)
    obsolete = _obsolete(layout, whole.keys(), force)
    _check_space(layout, whole.keys(), obsolete)
    return Existing(whole, obsolete)


def _kept(
    shards: Iterable[Shard], progress: Progress
) -> tuple[dict[Path, dict[str, str]], set[Path]]:
    """The digests of the shards that are there and whole, and those of this plan that are not."""
    whole: dict[Path, dict[str, str]] = {}
    damaged: set[Path] = set()
    for shard in shards:
        stored = _stored_digests(shard)
        if stored is None:
            continue
        if _digests(shard, progress) == stored:
            whole[shard.path] = stored
        else:
            damaged.add(shard.path)
    return whole, damaged


def _stored_digests(shard: Shard) -> dict[str, str] | None:
    """What the file says of its tensors, if its header is that of the shard."""
    with suppress(OSError, ValueError, KeyError, AttributeError, TypeError):
        header = safetensors.read(shard.path)
        stored = dict(json.loads(header.metadata["fastinit.digests"]))
        if header.content == shard.header(stored):
            return stored
    return None


def _digests(shard: Shard, progress: Progress) -> dict[str, str]:
    """Of what lies in the file."""
    hashes = {
        each.parameter.name: begin(each.dtype, each.parameter.shape) for each in shard.tensors
    }

    def pieces() -> Iterator[tuple[str, int, int]]:
        at = shard.origin
        for each in shard.tensors:
            for start in range(0, each.size, PIECE):
                yield each.parameter.name, at + start, min(PIECE, each.size - start)
            at += each.size

    with shard.path.open("rb") as file:

        def digest(piece: tuple[str, int, int], buffer: Bytes) -> bytes:
            _, offset, size = piece
            if os.preadv(file.fileno(), [buffer[:size].data], offset) != size:
                raise OSError(errno.EIO, f"{shard.path} was cut short while it was read")
            return hashlib.sha256(buffer[:size].data).digest()

        def add(piece: tuple[str, int, int], digest: bytes) -> None:
            hashes[piece[0]].update(digest)
            progress(piece[2])

        run(pieces(), digest, add)
    return {name: each.hexdigest() for name, each in hashes.items()}


def _check_conflicts(layout: Layout, ours: Iterable[Path], resume: bool) -> None:
    taken = [each for each in _weights(layout) if os.path.lexists(each) and each not in ours]
    taken += [
        path
        for path, content in layout.beside.items()
        if os.path.lexists(path) and path.read_bytes() != content
    ]
    if layout.index is not None and not resume and os.path.lexists(layout.index[0]):
        taken.append(layout.index[0])
    if taken:
        hint = "is not of this plan" if resume else "exists"
        go_on = "" if resume else "; resume=True (--resume) goes on with the same plan"
        raise FileExistsError(
            f"{taken[0]} {hint}; pass another path, or force=True (--force) to replace it{go_on}"
        )


def _weights(layout: Layout) -> set[Path]:
    """The shards, and in a folder whatever else a loader would take for weights."""
    paths = {shard.path for shard in layout.shards}
    if layout.is_folder and layout.path.is_dir():
        paths |= {each for each in layout.path.iterdir() if is_weights(each.name)}
    return paths


def _obsolete(layout: Layout, kept: Iterable[Path], force: bool) -> tuple[Path, ...]:
    """Leftovers of killed runs; with ``force`` and in a folder, also the checkpoint before.

    The index goes first and comes last, so that no loader sees a mixture of two checkpoints. A
    single file needs none of this: it is replaced in one step.
    """
    gone: list[Path] = []
    if force and layout.is_folder and layout.path.is_dir():
        kept = set(kept)
        gone += [layout.path / INDEX] if (layout.path / INDEX).exists() else []
        gone += sorted(each for each in _weights(layout) if each.exists() and each not in kept)
    if layout.folder.is_dir():
        names = {each.name for each in (*_weights(layout), *layout.beside)} | {INDEX}
        gone += leftovers(
            layout.folder,
            lambda name: name in names or (layout.is_folder and is_weights(name)),
        )
    return tuple(gone)


def _check_space(layout: Layout, kept: Iterable[Path], obsolete: Iterable[Path]) -> None:
    kept = set(kept)
    needed = sum(each.origin + each.data for each in layout.shards if each.path not in kept)
    folder = layout.folder if layout.folder.is_dir() else layout.folder.parent
    freed = sum(each.stat().st_size for each in obsolete)
    free = shutil.disk_usage(folder).free
    if free + freed < needed:
        raise OSError(
            errno.ENOSPC,
            f"{layout.path} needs {needed} bytes, {folder} has {free + freed}; free some space",
        )
