"""Row of zeros in a drawn array: the padding of an embedding."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from fastinit.native.box import Box, flat, part
from fastinit.native.request import Fill, Request, Template


@dataclasses.dataclass(frozen=True)
class ZeroRow(Template):
    """Elementwise template of ``shape`` with zeros in place of the elements of one row.

    The rows before it, the row itself and the rows after it have requests of their own, so that no
    memory is written twice and every other value stays where it was.
    """

    elementwise = True

    base: Template
    zero: Fill
    shape: tuple[int, ...]
    row: int

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        """Whether the other rows may fail."""
        return self.base.may_fail

    def check(self, seed: int, stream: int) -> None:
        """Check what the other rows need."""
        self.base.check(seed, stream)

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return the requests of all pieces."""
        requests: list[Request] = []
        for template, piece in self._pieces(box):
            requests += template.requests(piece, address, seed, stream)
            address += math.prod(piece.extents) * self.zero.item_size
        return requests

    def _pieces(self, box: Box) -> Iterator[tuple[Template, Box]]:
        if box.bounds is None:
            size = math.prod(self.shape[1:])
            start, stop = box.offset, box.offset + math.prod(box.extents)
            for template, first, last in self._parts(start, stop, self.row * size, size):
                yield template, flat(first, last - first)
            return
        (start, stop), *others = box.bounds
        rest = tuple(slice(*bound) for bound in others)
        for template, first, last in self._parts(start, stop, self.row, 1):
            yield template, part(self.shape, (slice(first, last), *rest))

    def _parts(
        self, start: int, stop: int, zeros: int, count: int
    ) -> Iterator[tuple[Template, int, int]]:
        """Yield (template, start, stop) for each piece that is not empty."""
        edges = [min(max(edge, start), stop) for edge in (start, zeros, zeros + count, stop)]
        for template, first, last in zip(
            (self.base, self.zero, self.base), edges[:-1], edges[1:], strict=True
        ):
            if first < last:
                yield template, first, last


def with_zero_row(
    templates: tuple[Template, ...], zero: Fill, shape: tuple[int, ...], row: int
) -> tuple[Template, ...]:
    """Return ``templates`` of an array of ``shape`` with zeros in one row.

    Raises:
        ValueError: The shape has no such row, or the values are not drawn independently. A mask
            over them does not matter.
    """
    if not shape or not -shape[0] <= row < shape[0]:
        raise ValueError(f"zero_row={row} is out of range for shape {shape}")
    values, *over = templates
    if not values.elementwise or not all(each.zeroes_only for each in over):
        raise ValueError("zero_row= needs values that are drawn independently; leave it out")
    return (ZeroRow(values, zero, shape, row % shape[0]), *over)
