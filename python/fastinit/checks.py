"""Checks of arguments that are numbers, booleans or paths, which every room shares."""

from __future__ import annotations

import math
import operator
import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_REAL_DTYPES = ("float", "bfloat", "int", "uint")  # how the names of real dtypes begin
_LONGEST = 200  # characters of a value in an error


def shown(value: Any) -> str:
    """Return the repr of a value for an error, shortened where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integers of more than 4300 digits
        if isinstance(value, int):
            return f"an integer of {value.bit_length()} bits"
        text = f"({', '.join(map(shown, value))})" if isinstance(value, tuple) else "a value"
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def type_of(value: Any) -> str:
    """Return the name of a value's type with its article, as "an int", for an error."""
    name = type(value).__name__
    return f"{'an' if name.startswith(('ndarray', *'aeioAEIO')) else 'a'} {name}"


def wrong_type(value: Any, what: str, allowed: str) -> TypeError:
    """Return the error of an argument of another type; ``allowed`` tells what to pass."""
    return TypeError(f"{what}={shown(value)} is {type_of(value)}; pass {allowed}")


def boolean(value: Any, what: str) -> bool:
    """Return ``value`` as a Python bool; a string or a number is an error, even if it is true."""
    if not isinstance(value, (bool, np.bool_)):
        raise wrong_type(value, what, "True or False")
    return bool(value)


def path(value: Any, what: str) -> Path:
    """Return ``value`` as a path; what is neither a string nor a path is an error."""
    if not isinstance(value, (str, os.PathLike)):
        raise wrong_type(value, what, "a path, as a string or a Path")
    from pathlib import Path  # here, as drawing an array needs none

    return Path(value)


def finite(value: Any, what: str) -> float:
    """Return ``value`` as a finite float."""
    number = real(value, what)
    if not math.isfinite(number):
        raise ValueError(f"{what}={value} is not finite; pass a finite number")
    return number + 0.0  # a zero is +0: equal initializers draw equal bits


def real(value: Any, what: str) -> float:
    """Return ``value`` as a float; what Python converts but is not a real number is an error."""
    if type(value) is float:
        return value
    if _is_real(value):
        try:
            number = float(value)
        except OverflowError:
            raise _too_large(what) from None
        except (TypeError, ValueError, RuntimeError, ArithmeticError):
            pass  # as objects without __float__, and signaling NaNs of decimal
        else:
            if math.isinf(number) and value != number:
                raise _too_large(what)
            if number == 0 and value != 0:
                raise ValueError(f"{what}={shown(value)} is too small; pass 0 or more than 1e-308")
            return number
    raise wrong_type(value, what, "a number")


def _too_large(what: str) -> ValueError:
    return ValueError(f"{what} is too large; pass a number below 1.8e308")


def _is_real(value: Any) -> bool:
    """Whether a value may be a real number: not a bool, a text, a complex number or a sequence."""
    if isinstance(value, (bool, str, bytes, bytearray, complex)) or getattr(value, "ndim", 0) != 0:
        return False
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return True
    name = getattr(dtype, "name", None) or str(dtype).removeprefix("torch.")
    return str(name).startswith(_REAL_DTYPES)


def integer(value: Any, what: str, allowed: str) -> int:
    """Return ``value`` as a Python integer; ``allowed`` tells in the error what to pass."""
    if type(value) is int:
        return value
    if _is_real(value):
        try:
            return operator.index(value)
        except (TypeError, ValueError, RuntimeError):
            pass
    raise wrong_type(value, what, allowed)


def positive_integer(value: Any, what: str) -> int:
    """Return ``value`` as a Python integer >= 1."""
    number = integer(value, what, "1 or more")
    if number < 1:
        raise ValueError(f"{what}={shown(number)} is not positive; pass 1 or more")
    return number


def not_negative(value: Any, what: str) -> float:
    """Return ``value`` as a finite float >= 0."""
    number = finite(value, what)
    if number < 0:
        raise ValueError(f"{what}={value} is negative; pass 0 or more")
    return number
