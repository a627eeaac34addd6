"""Templates that write over what a fill has written: masks write zeros, scatters a constant."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastinit.native import _cpu
from fastinit.native.box import Bounds, Box, axes_of_part, c_strides, merged, with_innermost
from fastinit.native.request import (
    MAXIMUM_RANK,
    NO_MATRICES,
    NO_SAMPLES,
    Fill,
    Template,
    location,
    samples,
    values,
)

LARGEST_SAMPLE = _cpu.largest_sample
_COUNTS, _ALONG = 0, 1  # what an axis does: it counts samples, or samples run along it


class BernoulliMask(Fill):
    """A mask whose elements are independent."""

    zeroes_only = True


def bernoulli_mask(dtype: np.dtype[Any], threshold: int) -> BernoulliMask:
    """Zero each element whose word is below ``threshold``, which lies in [0, 2**32)."""
    packed = values("bernoulli_mask", dtype) + samples(threshold=threshold) + NO_MATRICES
    return BernoulliMask(dtype.itemsize, packed)


@dataclass(frozen=True)
class ExactCountMask(Template):
    """Zero exactly ``zeros`` of every ``period`` elements along the axes ``along``.

    Args:
        dtype: of the elements.
        shape: the whole array's.
        along: the axes that samples run along, in order; the others count samples.
        period: the length of a sample: all of ``along``, or the length of groups along one axis.
        zeros: 0 to ``period``.
    """

    elementwise = False
    zeroes_only = True

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    along: tuple[int, ...]
    period: int
    zeros: int

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """Return one request.

        Raises:
            ValueError: the part is cut on more axes than a request has.
        """
        if box.bounds is None:
            raise ValueError("a mask is drawn for a part of an array, not for a flat piece of it")
        roles = [_ALONG if axis in self.along else _COUNTS for axis in range(len(self.shape))]
        axes = merged(axes_of_part(self.shape, box.bounds, roles))
        # An axis along the samples stays even if the part has one index on it: what lies before
        # the part decides about it as well.
        axes = with_innermost([axis for axis in axes if axis.role == _ALONG or axis.extent != 1])
        if len(axes) > MAXIMUM_RANK:
            raise ValueError(
                f"index= cuts {len(axes)} axes of a masked array, {MAXIMUM_RANK} are allowed; "
                "draw a larger part and index that"
            )
        steps = []
        position = 0
        step = 1
        for axis in reversed(axes):
            steps.append(step if axis.role == _ALONG else 0)
            if axis.role == _ALONG:
                position += axis.start * step
                step *= axis.size
        extents = tuple(axis.extent for axis in axes)
        strides = tuple(axis.stride for axis in axes)
        where = location(address, math.prod(extents), seed, stream, box.offset, extents, strides)
        last = samples(tuple(reversed(steps)), position, self.period, self.zeros)
        return [where + values("exact_count_mask", self.dtype) + last + NO_MATRICES]


@functools.lru_cache(maxsize=4096)
def _border(seed: int, stream: int, count: int, zeros: int) -> tuple[int, tuple[int, ...]]:
    """Return where the ``zeros`` smallest keys of ``count`` elements end; see docs/streams.md.

    Returns:
        A threshold, below which all words are zeroed, and the flat indices of further elements.
        The cache saves the second pass over all words to parts of one array.
    """
    return _cpu.mask_border(seed, stream, count, zeros)


@dataclass(frozen=True)
class TotalCountMask(Template):
    """Zero exactly ``zeros`` of all elements of an array: those with the smallest keys.

    Args:
        dtype: of the elements.
        count: of the elements of the whole array.
        zeros: more than 0, less than ``count``.
    """

    elementwise = True
    zeroes_only = True

    dtype: np.dtype[Any]
    count: int
    zeros: int

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """Return those of a Bernoulli mask, and one for each tied element that is zeroed."""
        threshold, _ = _border(seed, stream, self.count, self.zeros)
        mask = bernoulli_mask(self.dtype, threshold)
        return [
            *mask.requests(box, address, seed, stream),
            *_zeros_at(self.tied(box, seed, stream), self.dtype, address),
        ]

    def tied(self, box: Box, seed: int, stream: int) -> list[int]:
        """Return the positions in a part of the elements at the border that are zeroed, too."""
        _, indices = _border(seed, stream, self.count, self.zeros)
        positions = (_position(index, box) for index in indices)
        return [each for each in positions if each is not None]


def _position(index: int, box: Box) -> int | None:
    """Return where an element lies in the memory of a part, given its flat index in the whole."""
    rest = index - box.offset
    position = 0
    for extent, stride in zip(box.extents, box.strides, strict=True):
        along, rest = divmod(rest, stride)
        if not 0 <= along < extent:
            return None
        position = position * extent + along
    return position


def _zeros_at(positions: list[int], dtype: np.dtype[Any], address: int) -> Iterator[bytes]:
    packed = values("scatter", dtype) + NO_SAMPLES + NO_MATRICES
    for position in positions:
        yield location(address + position * dtype.itemsize, 1, 0, 0, 0, (1,), (1,)) + packed


@dataclass(frozen=True)
class BlockMask(Template):
    """Zero whole blocks: exactly ``zeros`` of them, or each whose word is below ``threshold``.

    The blocks are the elements of a grid, and the words are those of the grid.

    Args:
        dtype: of the elements.
        shape: the whole array's, no axis of which is empty.
        block: the size of a block on every axis, which divides the axis.
        zeros: more than 0, less than the number of blocks; None for a threshold.
        threshold: in [0, 2**32), where ``zeros`` is None.
    """

    elementwise = False
    zeroes_only = True

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    block: tuple[int, ...]
    zeros: int | None = None
    threshold: int = 0

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of blocks on every axis."""
        return tuple(size // each for size, each in zip(self.shape, self.block, strict=True))

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """Return one request, and one for each element of the tied blocks that are zeroed.

        Raises:
            ValueError: the part is cut on more axes than a request has.
        """
        axes = self._axes(box)
        if len(axes) > MAXIMUM_RANK:
            raise ValueError(
                f"blocks on {len(axes)} axes of an array are drawn, {MAXIMUM_RANK} are allowed; "
                "merge axes whose blocks have size 1, or that are within one block"
            )
        threshold = self.threshold
        if self.zeros is not None:
            threshold, _ = _border(seed, stream, math.prod(self.grid), self.zeros)
        strides, offset, position = [], 0, 0
        step = 1
        for axis in reversed(axes):
            strides.append(step)
            offset += axis.start // axis.block * step
            step *= axis.size // axis.block
        for axis in axes:
            position = position * axis.block + axis.start % axis.block
        extents = tuple(axis.extent for axis in axes)
        count = math.prod(extents)
        where = location(address, count, seed, stream, offset, extents, tuple(reversed(strides)))
        blocks = tuple(axis.block for axis in axes)
        last = samples(blocks, position, threshold=threshold)
        mask = where + values("block_mask", self.dtype) + last + NO_MATRICES
        return [mask, *_zeros_at(self.tied(box, seed, stream), self.dtype, address)]

    def tied(self, box: Box, seed: int, stream: int) -> list[int]:
        """Return the positions in a part of the elements of tied blocks that are zeroed, too."""
        if self.zeros is None:
            return []
        _, blocks = _border(seed, stream, math.prod(self.grid), self.zeros)
        positions = []
        for number in blocks:
            corner = np.unravel_index(number, self.grid)
            ranges = (
                range(int(at) * size, int(at) * size + size)
                for at, size in zip(corner, self.block, strict=True)
            )
            for index in itertools.product(*ranges):
                flat = int(np.ravel_multi_index(index, self.shape))
                if (position := _position(flat, box)) is not None:
                    positions.append(position)
        return positions

    def _axes(self, box: Box) -> list[_BlockAxis]:
        """Return the axes of a part, merged where neighbors are blocks of one larger axis."""
        if box.bounds is None:
            raise ValueError("blocks are masked in a part of an array, not in a flat piece of it")
        axes: list[_BlockAxis] = []
        for size, (start, stop), block in zip(self.shape, box.bounds, self.block, strict=True):
            axis = _BlockAxis(size, start, stop - start, block)
            if axes and axis.extent == size and (block == size or axes[-1].block == block == 1):
                outer = axes.pop()
                axis = _BlockAxis(
                    outer.size * size, outer.start * size, outer.extent * size, outer.block * block
                )
            axes.append(axis)
        return axes or [_BlockAxis(1, 0, 1, 1)]


class _BlockAxis(NamedTuple):
    """An axis of a whole array: the stretch that a part covers, and the size of blocks."""

    size: int
    start: int
    extent: int
    block: int


@dataclass(frozen=True)
class Scatter(Template):
    """Write ``pattern`` to the elements on some diagonals.

    Args:
        dtype: of the elements.
        pattern: their bits.
        diagonals: the runs of elements, see ``Diagonal``.
    """

    elementwise = False

    dtype: np.dtype[Any]
    pattern: int
    diagonals: tuple[Diagonal, ...]

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """Return one request for each diagonal that the part meets."""
        if box.bounds is None:
            raise ValueError("a diagonal is drawn for a part of an array, not a flat piece of it")
        packed = values("scatter", self.dtype, pattern=self.pattern) + NO_SAMPLES + NO_MATRICES
        requests = []
        for diagonal in self.diagonals:
            inside = diagonal.inside(box.bounds)
            if inside is not None:
                at, extents, strides = inside
                first = address + at * self.dtype.itemsize
                count = math.prod(extents)
                requests.append(location(first, count, seed, stream, 0, extents, strides) + packed)
        return requests


@dataclass(frozen=True)
class Diagonal:
    """Elements start + k on the axes ``along``, k below ``length``, for all indices of ``every``.

    Args:
        start: the index of the first one, on every axis.
        length: the number of elements.
        along: the axes on which the index rises, together.
        every: the axes on which all indices are taken.
    """

    start: tuple[int, ...]
    length: int
    along: tuple[int, ...]
    every: tuple[int, ...]

    def inside(self, bounds: Bounds) -> tuple[int, tuple[int, ...], tuple[int, ...]] | None:
        """Return (first position, extents, strides) in a part's memory, or None outside of it."""
        sizes = [stop - start for start, stop in bounds]
        spacing = c_strides(sizes)
        first, last = 0, self.length
        at = 0
        for axis, (start, stop) in enumerate(bounds):
            mine = self.start[axis]
            if axis in self.along:
                first, last = max(first, start - mine), min(last, stop - mine)
            elif axis not in self.every and not start <= mine < stop:
                return None
            at += (mine - start) * spacing[axis] if axis not in self.every else 0
        if first >= last:
            return None
        step = sum(spacing[axis] for axis in self.along)
        extents = (*(sizes[axis] for axis in self.every), last - first)
        strides = (*(spacing[axis] for axis in self.every), step)
        return at + first * step, extents, strides
