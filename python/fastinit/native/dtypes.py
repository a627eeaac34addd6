"""The dtypes that can be drawn, their native codes and their neighboring values."""

from __future__ import annotations

import contextlib
import functools
import math
import warnings
from typing import Any

import ml_dtypes
import numpy as np

from fastinit.native import _cpu

DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(getattr(ml_dtypes, name, name)) for name in _cpu.dtypes
}
"""The dtypes of drawn values by name, as csrc/request/dtypes.h lists them."""

CODES = {dtype: _cpu.dtypes[name] for name, dtype in DTYPES.items()}
_CONSTANT_ONLY: dict[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
}
_ALL = DTYPES | _CONSTANT_ONLY
_LONGEST_NAME = 100  # of a dtype in NumPy's words, which describe whole structures, too


@functools.lru_cache(maxsize=128)
def _dtype_of(dtype: Any) -> np.dtype[Any]:
    name = "" if isinstance(dtype, type) else str(dtype).removeprefix("torch.")
    if name in _ALL:
        return _ALL[name]
    found: np.dtype[Any] | None = None
    errors = (TypeError, ValueError, SyntaxError)  # the last one of a name that is a structure
    with contextlib.suppress(*errors), warnings.catch_warnings(action="ignore"):
        if len(name) <= _LONGEST_NAME and name.isprintable():
            found = np.dtype(dtype)
    if found is None or found.newbyteorder("=") not in _ALL.values():
        raise ValueError(f"dtype={dtype!r} is not known; known are {', '.join(_ALL)}")
    if found not in _ALL.values():
        raise ValueError(
            f"dtype={dtype!r} is not in this machine's byte order; pass {found.name!r}"
        )
    return found


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of a name, or of a NumPy, ml_dtypes, JAX or torch dtype.

    Raises:
        ValueError: it can be neither drawn nor filled with a constant.
    """
    try:
        hash(dtype)
    except TypeError:
        raise ValueError(f"dtype={dtype!r} is not known; known are {', '.join(_ALL)}") from None
    if dtype is None:  # float64 to NumPy
        raise ValueError(f"dtype=None is not known; known are {', '.join(_ALL)}")
    return _dtype_of(dtype)


def precision_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which values are computed: float64 for itself, else float32."""
    return DTYPES["float64"] if dtype == DTYPES["float64"] else DTYPES["float32"]


def drawable(dtype: np.dtype[Any], what: str) -> np.dtype[Any]:
    """Return the precision of ``dtype``, once it is known that it can hold random values.

    Raises:
        ValueError: random values of ``dtype`` are not drawn.
    """
    if dtype not in CODES:
        names = ", ".join(each.name for each in CODES)
        raise ValueError(f"dtype={dtype.name} does not hold {what} values; use one of {names}")
    return precision_of(dtype)


_NORMAL_NUMBERS = {
    dtype: (float(limits.smallest_normal), float(limits.max))
    for dtype in (DTYPES["float64"], DTYPES["float32"])
    for limits in (np.finfo(dtype),)
}


def representable(value: float, what: str, precision: np.dtype[Any]) -> float:
    """Return ``value``, once it is known to be zero or a normal number in ``precision``.

    Raises:
        ValueError: it overflows or is subnormal there.
    """
    smallest, largest = _NORMAL_NUMBERS[precision]
    if value != 0 and not smallest <= abs(value) <= largest:
        limits = np.finfo(precision)
        raise ValueError(
            f"{what}={value} is outside the normal numbers of {precision.name}, in which values "
            f"are computed ({limits.smallest_normal} to {limits.max}); rescale, or use float64"
        )
    return value


def largest_at_most(x: float, dtype: np.dtype[Any]) -> float:
    """Return the largest finite value of ``dtype`` that is <= x; infinities stay."""
    if math.isinf(x):
        return x
    limit = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
    value = dtype.type(min(max(x, -limit), limit))  # off by at most one place, in either direction
    while float(value) > x:
        if float(value) == -limit:
            return -math.inf
        value = np.nextafter(value, dtype.type(-limit))
    while float(value) < limit and float(above := np.nextafter(value, dtype.type(limit))) <= x:
        value = above
    return float(value) + 0.0  # a zero is +0


def smallest_at_least(x: float, dtype: np.dtype[Any]) -> float:
    """Return the smallest finite value of ``dtype`` that is >= x; infinities stay."""
    return -largest_at_most(-x, dtype) + 0.0


def next_below(x: float, dtype: np.dtype[Any]) -> float:
    """Return the largest value of ``dtype`` that is < x."""
    return largest_at_most(math.nextafter(x, -math.inf), dtype)


def next_above(x: float, dtype: np.dtype[Any]) -> float:
    """Return the smallest value of ``dtype`` that is > x."""
    return smallest_at_least(math.nextafter(x, math.inf), dtype)


def check_not_empty(low: float, high: float, what: str, dtype: np.dtype[Any]) -> None:
    """Check that a closed interval between two values of ``dtype`` is not empty.

    Raises:
        ValueError: it is; ``what`` names the distribution in the message.
    """
    if low > high:
        raise ValueError(f"{what}: {dtype.name} has no value between the bounds; use a wider dtype")
