"""Draws of any 64-bit stream, given by its number."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit.boxes import part
from fastinit.initializers.base import Distribution
from fastinit.native import fill
from fastinit.requests import requests_of

ENDLESS = (1 << 58) - 1  # elements of the largest array


def draw_at(
    what: Distribution, dtype: np.dtype[Any], offset: int, count: int, seed: int, stream: int
) -> NDArray[Any]:
    """Elements offset to offset + count of a stream."""
    out = np.zeros(count, dtype)
    box = part((ENDLESS,), np.s_[offset : offset + count])
    fill(requests_of(what.draw(dtype).place(box, out.ctypes.data, seed, stream)))
    return out
