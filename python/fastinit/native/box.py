"""Boxes: a rectangular part of a larger array, as extents and strides in the whole.

Values depend on an element's position in the whole array, so a part is drawn by saying where it
lies.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import EllipsisType

from fastinit.checks import integer, shown, type_of
from fastinit.other_frameworks import caller_of, remedy

Shape = int | Sequence[int]
Index = int | slice | EllipsisType | tuple[int | slice | EllipsisType, ...]
Bounds = tuple[tuple[int, int], ...]

LARGEST = 1 << 58  # elements of a whole array
_FEW = 64  # axes, the product of whose sizes is soon computed


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a whole array, and the stretch of it that a part covers.

    Attributes:
        size: of the whole array.
        start: where the part begins.
        extent: the part's size.
        stride: distance of neighbors in the whole array, in elements.
        role: what the axis is. Axes merge only with neighbors of the same role, and never where
            it is None.
    """

    size: int
    start: int
    extent: int
    stride: int
    role: int | None


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a whole array.

    Attributes:
        shape: the part's, without the axes that an integer dropped.
        offset: the flat index of the part's first element in the whole.
        extents: sizes of the part's axes, merged where they are contiguous in the whole.
        strides: the distances of neighbors along these axes in the whole.
        bounds: (start, stop) on every axis of the whole; None in a flat piece, which does not
            follow axes.
    """

    shape: tuple[int, ...]
    offset: int
    extents: tuple[int, ...]
    strides: tuple[int, ...]
    bounds: Bounds | None

    def pieces(self, rank: int) -> Iterator[tuple[int, int, Box]]:
        """Yield (position in the part, elements, box of at most ``rank`` axes), in order."""
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


def shape_of(shape: Shape) -> tuple[int, ...]:
    """Return a shape as a tuple of Python integers.

    Raises:
        TypeError: a size is not an integer.
        ValueError: a size is negative, or there are more than 2**58 elements.
    """
    if type(shape) is int:
        sizes: tuple[int, ...] = (shape,)
        _check(sizes)
        return sizes
    is_sequence = type(shape) is tuple or (
        getattr(shape, "ndim", 1) != 0  # arrays without axes count as their number
        and hasattr(shape, "__iter__")
        and not isinstance(shape, (str, bytes, bytearray, Mapping, Set))
    )
    try:
        sizes = tuple(map(operator.index, shape if is_sequence else (shape,)))  # type: ignore[arg-type]
    except TypeError:
        if hasattr(shape, "shape") and hasattr(shape, "dtype"):
            raise TypeError(
                f"shape= is an array of shape {tuple(shape.shape)}; pass its shape, and the array "
                "itself as out= to fill it"
            ) from None
        meant = remedy(caller_of((shape,)), "")
        raise TypeError(
            f"shape={shown(shape)} is not an integer or a sequence of integers"
            f"{f'; {meant}' if meant else ''}"
        ) from None
    _check(sizes)
    return sizes


@functools.lru_cache(maxsize=1024)
def _check(sizes: tuple[int, ...]) -> None:
    if sizes and min(sizes) < 0:
        raise ValueError(f"shape={shown(sizes)} has a negative size; sizes are 0 or more")
    if max(sizes, default=0) >= LARGEST or (0 not in sizes and _is_large(sizes)):
        raise ValueError(
            f"shape={shown(sizes)} is too large; fewer than 2**58 elements are allowed"
        )


def _is_large(sizes: tuple[int, ...]) -> bool:
    # The lengths come before the product: that of many sizes would take minutes.
    if len(sizes) > _FEW:
        least = sum(size.bit_length() - 1 for size in sizes)
        if least >= LARGEST.bit_length():
            return True
    return math.prod(sizes) >= LARGEST


@functools.lru_cache(maxsize=256)
def whole(shape: tuple[int, ...]) -> Box:
    """Return the box of the whole array."""
    return Box(shape, 0, (math.prod(shape),), (1,), tuple((0, size) for size in shape))


def flat(start: int, count: int) -> Box:
    """Return the box of ``count`` elements from ``start`` on, in C order."""
    return Box((count,), start, (count,), (1,), None)


def part(shape: tuple[int, ...], index: Index) -> Box:
    """Return the box of ``whole[index]``.

    Args:
        shape: the whole array's.
        index: what one writes in square brackets, ``np.s_[...]``: integers drop their axis,
            negatives count from the end, an Ellipsis stands for all axes that are not named.

    Raises:
        IndexError: an integer or a slice that reaches beyond its axis, or too many of them.
        TypeError: an index that is not an integer, slice or Ellipsis.
        ValueError: a slice with a step.
    """
    selections = _one_per_axis(shape, index)
    bounds = tuple(
        _bounds(selection, size, axis)
        for axis, (size, selection) in enumerate(zip(shape, selections, strict=True))
    )
    kept = tuple(
        stop - start
        for (start, stop), selection in zip(bounds, selections, strict=True)
        if isinstance(selection, slice)
    )
    if math.prod(kept) == 0:
        return Box(kept, 0, (0,), (1,), bounds)
    axes = [axis for axis in merged(axes_of_part(shape, bounds)) if axis.extent != 1]
    axes = with_innermost(axes)
    return Box(
        kept,
        offset_of(shape, bounds),
        tuple(axis.extent for axis in axes),
        tuple(axis.stride for axis in axes),
        bounds,
    )


def c_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the distances, in elements, of neighbors along the axes of an array in C order."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def offset_of(shape: tuple[int, ...], bounds: Bounds) -> int:
    """Return the flat index of a part's first element in the whole array."""
    offset = 0
    for size, (start, _) in zip(shape, bounds, strict=True):
        offset = offset * size + start
    return offset


def axes_of_part(
    shape: tuple[int, ...], bounds: Bounds, roles: Sequence[int | None] | None = None
) -> list[Axis]:
    """Return the axes of a whole array with the stretches that a part covers."""
    axes = []
    stride = 1
    for axis in reversed(range(len(shape))):
        start, stop = bounds[axis]
        role = 0 if roles is None else roles[axis]
        axes.append(Axis(shape[axis], start, stop - start, stride, role))
        stride *= shape[axis]
    return axes[::-1]


def merged(axes: Iterable[Axis]) -> list[Axis]:
    """Merge neighbors of one role that the part crosses contiguously, and drop axes of size 1."""
    result: list[Axis] = []
    for outer in reversed(list(axes)):
        if outer.size == 1:
            continue
        joined = _joined(outer, result[-1]) if result else None
        if joined is None:
            result.append(outer)
        else:
            result[-1] = joined
    return result[::-1]


def _joined(outer: Axis, inner: Axis) -> Axis | None:
    if outer.role is None or outer.role != inner.role or outer.stride != inner.size * inner.stride:
        return None
    if outer.extent != 1 and inner.extent != inner.size:
        return None
    return Axis(
        outer.size * inner.size,
        outer.start * inner.size + inner.start,
        outer.extent * inner.extent,
        inner.stride,
        inner.role,
    )


def with_innermost(axes: list[Axis]) -> list[Axis]:
    """Append an axis of size 1 unless the last axis has stride 1, as native code expects."""
    return axes if axes and axes[-1].stride == 1 else [*axes, Axis(1, 0, 1, 1, 0)]


def _one_per_axis(shape: tuple[int, ...], index: Index) -> list[int | slice]:
    items = list(index) if isinstance(index, tuple) else [index]
    for item in items:
        is_integer = hasattr(item, "__index__") and not isinstance(item, bool)
        if not (isinstance(item, slice) or item is Ellipsis or is_integer):
            raise TypeError(
                f"index item {shown(item)} is {type_of(item)}; "
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
    """Return (start, stop) on an axis, 0 <= start <= stop <= size."""
    if not isinstance(selection, slice):
        at = integer(selection, f"index on axis {axis}", "an integer or a slice")
        if not -size <= at < size:
            raise IndexError(f"index {shown(at)} is out of range on axis {axis} of size {size}")
        at %= size
        return at, at + 1
    if selection.step is not None and integer(selection.step, "slice step", "no step") != 1:
        raise ValueError(f"{selection} on axis {axis} has a step; only contiguous parts are drawn")
    start = 0 if selection.start is None else integer(selection.start, "slice start", "an integer")
    stop = size if selection.stop is None else integer(selection.stop, "slice stop", "an integer")
    first, last = (n + size if n < 0 else n for n in (start, stop))
    if not 0 <= first <= size or not 0 <= last <= size:
        raise IndexError(
            f"slice {shown(start)}:{shown(stop)} is out of range on axis {axis} of size {size}"
        )
    return first, max(first, last)
