"""The template of orthogonal matrices in an array, of which each axis has a role."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit.native import _cpu
from fastinit.native.box import Axis, Box, axes_of_part, merged
from fastinit.native.request import (
    MAXIMUM_RANK,
    NO_SAMPLES,
    Template,
    location,
    matrices,
    values,
)

ROW, COLUMN, BATCH, KERNEL = (
    _cpu.axis_roles[name] for name in ("row", "column", "batch", "kernel")
)


@dataclass(frozen=True)
class Matrices(Template):
    """Orthogonal matrices times a gain.

    Args:
        dtype: of the elements.
        gain: what every entry is multiplied with.
        shape: the whole array's.
        roles: what each axis is: ``ROW``, ``COLUMN``, ``BATCH``, or ``KERNEL`` for an axis of which
            only the middle index holds the matrices.
    """

    elementwise = False

    dtype: np.dtype[Any]
    gain: float
    shape: tuple[int, ...]
    roles: tuple[int, ...]

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """Return one request.

        Raises:
            ValueError: ``box`` is a flat piece, or cuts through too many axes.
        """
        if box.bounds is None:
            raise ValueError("a flat piece of an orthogonal matrix cannot be drawn; draw it whole")
        axes = self._axes(box)
        if len(axes) > MAXIMUM_RANK:
            raise ValueError(
                f"shape {self.shape} with this layout= and index= alternates between rows, columns "
                f"and batches too often; at most {MAXIMUM_RANK} such axes are allowed"
            )
        roles = tuple(KERNEL if axis.role is None else axis.role for axis in axes)
        extents = tuple(axis.extent for axis in axes)
        strides = tuple(axis.stride for axis in axes)
        first = sum(axis.start * axis.stride for axis in axes)
        count = math.prod(extents)
        where = location(address, count, seed, stream, first, extents, strides)
        packed = values("orthogonal", self.dtype, (self.gain,)) + NO_SAMPLES
        return [where + packed + matrices(math.prod(self.shape), roles)]

    def _axes(self, box: Box) -> list[Axis]:
        """Return the part's axes, merged; axes of a kernel have a middle each, so they are not."""
        assert box.bounds is not None
        roles = [None if role == KERNEL else role for role in self.roles]
        return merged(axes_of_part(self.shape, box.bounds, roles)) or [Axis(1, 0, 1, 1, ROW)]
