"""The dtypes that can be drawn, their native codes and their neighboring values."""

from __future__ import annotations

import contextlib
import functools
import math
import struct
import warnings
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from fastinit.checks import shown
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
_COMPLEX: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype("complex64"): DTYPES["float32"],
    np.dtype("complex128"): DTYPES["float64"],
}
_ALL = DTYPES | _CONSTANT_ONLY | {dtype.name: dtype for dtype in _COMPLEX}
_ALIASES = {
    "bf16": "bfloat16",
    "double": "float64",
    "fp16": "float16",
    "fp32": "float32",
    "fp64": "float64",
    "half": "float16",
}
_LONGEST_NAME = 100  # of a dtype in NumPy's words, which describe whole structures, too


# What to use in place of dtypes that others have, by the beginning of their names.
_CONVERTED = "draw float32 and convert that"
_INSTEAD = {
    "float8_e8m0fnu": f"it holds powers of 2, the scales of blocks; {_CONVERTED}",
    "float8_e5": f"use float8_e5m2, or {_CONVERTED}",
    "float8_e": f"use float8_e4m3fn, or {_CONVERTED}",
    "float8": "there are two: float8_e4m3fn has more digits, float8_e5m2 a wider range",
    "fp8": "there are two: float8_e4m3fn has more digits, float8_e5m2 a wider range",
    "float6": f"{_CONVERTED}, with the scales of its blocks",
    "float4": f"{_CONVERTED}, with the scales of its blocks",
    "float128": "use float64",
    "longdouble": "use float64",
    "tfloat32": "use float32",
    "complex": "use complex64 or complex128",
    "uint": "use uint8, or wider",
    "int": "use int8, or wider",
    "quint": "draw float32 and quantize that",
    "qint": "draw float32 and quantize that",
    "bits": "use uint8, or wider",
}


def _unknown(dtype: Any, name: str) -> ValueError:
    for start, advice in _INSTEAD.items():
        if name.startswith(start):
            return ValueError(f"dtype={name} is not drawn; {advice}; known are {', '.join(_ALL)}")
    return ValueError(f"dtype={shown(dtype)} is not known; known are {', '.join(_ALL)}")


@functools.lru_cache(maxsize=128)
def _dtype_of(dtype: Any) -> np.dtype[Any]:
    name = "" if isinstance(dtype, type) else str(dtype).removeprefix("torch.")
    name = _ALIASES.get(name.lower(), name)
    if name in _ALL:
        return _ALL[name]
    found: np.dtype[Any] | None = None
    errors = (TypeError, ValueError, SyntaxError)  # the last one of a name that is a structure
    with contextlib.suppress(*errors), warnings.catch_warnings(action="ignore"):
        if len(name) <= _LONGEST_NAME and name.isprintable():
            found = np.dtype(dtype)
    if found is None or found.newbyteorder("=") not in _ALL.values():
        raise _unknown(dtype, name if found is None else found.name)
    if found not in _ALL.values():
        raise ValueError(
            f"dtype={dtype!r} is not in this machine's byte order; pass {found.name!r}"
        )
    return found


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of a name, or of a NumPy, ml_dtypes, JAX or torch dtype.

    Names are NumPy's and ml_dtypes's; bf16, fp16, fp32, fp64, half and double are known as well.

    Raises:
        ValueError: it can be neither drawn nor filled with a constant.
    """
    try:
        hash(dtype)
    except TypeError:
        raise _unknown(dtype, "") from None
    if dtype is None:  # float64 to NumPy
        raise _unknown(dtype, "")
    return _dtype_of(dtype)


def real_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the real and imaginary parts of a complex dtype."""
    return _COMPLEX[dtype]


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
    negative, significand, exponent = _parts(x)
    limits = _limits(dtype)
    # The distance of neighbors in `dtype` is 2**(exponent + dropped), but no less than its least.
    dropped = max(significand.bit_length() - limits.digits, limits.smallest_exponent - exponent, 0)
    units = significand >> dropped
    if negative and units << dropped != significand:
        units += 1
    value = _float_of(negative, units, exponent + dropped)
    if value > limits.largest:
        return limits.largest
    return -math.inf if value < -limits.largest else value


def smallest_at_least(x: float, dtype: np.dtype[Any]) -> float:
    """Return the smallest finite value of ``dtype`` that is >= x; infinities stay."""
    return _without_sign_of_zero(-largest_at_most(-x, dtype))


def next_below(x: float, dtype: np.dtype[Any]) -> float:
    """Return the largest value of ``dtype`` that is < x."""
    return largest_at_most(-_float64_above(-x), dtype)


def next_above(x: float, dtype: np.dtype[Any]) -> float:
    """Return the smallest value of ``dtype`` that is > x."""
    return smallest_at_least(_float64_above(x), dtype)


# Neighbors are found among bit patterns: a subnormal may count as zero in the caller's arithmetic.
_SIGN, _FRACTION_BITS, _LEAST_EXPONENT = 1 << 63, 52, -1074


@dataclass(frozen=True)
class _Limits:
    """The precision of a dtype: ``digits`` binary ones, the last 2**smallest_exponent or more."""

    digits: int
    smallest_exponent: int
    largest: float


@functools.cache
def _limits(dtype: np.dtype[Any]) -> _Limits:
    found = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    return _Limits(found.nmant + 1, int(found.minexp) - found.nmant, float(found.max))


def exceeds(first: np.dtype[Any], second: np.dtype[Any]) -> bool:
    """Return whether finite values of one float dtype may be too large for another."""
    return _limits(first).largest > _limits(second).largest


def digits_of(dtype: np.dtype[Any]) -> int:
    """Return the binary digits of a float dtype: all integers up to 2**digits are exact."""
    return _limits(dtype).digits


def _pattern(x: float) -> int:
    return int.from_bytes(struct.pack("<d", x), "little")


def _of_pattern(pattern: int) -> float:
    value: float = struct.unpack("<d", pattern.to_bytes(8, "little"))[0]
    return value


def _parts(x: float) -> tuple[bool, int, int]:
    """Return (is negative, significand, exponent) of a finite x: +-significand 2**exponent."""
    pattern = _pattern(x)
    biased, fraction = divmod(pattern & (_SIGN - 1), 1 << _FRACTION_BITS)
    significand = fraction if biased == 0 else fraction + (1 << _FRACTION_BITS)
    return bool(pattern & _SIGN), significand, max(biased - 1, 0) + _LEAST_EXPONENT


def _float_of(negative: bool, significand: int, exponent: int) -> float:
    """Return +-significand 2**exponent, which float64 holds; a zero is +0."""
    if significand == 0:
        return 0.0
    shift = min(_FRACTION_BITS + 1 - significand.bit_length(), exponent - _LEAST_EXPONENT)
    fraction, place = significand << shift, exponent - shift - _LEAST_EXPONENT
    # The leading one of a normal number adds 1 to the biased exponent, that of a subnormal is 0.
    return _of_pattern((_SIGN if negative else 0) + (place << _FRACTION_BITS) + fraction)


def _float64_above(x: float) -> float:
    """Return the smallest float64 that is > x."""
    pattern = _pattern(x)
    if pattern & (_SIGN - 1) == 0:
        return _of_pattern(1)
    if x == math.inf:
        return x
    return _of_pattern(pattern - 1 if pattern & _SIGN else pattern + 1)


def _without_sign_of_zero(x: float) -> float:
    return _of_pattern(0) if _pattern(x) == _SIGN else x


def check_not_empty(low: float, high: float, what: str, dtype: np.dtype[Any]) -> None:
    """Check that a closed interval between two values of ``dtype`` is not empty.

    Raises:
        ValueError: it is; ``what`` names the distribution in the message.
    """
    if low > high:
        raise ValueError(f"{what}: {dtype.name} has no value between the bounds; use a wider dtype")
