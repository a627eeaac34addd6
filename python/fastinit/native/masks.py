"""Templates that write over what a fill has written: masks write zeros, scatters a constant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit.native import _cpu
from fastinit.native.box import Bounds, Box, axes_of_part, merged, with_innermost
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


def bernoulli_mask(dtype: np.dtype[Any], threshold: int) -> Fill:
    """Zero each element whose word is below ``threshold``, which lies in [0, 2**32)."""
    packed = values("bernoulli_mask", dtype) + samples(threshold=threshold) + NO_MATRICES
    return Fill(dtype.itemsize, packed)


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
