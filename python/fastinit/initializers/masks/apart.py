"""Masks that the host applies, to elements wider than those to which native masks write zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.initializers.computed import Computed, draw_bounds
from fastinit.native.box import Bounds
from fastinit.native.request import Template

if TYPE_CHECKING:
    from numpy.typing import NDArray


def masked_apart(
    values: tuple[Template, ...],
    mask: tuple[Template, ...],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> Computed:
    """Return values of which the host zeroes those that a mask of bool zeroes."""

    def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        found = draw_bounds(values, shape, dtype, bounds, seed, stream)
        found[~draw_bounds(mask, shape, np.dtype(np.bool_), bounds, seed, stream)] = 0
        return found

    over = (*values, *mask)
    return Computed(shape, dtype, compute, all(each.elementwise for each in over), over)
