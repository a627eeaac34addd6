"""Files at the destination of a new checkpoint: conflicting ones, obsolete ones, and free space."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from fastinit.checkpoints.atomic_file import has_content, leftovers
from fastinit.checkpoints.layout import Layout
from fastinit.checkpoints.resume import Found
from fastinit.safetensors import INDEX, is_weights


def check_paths(layout: Layout) -> None:
    """Check that files can be at the paths of a checkpoint.

    Raises:
        OSError: A folder is missing, or something that is not a file is in its place.
    """
    folder = layout.folder
    if not folder.is_dir() and (not layout.is_folder or not folder.parent.is_dir()):
        missing = folder.parent if layout.is_folder else folder
        raise FileNotFoundError(f"the folder {missing} does not exist; create it")
    index = [layout.path / INDEX] if layout.is_folder else []
    for each in (*(shard.path for shard in layout.shards), layout.path, *layout.beside, *index):
        is_right = each.is_dir() if each == folder else each.is_file()
        if os.path.lexists(each) and not is_right:
            kind = "folder" if each == folder else "regular file"
            raise OSError(f"{each} is not a {kind}; pass the path of a {kind}")


def check_conflicts(layout: Layout, found: Found, resume: bool) -> None:
    """Check that nothing would be overwritten or mixed with the checkpoint.

    Raises:
        FileExistsError: A file is in the way.
    """
    ours = found.whole.keys() | found.damaged
    taken = [each for each in _weights(layout) if os.path.lexists(each) and each not in ours]
    taken += [
        path
        for path, content in layout.beside.items()
        if os.path.lexists(path) and not has_content(path, content)
    ]
    index = layout.path / INDEX
    if layout.is_folder and not (resume and layout.index) and os.path.lexists(index):
        taken.append(index)
    if taken:
        hint = "does not belong to this plan" if resume else "exists"
        go_on = "" if resume else "; resume=True (--resume) continues with the same plan"
        raise FileExistsError(
            f"{taken[0]} {hint}; pass another path, or force=True (--force) to replace it{go_on}"
        )


def obsolete_files(layout: Layout, kept: Collection[Path], force: bool) -> list[Path]:
    """Return what is deleted first: leftovers of killed runs; with ``force``, the old checkpoint.

    The old checkpoint is deleted only in a folder, index first; the new index is written last: no
    loader sees a mixture of the two. A single file is replaced in one step, and its stored values
    are deleted after that.
    """
    obsolete: list[Path] = []
    if force and layout.is_folder and layout.path.is_dir():
        obsolete += [layout.path / INDEX] if (layout.path / INDEX).exists() else []
        obsolete += sorted(each for each in _weights(layout) if each.exists() and each not in kept)
        obsolete += sorted(layout.old_values())
    if layout.folder.is_dir():
        names = {each.name for each in (*_weights(layout), *layout.beside)} | {INDEX}
        obsolete += leftovers(
            layout.folder,
            lambda name: (
                name in names or layout.is_stored(name) or (layout.is_folder and is_weights(name))
            ),
        )
    return obsolete


def check_space(layout: Layout, kept: Collection[Path], obsolete: Collection[Path]) -> None:
    """Check that the disk has space for what is to be written.

    Raises:
        OSError: It has not.
    """
    needed = sum(each.size for each in layout.shards if each.path not in kept)
    needed += sum(map(len, layout.beside.values()))
    folder = layout.folder if layout.folder.is_dir() else layout.folder.parent
    free = shutil.disk_usage(folder).free + sum(each.stat().st_size for each in obsolete)
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"{layout.path} needs {needed} bytes, {folder} has {free}; free some space",
        )


def _weights(layout: Layout) -> set[Path]:
    """Return the shards, and in a folder all else that a loader would take for weights."""
    paths = {shard.path for shard in layout.shards}
    if layout.is_folder and layout.path.is_dir():
        paths |= {each for each in layout.path.iterdir() if is_weights(each.name)}
    return paths
