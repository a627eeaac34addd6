"""Checks of numbers that several modules share."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from fastinit.dtypes import CODES, precision_of


def finite(value: Any, what: str) -> float:
    """``value`` as a finite float."""
    number = real(value, what)
    if not math.isfinite(number):
        raise ValueError(f"{what}={value} is not finite; pass a finite number")
    return number + 0.0  # a zero is +0: equal initializers draw equal bits


def real(value: Any, what: str) -> float:
    """``value`` as a float. A bool or a string is a mistake, also where Python would convert it."""
    if isinstance(value, (bool, str)):
        raise TypeError(f"{what}={value!r} is a {type(value).__name__}; pass a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is too large; pass a number below 1.8e308") from None
    except (TypeError, ValueError):
        raise TypeError(f"{what}={value!r} is a {type(value).__name__}; pass a number") from None


def integer(value: Any, what: str, allowed: str) -> int:
    """``value`` as a Python integer; ``allowed`` says in the error what to pass."""
    if not isinstance(value, bool):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(f"{what}={value!r} is a {type(value).__name__}; pass {allowed}")


def not_negative(value: Any, what: str) -> float:
    """``value`` as a finite float >= 0."""
    number = finite(value, what)
    if number < 0:
        raise ValueError(f"{what}={value} is negative; pass 0 or more")
    return number


def drawable(dtype: np.dtype[Any], what: str) -> np.dtype[Any]:
    """The dtype in which the values of ``dtype`` are computed.

    Raises:
        ValueError: random values of ``dtype`` are not drawn.
    """
    if dtype not in CODES:
        names = ", ".join(each.name for each in CODES)
        raise ValueError(f"dtype={dtype.name} holds no {what} values; use one of {names}")
    return precision_of(dtype)


def representable(value: float, what: str, precision: np.dtype[Any]) -> float:
    """``value``, once it is known to be zero or a normal number when rounded to ``precision``."""
    limits = np.finfo(precision)
    if value != 0 and not float(limits.smallest_normal) <= abs(value) <= float(limits.max):
        raise ValueError(
            f"{what}={value} is outside the normal numbers of {precision.name}, in which values "
            f"are computed ({limits.smallest_normal} to {limits.max}); rescale, or use float64"
        )
    return value
