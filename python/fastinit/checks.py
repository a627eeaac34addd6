"""Checks of arguments that are numbers or booleans, which every room shares."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np


def boolean(value: Any, what: str) -> bool:
    """Return ``value`` as a Python bool; a string or a number is an error, even if it is true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{what}={value!r} is a {type(value).__name__}; pass True or False")
    return bool(value)


def finite(value: Any, what: str) -> float:
    """Return ``value`` as a finite float."""
    number = real(value, what)
    if not math.isfinite(number):
        raise ValueError(f"{what}={value} is not finite; pass a finite number")
    return number + 0.0  # a zero is +0: equal initializers draw equal bits


def real(value: Any, what: str) -> float:
    """Return ``value`` as a float; a bool or a string is an error, even if Python converts it."""
    if isinstance(value, (bool, str)):
        raise TypeError(f"{what}={value!r} is a {type(value).__name__}; pass a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is too large; pass a number below 1.8e308") from None
    except (TypeError, ValueError):
        raise TypeError(f"{what}={value!r} is a {type(value).__name__}; pass a number") from None


def integer(value: Any, what: str, allowed: str) -> int:
    """Return ``value`` as a Python integer; ``allowed`` tells in the error what to pass."""
    if not isinstance(value, bool):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(f"{what}={value!r} is a {type(value).__name__}; pass {allowed}")


def positive_integer(value: Any, what: str) -> int:
    """Return ``value`` as a Python integer >= 1."""
    number = integer(value, what, "1 or more")
    if number < 1:
        raise ValueError(f"{what}={number} is not positive; pass 1 or more")
    return number


def not_negative(value: Any, what: str) -> float:
    """Return ``value`` as a finite float >= 0."""
    number = finite(value, what)
    if number < 0:
        raise ValueError(f"{what}={value} is negative; pass 0 or more")
    return number
