"""Row of zeros in a drawn array: the padding of an embedding."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from fastinit.boxes import Box, flat, part
from fastinit.requests import Draw, Fill


@dataclasses.dataclass(frozen=True)
class ZeroRow(Draw):
    """Elementwise draw of ``shape`` with zeros in place of the elements of one row.

    The rows before it, the row itself and the rows after it are placed separately, so that no
    memory is written twice and every other value stays where it was.
    """

    elementwise = True

    base: Draw
    zero: Fill
    shape: tuple[int, ...]
    row: int

    def place(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """Return the records of all pieces."""
        records = []
        for draw, piece in self._pieces(box):
            records += draw.place(piece, address, seed, stream)
            address += math.prod(piece.extents) * self.zero.item_size
        return records

    def _pieces(self, box: Box) -> Iterator[tuple[Draw, Box]]:
        if box.bounds is None:
            size = math.prod(self.shape[1:])
            start, stop = box.offset, box.offset + math.prod(box.extents)
            for draw, first, last in self._parts(start, stop, self.row * size, size):
                yield draw, flat(first, last - first)
            return
        (start, stop), *others = box.bounds
        rest = tuple(slice(*bound) for bound in others)
        for draw, first, last in self._parts(start, stop, self.row, 1):
            yield draw, part(self.shape, (slice(first, last), *rest))

    def _parts(
        self, start: int, stop: int, zeros: int, count: int
    ) -> Iterator[tuple[Draw, int, int]]:
        """Yield (draw, start, stop) for each piece that is not empty."""
        edges = [min(max(edge, start), stop) for edge in (start, zeros, zeros + count, stop)]
        for draw, first, last in zip(
            (self.base, self.zero, self.base), edges[:-1], edges[1:], strict=True
        ):
            if first < last:
                yield draw, first, last


def with_zero_row(
    draws: tuple[Draw, ...], zero: Fill, shape: tuple[int, ...], row: int
) -> tuple[Draw, ...]:
    """Return ``draws`` of an array of ``shape`` with zeros in one row.

    Raises:
        ValueError: The shape has no such row, or the draw is not elementwise.
    """
    if not shape or not -shape[0] <= row < shape[0]:
        raise ValueError(f"zero_row={row} is out of range for shape {shape}")
    if len(draws) > 1 or not draws[0].elementwise:
        raise ValueError("zero_row= needs values that are drawn independently; leave it out")
    return (ZeroRow(draws[0], zero, shape, row % shape[0]),)
