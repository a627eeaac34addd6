"""Reading checkpoints: the headers of their files, their bytes, and the texts of their plans."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from fastinit import json_files, regular_files, safetensors
from fastinit.checkpoints.layout import FORMAT
from fastinit.checkpoints.pipeline import Bytes, memory
from fastinit.safetensors import INDEX, SUFFIX, WHOLE, Checkpoint, Header


def open_checkpoint(path: Path) -> Checkpoint:
    """Read the headers of a file, an index or a folder.

    Raises:
        FileNotFoundError: The path holds no checkpoint, or a file is missing.
        OSError: A file cannot be read.
        ValueError: A file is not a whole safetensors file, the index is not one, or a folder holds
            a file and an index that contradict each other.
    """
    if path.is_dir():
        path = _find(path)
    return safetensors.read_checkpoint(path)


def _find(folder: Path) -> Path:
    found = safetensors.find(folder)
    if found is None:
        is_begun = any(folder.glob(f"*{SUFFIX}"))
        hint = "; continue an interrupted run with --resume" if is_begun else ""
        raise FileNotFoundError(f"the folder {folder} holds neither {WHOLE} nor {INDEX}{hint}")
    return found


def plan_text(header: Header) -> str | None:
    """Return the JSON of the plan that a file carries, or None.

    Raises:
        ValueError: It is of another format.
    """
    text = header.metadata.get("fastinit.plan")
    if text is not None and (found := header.metadata.get("fastinit.format")) != str(FORMAT):
        raise ValueError(
            f"{header.path}: the metadata has format {found!r}, this fastinit reads {FORMAT}; use "
            "the version of fastinit that made the file"
        )
    return text


def part_of(header: Header) -> tuple[int, int]:
    """Return which file of how many a file says that it is; (0, 0) if that cannot be read."""
    found = re.fullmatch(
        r"([0-9]{1,9}) of ([0-9]{1,9})", header.metadata.get("fastinit.part", "1 of 1")
    )
    return (int(found[1]), int(found[2])) if found else (0, 0)


class Reader:
    """A file that threads read from, each into a buffer of its own."""

    def __init__(self, path: Path) -> None:
        with json_files.located(str(path)):
            self._file = regular_files.opened(path)
        self._local = threading.local()

    def read(self, offset: int, size: int, buffer: Bytes | None = None) -> Bytes:
        """Read ``size`` bytes into ``buffer``, or into a buffer of the thread.

        Raises:
            OSError: The file cannot be read, or has become shorter.
        """
        if buffer is None:
            own = getattr(self._local, "buffer", None)
            if own is None or own.size < size:
                own = self._local.buffer = memory(size)
            buffer = own
        safetensors.read_into(self._file, offset, buffer[:size].data)
        return buffer[:size]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
