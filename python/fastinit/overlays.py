"""Overlays: draws over what a fill has written. Masks write zeros, scatters write constants."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastinit import _cpu
from fastinit.boxes import Box
from fastinit.requests import (
    BERNOULLI_MASK,
    EXACT_COUNT_MASK,
    MAXIMUM_RANK,
    NO_MATRICES,
    NO_SAMPLES,
    SCATTER,
    Draw,
    Fill,
    samples,
    what,
    where,
)

LARGEST_SAMPLE = _cpu.largest_sample


def bernoulli(dtype: np.dtype[Any], threshold: int) -> Fill:
    """Zeroes each element whose word is below ``threshold``, which lies in [0, 2**32)."""
    packed = what(BERNOULLI_MASK, dtype) + samples(threshold=threshold) + NO_MATRICES
    return Fill(dtype.itemsize, packed)


@dataclass(frozen=True)
class Axis:
    """An axis of a part: its size in the whole, and start, extent and stride of the part on it.

    ``step`` is how much further in its sample each element lies; 0 where the axis counts samples.
    """

    size: int
    start: int
    extent: int
    stride: int
    step: int


@dataclass(frozen=True)
class Subset(Draw):
    """Zeroes exactly ``zeros`` of every ``period`` elements along the axes ``along``.

    Args:
        dtype: of the elements.
        shape: the whole array's.
        along: the axes that samples run along, in order; the others count samples.
        period: how long a sample is: all of ``along``, or the length of groups along one axis.
        zeros: 0 to ``period``.
    """

    elementwise = False

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    along: tuple[int, ...]
    period: int
    zeros: int

    def place(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """One record.

        Raises:
            ValueError: the part is cut on more axes than a record has.
        """
        if box.bounds is None:
            raise ValueError("a mask is drawn for a part of an array, not for a flat piece of it")
        axes = _merged(self._axes(box.bounds))
        if len(axes) > MAXIMUM_RANK:
            raise ValueError(
                f"index= cuts {len(axes)} axes of a masked array, {MAXIMUM_RANK} are allowed; "
                "draw a larger part and take it from that"
            )
        extents = tuple(axis.extent for axis in axes)
        strides = tuple(axis.stride for axis in axes)
        steps = tuple(axis.step for axis in axes)
        position = sum(axis.start * axis.step for axis in axes)
        first = where(address, math.prod(extents), seed, stream, box.offset, extents, strides)
        last = samples(steps, position, self.period, self.zeros)
        return [first + what(EXACT_COUNT_MASK, self.dtype) + last + NO_MATRICES]

    def _axes(self, bounds: tuple[tuple[int, int], ...]) -> list[Axis]:
        axes = []
        stride = step = 1
        for axis in reversed(range(len(self.shape))):
            size, (start, stop) = self.shape[axis], bounds[axis]
            along = axis in self.along
            axes.append(Axis(size, start, stop - start, stride, step if along else 0))
            stride *= size
            step *= size if along else 1
        return axes[::-1]


def _merged(axes: list[Axis]) -> list[Axis]:
    """Without the axes that change nothing, and neighbours of one kind that are contiguous merged.

    An axis along the samples keeps its start: what lies before the part decides about it as well.
    """
    merged: list[Axis] = []
    for outer in reversed(axes):
        if outer.size == 1 or (outer.extent == 1 and not outer.step):
            continue
        joined = _joined(outer, merged[-1]) if merged else None
        if joined is None:
            merged.append(outer)
        else:
            merged[-1] = joined
    if not merged or merged[0].stride != 1:  # neighbours in the innermost axis are neighbours
        merged.insert(0, Axis(1, 0, 1, 1, 0))
    return merged[::-1]


def _joined(outer: Axis, inner: Axis) -> Axis | None:
    """The two axes as one, or None where they are not."""
    if bool(outer.step) != bool(inner.step) or outer.stride != inner.size * inner.stride:
        return None
    if outer.extent != 1 and inner.extent != inner.size:
        return None
    return replace(
        inner,
        size=outer.size * inner.size,
        start=outer.start * inner.size + inner.start,
        extent=outer.extent * inner.extent,
    )


@dataclass(frozen=True)
class Scatter(Draw):
    """Writes ``pattern`` to the elements on the diagonal of two axes, at one place of the others.

    Args:
        dtype: of the elements.
        pattern: their bits.
        diagonals: one for each run of elements, see ``Diagonal``.
    """

    elementwise = False

    dtype: np.dtype[Any]
    pattern: int
    diagonals: tuple[Diagonal, ...]

    def place(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """One record for each diagonal that the part meets."""
        if box.bounds is None:
            raise ValueError("a diagonal is drawn for a part of an array, not a flat piece of it")
        packed = what(SCATTER, self.dtype, pattern=self.pattern) + NO_SAMPLES + NO_MATRICES
        records = []
        for diagonal in self.diagonals:
            inside = diagonal.inside(box.bounds)
            if inside is not None:
                at, extents, strides = inside
                first = address + at * self.dtype.itemsize
                count = math.prod(extents)
                records.append(where(first, count, seed, stream, 0, extents, strides) + packed)
        return records


@dataclass(frozen=True)
class Diagonal:
    """Elements start + k on the axes ``along``, k below ``length``, for all indices of ``every``.

    Args:
        start: the first one's index, on every axis.
        length: how many.
        along: the axes on which the index rises, together.
        every: those on which all indices are taken.
    """

    start: tuple[int, ...]
    length: int
    along: tuple[int, ...]
    every: tuple[int, ...]

    def inside(
        self, bounds: tuple[tuple[int, int], ...]
    ) -> tuple[int, tuple[int, ...], tuple[int, ...]] | None:
        """(first place, extents, strides) in the memory of a part, or None where it has none."""
        rank = len(bounds)
        sizes = [stop - start for start, stop in bounds]
        spacing = [math.prod(sizes[axis + 1 :]) for axis in range(rank)]
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
