"""Saving: a plan's tensors, drawn into files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastinit.checkpoints import conflicts
from fastinit.checkpoints.atomic_file import flush_folder, new_file, write_whole
from fastinit.checkpoints.batches import Batch, Digests, draw
from fastinit.checkpoints.layout import Layout, Shard, layout
from fastinit.checkpoints.pipeline import Bytes

if TYPE_CHECKING:
    from fastinit.plan import Plan

DIRECT = 1 << 30  # bytes of a checkpoint that had better not push all else out of the cache

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that was written.

    ``files`` are its safetensors files and ``kept`` those of them that were there already; ``size``
    is their bytes. ``digests`` has ``fastinit.digest`` of every tensor; ``digest`` is the SHA-256
    of the lines ``name digest``, sorted by name.
    """

    path: Path
    files: tuple[Path, ...]
    kept: tuple[Path, ...]
    size: int
    digests: dict[str, str]
    digest: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        paths = {"path": str(self.path)} | {
            key: [str(each) for each in getattr(self, key)] for key in ("files", "kept")
        }
        return {**paths, "size": self.size, "digests": self.digests, "digest": self.digest}


def save(
    plan: Plan,
    path: Path,
    *,
    max_shard_size: int | str,
    only: Any,
    force: bool,
    resume: bool,
    progress: Progress | None,
) -> Saved:
    """Draw a plan into a checkpoint; see ``Plan.save``."""
    advance = progress or (lambda _: None)
    files = layout(plan, path, max_shard_size, only)
    found = conflicts.check(files, force, resume, advance)
    with _folder(files):
        for each in found.obsolete:
            each.unlink()
        if found.obsolete:
            flush_folder(files.folder)
        for beside, content in files.beside.items():
            write_whole(beside, content)
        digests: dict[str, str] = {}
        is_large = sum(shard.data for shard in files.shards) >= DIRECT
        for shard in files.shards:
            digests |= found.whole.get(shard.path) or _write(shard, is_large, advance)
        if files.index is not None:
            write_whole(*files.index)
    lines = "".join(f"{name} {digests[name]}\n" for name in sorted(digests))
    return Saved(
        path,
        tuple(shard.path for shard in files.shards),
        tuple(found.whole),
        sum(shard.origin + shard.data for shard in files.shards),
        {each.parameter.name: digests[each.parameter.name] for each in plan.select(only)},
        hashlib.sha256(lines.encode()).hexdigest(),
    )


@contextlib.contextmanager
def _folder(files: Layout) -> Any:
    """The folder, made if need be, which goes again if nothing came of it."""
    made = not files.folder.exists()
    if made:
        files.folder.mkdir()
    try:
        yield
    except BaseException:
        if made:
            with contextlib.suppress(OSError):  # whole shards stay for a resumed run
                files.folder.rmdir()
        raise


def _write(shard: Shard, direct: bool, progress: Progress) -> Mapping[str, str]:
    """Draw, digest and write a file; the digests by name."""
    digests = Digests(shard.tensors)
    origin = shard.origin
    with new_file(shard.path, origin + shard.data, direct=direct) as file:

        def store(batch: Batch, values: Bytes) -> list[bytes]:
            found = Digests.of(batch, values)
            file.write(values.data, origin + batch.offset)
            return found

        def add(batch: Batch, found: list[bytes]) -> None:
            digests.add(batch, found)
            progress(batch.size)

        draw(shard.tensors, store, add)
        result = digests.result()
        file.write(shard.header(result), 0)
    return result
