"""Values: what the arguments of torch's functions mean, as draws.

torch's numbers may be Python's, NumPy's or tensors of one element; they are floats here. Each
function is cached, since models draw the same distribution many times.

All raise ValueError for what they do not draw: then torch's own function decides, which refuses it
with its own words, or knows better.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import ml_dtypes
import numpy as np
import torch

from fastinit.dtypes import DTYPES
from fastinit.initializers import Normal, Orthogonal, Sparse, Uniform
from fastinit.initializers.distributions import truncated_fill
from fastinit.requests import CONSTANT, Draw, draw

# What is drawn into a tensor of a torch dtype: pairs of floats, where it is complex.
DRAWN: dict[torch.dtype, np.dtype[Any]] = {
    **{getattr(torch, name): dtype for name, dtype in DTYPES.items()},
    torch.complex64: DTYPES["float32"],
    torch.complex128: DTYPES["float64"],
}


def number(value: Any) -> float:
    """A number as torch's functions take it, as a float.

    Raises:
        ValueError: it is none.
    """
    if type(value) is float:
        return value
    try:
        return float(value.__float__())  # which a string and a complex number lack
    except (AttributeError, TypeError, RuntimeError, OverflowError):
        raise ValueError(f"{value!r} is no number") from None


@functools.lru_cache(maxsize=1024)
def uniform(low: float, high: float, dtype: torch.dtype) -> tuple[Draw, ...]:
    """Uniform on (low, high), in each part of a complex number."""
    drawn = DRAWN[dtype]
    limit = float(ml_dtypes.finfo(drawn).max)  # type: ignore[no-untyped-call]
    if max(-low, high, high - low) > limit:
        raise ValueError(f"the bounds {low} and {high} are too far apart for {dtype}")
    return (Uniform(low, high).draw(drawn),)


@functools.lru_cache(maxsize=1024)
def normal(mean: float, std: float, dtype: torch.dtype) -> tuple[Draw, ...]:
    """Normal; each part of a complex number has this mean, and half of the variance."""
    spread = std / math.sqrt(2.0) if dtype.is_complex else std
    return (Normal(mean, spread).draw(DRAWN[dtype]),)


@functools.lru_cache(maxsize=1024)
def truncated_normal(
    mean: float, std: float, low: float, high: float, dtype: torch.dtype
) -> tuple[Draw, ...]:
    """Normal cut to [low, high], which are no multiples of std."""
    if dtype.is_complex or not std > 0 or not math.isfinite(std) or not math.isfinite(mean):
        raise ValueError("complex numbers have no order, and std must be positive and finite")
    cut = ((low - mean) / std, (high - mean) / std)
    what = f"mean={mean}, std={std}, a={low}, b={high}"
    return (truncated_fill(mean, std, cut, (low, high), DRAWN[dtype], what),)


@functools.lru_cache(maxsize=1024)
def sparse(
    sparsity: float, std: float, dtype: torch.dtype, *, shape: tuple[int, ...]
) -> tuple[Draw, ...]:
    """Normal, and in each column ceil(sparsity * rows) zeros."""
    return Sparse(sparsity, std=std).draws(shape, _real(dtype))


@functools.lru_cache(maxsize=1024)
def orthogonal(gain: float, dtype: torch.dtype, *, shape: tuple[int, ...]) -> tuple[Draw, ...]:
    """An orthogonal matrix of the first axis and all others."""
    return Orthogonal(gain).draws(shape, _real(dtype))


def _real(dtype: torch.dtype) -> np.dtype[Any]:
    if dtype.is_complex:
        raise ValueError(f"{dtype} is complex")
    return DRAWN[dtype]


def is_constant(dtype: torch.dtype) -> bool:
    """Whether constants of the dtype are drawn: of any whose element a record holds."""
    return dtype.itemsize <= 8 and not dtype.is_complex


def constant(value: Any, dtype: torch.dtype) -> tuple[Draw, ...]:
    """A constant of a dtype, rounded or wrapped as torch does it, which may raise."""
    element = torch.empty(1, dtype=dtype, device="cpu").fill_(value)
    bits = int.from_bytes(bytes(element.view(torch.uint8).tolist()), "little")
    return (draw(CONSTANT, np.dtype(f"u{dtype.itemsize}"), pattern=bits),)
