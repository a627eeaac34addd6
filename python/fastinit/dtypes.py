"""The dtypes that can be drawn, their native codes and their neighbouring values."""

from __future__ import annotations

import functools
import math
from typing import Any

import ml_dtypes
import numpy as np

from fastinit import _cpu

DTYPES: dict[str, np.dtype[Any]] = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
}
CODES = {dtype: _cpu.dtypes[name] for name, dtype in DTYPES.items()}
_CONSTANT_ONLY: dict[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
}
_ALL = DTYPES | _CONSTANT_ONLY


@functools.lru_cache(maxsize=128)
def _dtype_of(dtype: Any) -> np.dtype[Any]:
    name = "" if isinstance(dtype, type) else str(dtype).removeprefix("torch.")
    if name in _ALL:
        return _ALL[name]
    found: np.dtype[Any] | None
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.newbyteorder("=") not in _ALL.values():
        raise ValueError(f"dtype={dtype!r} is not known; known are {', '.join(_ALL)}")
    if found not in _ALL.values():
        raise ValueError(
            f"dtype={dtype!r} is not in this machine's byte order; pass {found.name!r}"
        )
    return found


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype of a name, a NumPy, ml_dtypes, JAX or torch dtype.

    Raises:
        ValueError: it is none of those that can be drawn or be a constant.
    """
    try:
        hash(dtype)
    except TypeError:
        raise ValueError(f"dtype={dtype!r} is not known; known are {', '.join(_ALL)}") from None
    if dtype is None:  # float64 to NumPy
        raise ValueError(f"dtype=None is not known; known are {', '.join(_ALL)}")
    return _dtype_of(dtype)


def precision_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which values are computed: float64 for itself, float32 for all others."""
    return DTYPES["float64"] if dtype == DTYPES["float64"] else DTYPES["float32"]


def largest_at_most(x: float, dtype: np.dtype[Any]) -> float:
    """The largest finite value of ``dtype`` that is <= x; infinities stay, as does an overflow."""
    if math.isinf(x):
        return x
    limit = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
    value = dtype.type(min(max(x, -limit), limit))  # off by at most one place, whichever way
    while float(value) > x:
        if float(value) == -limit:
            return -math.inf
        value = np.nextafter(value, dtype.type(-limit))
    while float(value) < limit and float(above := np.nextafter(value, dtype.type(limit))) <= x:
        value = above
    return float(value) + 0.0  # a zero is +0


def smallest_at_least(x: float, dtype: np.dtype[Any]) -> float:
    """The smallest finite value of ``dtype`` that is >= x; infinities stay."""
    return -largest_at_most(-x, dtype) + 0.0


def next_below(x: float, dtype: np.dtype[Any]) -> float:
    """The largest value of ``dtype`` that is < x."""
    return largest_at_most(math.nextafter(x, -math.inf), dtype)


def next_above(x: float, dtype: np.dtype[Any]) -> float:
    """The smallest value of ``dtype`` that is > x."""
    return smallest_at_least(math.nextafter(x, math.inf), dtype)
