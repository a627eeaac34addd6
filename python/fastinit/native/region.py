"""Regions: parts of an array that are drawn as arrays of their own, in any order of their axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastinit.native.box import Axis, Bounds, Box, c_strides, merged, with_innermost

_MOST_PIECES = 10_000


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an array, and where its elements lie in an array that is drawn for it.

    Attributes:
        bounds: (start, stop) on every axis of the array.
        strides: the distances in the drawn array of neighbors along these axes.
        offset: the flat index in the drawn array of the part's first element.
    """

    bounds: Bounds
    strides: tuple[int, ...]
    offset: int = 0

    def parts(self, shape: tuple[int, ...], box: Box) -> Iterator[tuple[int, Bounds]]:
        """Yield what a part of the array has in common with the region, in contiguous memory.

        Args:
            shape: The shape of the array.
            box: The part of it, whose memory is contiguous.

        Yields:
            The position of a piece in the part's memory, in elements, and (start, stop) on every
            axis of the region.
        """
        for position, bounds in bounded(shape, box):
            common = [
                (max(first[0], second[0]), min(first[1], second[1]))
                for first, second in zip(bounds, self.bounds, strict=True)
            ]
            if all(start < stop for start, stop in common):
                yield from self._pieces(position, bounds, common)

    def runs(self, shape: tuple[int, ...], box: Box) -> Iterator[tuple[int, Box]]:
        """Yield the same with the elements of the drawn array that belong there."""
        for position, bounds in self.parts(shape, box):
            starts = [start for start, _ in bounds]
            extents = [stop - start for start, stop in bounds]
            axes = list(zip(extents, self.strides, strict=True))
            yield position, _box(axes, self.offset + _dot(starts, self.strides))

    def _pieces(
        self, position: int, bounds: Bounds, common: list[tuple[int, int]]
    ) -> Iterator[tuple[int, Bounds]]:
        sizes = [stop - start for start, stop in bounds]
        spacing = c_strides(sizes)
        extents = [stop - start for start, stop in common]
        inner = len(sizes)  # the axes from here on are contiguous in the memory of the part
        while inner and (inner == len(sizes) or extents[inner] == sizes[inner]):
            inner -= 1
        at = [start - first[0] for (start, _), first in zip(common, bounds, strict=True)]
        mine = [
            (start - first[0], stop - first[0])
            for (start, stop), first in zip(common, self.bounds, strict=True)
        ]
        position += _dot(at, spacing)
        for steps in itertools.product(*map(range, extents[:inner])):
            outer = [
                (mine[axis][0] + step, mine[axis][0] + step + 1) for axis, step in enumerate(steps)
            ]
            yield position + _dot(steps, spacing[:inner]), (*outer, *mine[inner:])


def bounded(shape: tuple[int, ...], box: Box) -> Iterator[tuple[int, Bounds]]:
    """Yield the pieces of a part that have bounds, with their positions in its memory.

    A flat piece is divided into such pieces; others are one.
    """
    if box.bounds is not None:
        yield 0, box.bounds
        return
    position = 0
    for bounds in _divided(shape, box.offset, box.offset + math.prod(box.extents)):
        yield position, bounds
        position += math.prod(stop - start for start, stop in bounds)


def pieces(shape: tuple[int, ...], box: Box, most: int) -> Iterator[tuple[int, Bounds]]:
    """Yield the bounds and positions of pieces, none of which has more than ``most`` elements.

    Args:
        shape: The shape of the array.
        box: The part of it that the pieces make up.
        most: The most elements of a piece.

    Example:
        >>> from fastinit.native.box import whole
        >>> from fastinit.native.region import pieces
        >>> list(pieces((3, 2), whole((3, 2)), 4))
        [(0, ((0, 2), (0, 2))), (4, ((2, 3), (0, 2)))]
    """
    for position, bounds in bounded(shape, box):
        for piece in _cut(bounds, most):
            yield position, piece
            position += math.prod(stop - start for start, stop in piece)


def _cut(bounds: Bounds, most: int) -> Iterator[Bounds]:
    """Yield pieces of a part that follow each other in its memory."""
    sizes = [stop - start for start, stop in bounds]
    if math.prod(sizes) <= most:
        yield bounds
        return
    axis = next(axis for axis, size in enumerate(sizes) if size > 1)
    start, stop = bounds[axis]
    step = max(1, most * sizes[axis] // math.prod(sizes))
    for first in range(start, stop, step):
        piece = (*bounds[:axis], (first, min(first + step, stop)), *bounds[axis + 1 :])
        yield from _cut(piece, most)


def is_covered(shape: tuple[int, ...], parts: Iterable[Bounds]) -> bool:
    """Return whether parts of an array cover all of it.

    Raises:
        ValueError: The parts cut the array into too many pieces to tell.

    Example:
        >>> from fastinit.native.region import is_covered
        >>> is_covered((2, 3), [((0, 2), (0, 2)), ((0, 1), (0, 3)), ((1, 2), (1, 3))])
        True
    """
    uncovered = [tuple((0, size) for size in shape)]
    for bounds in parts:
        uncovered = [rest for each in uncovered for rest in _without(each, bounds)]
        if len(uncovered) > _MOST_PIECES:  # of a file of unknown origin, most likely
            raise ValueError(f"the parts cut shape {shape} into more than {_MOST_PIECES} pieces")
    return not any(all(start < stop for start, stop in each) for each in uncovered)


def _dot(first: Iterable[int], second: Iterable[int]) -> int:
    return sum(a * b for a, b in zip(first, second, strict=True))


def _without(whole: Bounds, part: Bounds) -> Iterator[Bounds]:
    """Yield boxes that together are a box without a part."""
    rest = list(whole)
    for axis, ((start, stop), (first, last)) in enumerate(zip(whole, part, strict=True)):
        if max(start, first) >= min(stop, last):
            yield tuple(rest)
            return
        for piece in ((start, first), (last, stop)):
            if piece[0] < piece[1]:
                yield (*rest[:axis], piece, *rest[axis + 1 :])
        rest[axis] = max(start, first), min(stop, last)


def _divided(shape: tuple[int, ...], start: int, stop: int) -> Iterator[Bounds]:
    """Yield the boxes of the elements from ``start`` to ``stop`` in C order, in order."""
    if start >= stop:
        return
    if not shape:
        yield ()
        return
    inner = math.prod(shape[1:])
    first, last = start // inner, (stop - 1) // inner
    if first == last:
        for rest in _divided(shape[1:], start - first * inner, stop - first * inner):
            yield (first, first + 1), *rest
        return
    full = -(-start // inner), stop // inner
    if full[0] > first:
        yield from _divided(shape, start, full[0] * inner)
    if full[0] < full[1]:
        yield full, *((0, size) for size in shape[1:])
    if full[1] <= last:
        yield from _divided(shape, full[1] * inner, stop)


def _box(axes: list[tuple[int, int]], offset: int) -> Box:
    """Return the box of a walk through the drawn array: (extent, stride) of each axis."""
    whole = [Axis(extent, 0, extent, stride, role=0) for extent, stride in axes]
    found = with_innermost(merged(whole))
    extents = tuple(axis.extent for axis in found)
    return Box(extents, offset, extents, tuple(axis.stride for axis in found), None)
