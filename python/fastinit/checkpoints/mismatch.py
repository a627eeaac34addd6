"""Mismatches: where the bytes of two tensors are not the same."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit.checkpoints.pipeline import Bytes, memory
from fastinit.dtypes import dtype_of_safetensors
from fastinit.safetensors import Entry, Header


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first element that differs, the values there, and how many differ.

    Values are texts: the number, and the element's bits.
    """

    index: tuple[int, ...]
    left: str
    right: str
    count: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "index": list(self.index),
            "left": self.left,
            "right": self.right,
            "count": self.count,
        }


Raw = tuple[int, bytes, bytes, int]  # flat index, its bytes on both sides, how many differ


def between(left: Bytes, right: Bytes, item: int, start: int) -> Raw | None:
    """What differs between two pieces that begin with element ``start``."""
    differ = left.view(f"u{item}") != right.view(f"u{item}")
    count = int(np.count_nonzero(differ))
    if not count:
        return None
    at = int(differ.argmax())
    place = slice(at * item, (at + 1) * item)
    return start + at, left[place].tobytes(), right[place].tobytes(), count


def added(first: Raw | None, more: Raw | None) -> Raw | None:
    """What differs in a piece and in the next."""
    if first is None or more is None:
        return first or more
    return (*first[:3], first[3] + more[3])


def mismatch(entry: Entry, raw: Raw) -> Mismatch:
    """With the index and the values, as a person reads them."""
    flat, left, right, count = raw
    index = tuple(int(k) for k in np.unravel_index(flat, entry.shape)) if entry.shape else ()
    return Mismatch(index, _value(left, entry.dtype), _value(right, entry.dtype), count)


def _value(content: bytes, dtype: str) -> str:
    bits = f"0x{int.from_bytes(content, 'little'):0{2 * len(content)}x}"
    number = np.frombuffer(content, dtype_of_safetensors(dtype))[0]
    shown = str(number) if number.dtype.kind in "iub" else f"{float(number):.9g}"
    return f"{shown} ({bits})"


class Reader:
    """A file that threads read from, each into a buffer of its own."""

    def __init__(self, header: Header) -> None:
        """Open the file."""
        self._file = header.path.open("rb")
        self._local = threading.local()

    def read(self, offset: int, size: int, buffer: Bytes | None = None) -> Bytes:
        """So many bytes, into ``buffer`` or the thread's own.

        Raises:
            OSError: the file cannot be read, or has become shorter.
        """
        if buffer is None:
            own = getattr(self._local, "buffer", None)
            if own is None or own.size < size:
                own = self._local.buffer = memory(size)
            buffer = own
        read = 0
        while read < size:
            count = os.preadv(self._file.fileno(), [buffer[read:size].data], offset + read)
            if count == 0:
                raise OSError(errno.EIO, f"{self._file.name} became shorter while it was read")
            read += count
        return buffer[:size]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
