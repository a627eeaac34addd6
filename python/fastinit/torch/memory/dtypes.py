"""Torch dtypes as they are drawn: a complex number is two real ones, on one more axis of size 2."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fastinit.native.dtypes import DTYPES

DRAWN: dict[torch.dtype, np.dtype[Any]] = {
    **{getattr(torch, name): dtype for name, dtype in DTYPES.items()},
    torch.complex64: DTYPES["float32"],
    torch.complex128: DTYPES["float64"],
}
"""The dtype of the values that are drawn into a tensor of a torch dtype."""


def complex_axis(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return the sizes to append to a tensor's shape to get the shape of its real numbers."""
    return (2,) if tensor.is_complex() else ()
