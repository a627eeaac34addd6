"""Regular files: files of unknown origin, of which no pipe or device is opened or waited for."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def opened(path: Path) -> BinaryIO:
    """Open a regular file to read its bytes.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a regular file.
    """
    check(path.stat())  # before it is opened: that alone can have an effect on a device
    file = open(path, "rb", opener=_open)  # noqa: SIM115
    try:
        check(os.fstat(file.fileno()))  # something else may have taken its place
    except BaseException:
        file.close()
        raise
    return file


def content(path: Path, most: int) -> bytes:
    """Return the bytes of a regular file, of which there are at most ``most``.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a regular file, is too large, or grew while it was read.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise ValueError(f"it has {size} bytes; at most {most} are read")
        found = file.read(size + 1)
    if len(found) > size:
        raise ValueError("it grew while it was read; try again")
    return found


def check(status: os.stat_result) -> None:
    """Check that a status is that of a regular file.

    Raises:
        ValueError: It is not.
    """
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise ValueError(
            f"it is {_KINDS.get(kind, 'something else')}, not a regular file; pass the path of a "
            "file"
        )


def _open(path: str, flags: int) -> int:
    """Open a file without waiting, in case that a pipe has taken its place."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
