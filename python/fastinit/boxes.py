"""Boxes: a rectangular part of a larger array, as extents and strides in the whole.

Values depend on an element's place in the whole array, so a part is drawn by saying where it lies.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import EllipsisType

from fastinit.checks import integer

Index = int | slice | EllipsisType | tuple[int | slice | EllipsisType, ...]

LARGEST = 1 << 58  # elements of a whole array


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a whole array.

    ``shape`` is the part's, without the axes that an integer dropped. ``offset``, ``extents`` and
    ``strides`` are its axes in the whole, merged where they are contiguous. ``bounds`` is (start,
    stop) on every axis of the whole; None in a flat piece, which follows no axes.
    """

    shape: tuple[int, ...]
    offset: int
    extents: tuple[int, ...]
    strides: tuple[int, ...]
    bounds: tuple[tuple[int, int], ...] | None

    def pieces(self, rank: int) -> Iterator[tuple[int, int, Box]]:
        """(position in the part, elements, box of at most ``rank`` axes), in order."""
        if len(self.extents) <= rank:
            yield 0, math.prod(self.extents), self
            return
        each = math.prod(self.extents[1:])
        for k in range(self.extents[0]):
            inner = Box(
                self.shape,
                self.offset + k * self.strides[0],
                self.extents[1:],
                self.strides[1:],
                None,
            )
            for position, count, box in inner.pieces(rank):
                yield k * each + position, count, box


def shape_of(shape: int | Sequence[int]) -> tuple[int, ...]:
    """A shape as a tuple of Python integers.

    Raises:
        TypeError: a size is no integer.
        ValueError: a size is negative, or there are more than 2**58 elements.
    """
    try:
        sizes = tuple(map(operator.index, shape if hasattr(shape, "__iter__") else (shape,)))
    except TypeError:
        raise TypeError(f"shape={shape!r} is not an integer or a sequence of integers") from None
    if sizes and min(sizes) < 0:
        raise ValueError(f"shape={sizes} has a negative size; sizes are 0 or more")
    if math.prod(sizes) >= LARGEST or max(sizes, default=0) >= LARGEST:
        raise ValueError(f"shape={sizes} is too large; fewer than 2**58 elements are allowed")
    return sizes


@functools.lru_cache(maxsize=256)
def whole(shape: tuple[int, ...]) -> Box:
    """The box of the whole array."""
    return Box(shape, 0, (math.prod(shape),), (1,), tuple((0, size) for size in shape))


def flat(start: int, count: int) -> Box:
    """The box of ``count`` elements from ``start`` on, in C order."""
    return Box((count,), start, (count,), (1,), None)


def part(shape: tuple[int, ...], index: Index) -> Box:
    """The box of ``whole[index]``.

    Args:
        shape: the whole array's.
        index: what one writes in square brackets, ``np.s_[...]``: integers drop their axis,
            negatives count from the end, an Ellipsis stands for all axes that are not named.

    Raises:
        IndexError: an integer or a slice that reaches beyond its axis, or too many of them.
        TypeError: an index that is no integer, slice or Ellipsis.
        ValueError: a slice with a step.
    """
    selections = _one_for_each_axis(shape, index)
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    offset = 0
    kept: list[int] = []
    axes: list[tuple[int, int]] = []  # (extent, stride)
    bounds: list[tuple[int, int]] = []
    for axis, (size, stride, selection) in enumerate(zip(shape, strides, selections, strict=True)):
        start, stop = _bounds(selection, size, axis)
        offset += start * stride
        if isinstance(selection, slice):
            kept.append(stop - start)
        axes.append((stop - start, stride))
        bounds.append((start, stop))
    if math.prod(kept) == 0:
        return Box(tuple(kept), 0, (0,), (1,), tuple(bounds))
    extents, merged = _merged(axes)
    return Box(tuple(kept), offset, extents, merged, tuple(bounds))


def _one_for_each_axis(shape: tuple[int, ...], index: Index) -> list[int | slice]:
    items = list(index) if isinstance(index, tuple) else [index]
    for item in items:
        is_integer = hasattr(item, "__index__") and not isinstance(item, bool)
        if not (isinstance(item, slice) or item is Ellipsis or is_integer):
            raise TypeError(
                f"index item {item!r} is a {type(item).__name__}; "
                "integers, slices without a step and one Ellipsis are allowed"
            )
    dots = [k for k, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise IndexError(f"index={index!r} has more than one Ellipsis")
    missing = len(shape) - (len(items) - len(dots))
    if missing < 0:
        raise IndexError(f"index={index!r} has more items than shape {shape} has axes")
    at = dots[0] if dots else len(items)
    return items[:at] + [slice(None)] * missing + items[at + 1 :]  # type: ignore[return-value]


def _bounds(selection: int | slice, size: int, axis: int) -> tuple[int, int]:
    """(start, stop) on an axis, 0 <= start <= stop <= size."""
    if not isinstance(selection, slice):
        at = operator.index(selection)
        if not -size <= at < size:
            raise IndexError(f"index {at} is out of range on axis {axis} of size {size}")
        at %= size
        return at, at + 1
    if selection.step is not None and integer(selection.step, "slice step", "no step") != 1:
        raise ValueError(f"{selection} on axis {axis} has a step; only contiguous parts are drawn")
    start = 0 if selection.start is None else integer(selection.start, "slice start", "an integer")
    stop = size if selection.stop is None else integer(selection.stop, "slice stop", "an integer")
    first, last = (n + size if n < 0 else n for n in (start, stop))
    if not 0 <= first <= size or not 0 <= last <= size:
        raise IndexError(f"slice {start}:{stop} is out of range on axis {axis} of size {size}")
    return first, max(first, last)


def _merged(axes: list[tuple[int, int]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Extents and strides without axes of extent 1, neighbours that are contiguous merged."""
    merged = [(1, 1)]  # the innermost axis always has stride 1
    for extent, stride in reversed(axes):
        inner_extent, inner_stride = merged[-1]
        if extent == 1:
            continue
        if stride == inner_extent * inner_stride:
            merged[-1] = (inner_extent * extent, inner_stride)
        else:
            merged.append((extent, stride))
    extents, strides = zip(*reversed(merged), strict=True)
    return extents, strides
