"""Writing checkpoints: a plan's tensors, drawn into files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastinit.checkpoints import conflicts
from fastinit.checkpoints.atomic_file import (
    atomic_file,
    check_sole,
    flush_folder,
    locked,
    write_whole,
)
from fastinit.checkpoints.batches import Batch, Digests, checked_device, draw_batches
from fastinit.checkpoints.layout import Layout, Shard, layout
from fastinit.checkpoints.pipeline import Bytes, Progress
from fastinit.checkpoints.plan import Plan
from fastinit.checkpoints.resume import Found, find_shards
from fastinit.checks import boolean
from fastinit.checks import path as checked_path
from fastinit.tables import bytes_text, plural

DIRECT = 1 << 30  # bytes of a checkpoint that would push everything else out of the cache


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that was written.

    ``files`` are its safetensors files, and ``kept`` those of them that were already there;
    ``size`` is the number of their bytes. ``digests`` has ``fastinit.digest`` of every tensor;
    ``digest`` is the SHA-256 of the lines ``name digest``, sorted by name.
    """

    path: Path
    files: tuple[Path, ...]
    kept: tuple[Path, ...]
    size: int
    digests: dict[str, str]
    digest: str

    def __repr__(self) -> str:
        count, size = plural(len(self.digests), "tensor"), bytes_text(self.size)
        files = f" in {len(self.files)} files" if len(self.files) > 1 else ""
        return f"Saved({str(self.path)!r}: {count}, {size}{files})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        paths = {"path": str(self.path)} | {
            key: [str(each) for each in getattr(self, key)] for key in ("files", "kept")
        }
        return {**paths, "size": self.size, "digests": self.digests, "digest": self.digest}


def save(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    max_shard_size: int | str = "5GB",
    only: Any = None,
    force: bool = False,
    resume: bool = False,
    device: Any = None,
    progress: Progress | None = None,
) -> Saved:
    """Draw every tensor of a plan into safetensors files; see ``Plan.save``."""
    force, resume = boolean(force, "force"), boolean(resume, "resume")
    advance = progress or (lambda _: None)
    device = checked_device(device)
    files = layout(plan, checked_path(path, "path"), max_shard_size, only)
    conflicts.check_paths(files)
    with _sole_writer(files):
        found, obsolete = _checked(files, force, resume, advance)
        for each in obsolete:
            each.unlink()
        if obsolete:
            flush_folder(files.folder)
        for beside, content in files.beside.items():
            write_whole(beside, content)
        is_large = sum(shard.data_size for shard in files.shards) >= DIRECT
        digests: dict[str, str] = {}
        for shard in files.shards:
            replace = force or shard.path in found.damaged
            kept = found.whole.get(shard.path)
            digests |= kept or _write(shard, is_large, replace, device, advance)
        if files.index is not None:
            write_whole(*files.index)
        if force and not files.is_folder:
            for each in files.old_values():
                each.unlink()
    lines = "".join(f"{name} {digests[name]}\n" for name in sorted(digests))
    return Saved(
        files.path,
        tuple(shard.path for shard in files.shards),
        tuple(found.whole),
        sum(shard.size for shard in files.shards),
        {each.parameter.name: digests[each.parameter.name] for each in plan.select(only)},
        hashlib.sha256(lines.encode()).hexdigest(),
    )


def check(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    max_shard_size: int | str,
    only: Any,
    force: bool,
    resume: bool,
    device: Any,
    progress: Progress,
) -> tuple[Layout, frozenset[Path]]:
    """Check all that ``save`` checks, and write nothing.

    Returns:
        The files that it would write, and those of them that it would keep.

    Raises:
        OSError: ``save`` would raise it before it wrote anything.
        RuntimeError: The same.
        ValueError: The same.
    """
    checked_device(device)
    files = layout(plan, checked_path(path, "path"), max_shard_size, only)
    conflicts.check_paths(files)
    found, _ = _checked(files, force, resume, progress)
    return files, frozenset(found.whole)


def _checked(
    files: Layout, force: bool, resume: bool, progress: Progress
) -> tuple[Found, list[Path]]:
    """Return the shards that are there, and the files to be deleted, once all can be written."""
    found = find_shards(files.shards, progress) if resume else Found({}, frozenset())
    if not force:
        conflicts.check_conflicts(files, found, resume)
    obsolete = conflicts.obsolete_files(files, found.whole.keys(), force)
    conflicts.check_space(files, found.whole.keys(), obsolete)
    return found, obsolete


@contextlib.contextmanager
def _sole_writer(files: Layout) -> Iterator[None]:
    """Make the folder of a checkpoint and lock it, or check that nobody writes a single file.

    After an error, a folder that is new is removed, unless it holds whole shards.
    """
    if not files.is_folder:
        check_sole(files.path)
        yield
        return
    try:
        files.path.mkdir()
        is_new = True
    except FileExistsError:
        is_new = False
    with locked(files.path):
        try:
            yield
        except BaseException:
            if is_new:
                with contextlib.suppress(OSError):  # whole shards stay for a resumed run
                    files.path.rmdir()
            raise


def _write(
    shard: Shard, direct: bool, replace: bool, device: str, progress: Progress
) -> Mapping[str, str]:
    """Draw, digest and write a file; return the digests by name."""
    digests = Digests(shard.tensors)
    with atomic_file(shard.path, shard.size, direct=direct, replace=replace) as file:

        def store(batch: Batch, values: Bytes) -> list[bytes]:
            found = Digests.of_pieces(batch, values)
            file.write(values.data, shard.origin + batch.offset)
            return found

        def add(batch: Batch, found: list[bytes]) -> None:
            digests.add(batch, found)
            progress(batch.size)

        draw_batches(shard.tensors, store, add, device)
        result = digests.of_drawn()
        file.write(shard.header(result), 0)
    return result
