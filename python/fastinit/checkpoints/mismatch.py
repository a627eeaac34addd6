"""Mismatches: where the bytes of two tensors differ, and how many elements do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit.checkpoints.pipeline import Bytes
from fastinit.safetensors import Entry, dtype_of


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first element that differs, the values there, and the count of elements that differ.

    A value is a string with the number and the bits of the element.
    """

    index: tuple[int, ...]
    left: str
    right: str
    count: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "index": list(self.index),
            "left": self.left,
            "right": self.right,
            "count": self.count,
        }


Raw = tuple[int, bytes, bytes, int]  # flat index, its bytes on both sides, count


def between(left: Bytes, right: Bytes, item: int, start: int) -> Raw | None:
    """Compare two pieces that begin with element ``start``; None if they are equal."""
    differ = left.view(f"u{item}") != right.view(f"u{item}")
    count = int(np.count_nonzero(differ))
    if not count:
        return None
    at = int(differ.argmax())
    place = slice(at * item, (at + 1) * item)
    return start + at, left[place].tobytes(), right[place].tobytes(), count


def combined(first: Raw | None, more: Raw | None) -> Raw | None:
    """Combine what differs in a piece and in a later one."""
    if first is None or more is None:
        return first or more
    return (*first[:3], first[3] + more[3])


def mismatch(entry: Entry, raw: Raw) -> Mismatch:
    """Return a mismatch with the index and the values in readable form."""
    flat, left, right, count = raw
    index = tuple(int(k) for k in np.unravel_index(flat, entry.shape)) if entry.shape else ()
    return Mismatch(index, _value(left, entry.dtype), _value(right, entry.dtype), count)


def _value(content: bytes, dtype: str) -> str:
    bits = f"0x{int.from_bytes(content, 'little'):0{2 * len(content)}x}"
    number = np.frombuffer(content, dtype_of(dtype))[0]
    shown = str(number) if number.dtype.kind in "iub" else f"{float(number):.9g}"
    return f"{shown} ({bits})"
