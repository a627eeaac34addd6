"""An exact model of PTX's arithmetic, in Python's integers and fractions.

Numbers are the bits of a format ("f32", "bf16") or of an integer type ("s16").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

NAN_F64 = "a NaN"
"""A float64 result that is a NaN, whose bits PTX leaves open."""

Bits = int | str


class Format(NamedTuple):
    precision: int
    emin: int
    emax: int
    width: int

    @property
    def fraction(self) -> int:
        """The bits of the fraction."""
        return self.precision - 1

    @property
    def infinity(self) -> int:
        return ((1 << (self.width - self.precision)) - 1) << self.fraction


FORMATS = {
    "f16": Format(11, -14, 15, 16),
    "bf16": Format(8, -126, 127, 16),
    "f32": Format(24, -126, 127, 32),
    "f64": Format(53, -1022, 1023, 64),
}
_CANONICAL_NANS = {"f16": 0x7FFF, "bf16": 0x7FFF, "f32": 0x7FFFFFFF}


class Number(NamedTuple):
    """A decoded float. ``value`` is meaningless where ``kind`` is not "finite"."""

    kind: str
    sign: int
    value: Fraction

    @property
    def is_zero(self) -> bool:
        return self.kind == "finite" and self.value == 0

    @property
    def order(self) -> Any:
        """What numbers other than NaNs are compared by."""
        if self.kind == "infinite":
            return -math.inf if self.sign else math.inf
        return self.value


def signed(number: int, width: int) -> int:
    number &= (1 << width) - 1
    return number - (1 << width) if number >> (width - 1) else number


def integer(bits: int, type_: str) -> int:
    """Return the value of an integer type's bits."""
    width = int(type_[1:])
    return signed(bits, width) if type_[0] == "s" else bits & ((1 << width) - 1)


def limits(type_: str) -> tuple[int, int]:
    """Return the least and the greatest value of an integer type."""
    width = int(type_[1:])
    if type_[0] == "s":
        return -(1 << (width - 1)), (1 << (width - 1)) - 1
    return 0, (1 << width) - 1


def decode(bits: int, name: str) -> Number:
    form = FORMATS[name]
    sign = bits >> (form.width - 1)
    largest = (1 << (form.width - form.precision)) - 1
    exponent = (bits >> form.fraction) & largest
    fraction = bits & ((1 << form.fraction) - 1)
    if exponent == largest:
        return Number("nan" if fraction else "infinite", sign, Fraction(0))
    if exponent:
        fraction += 1 << form.fraction
    scale = Fraction(2) ** (max(exponent, 1) - 1 + form.emin - form.fraction)
    value = fraction * scale
    return Number("finite", sign, -value if sign else value)


def encode(value: Fraction, name: str, mode: str = "rn", zero_sign: int = 0) -> int:
    """Round a fraction to a format."""
    form = FORMATS[name]
    if value == 0:
        return zero_sign << (form.width - 1)
    negative, size = value < 0, abs(value)
    sign = int(negative) << (form.width - 1)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if Fraction(2) ** exponent > size:
        exponent -= 1
    exponent = max(exponent, form.emin)
    significand = _rounded(size / Fraction(2) ** (exponent - form.fraction), negative, mode)
    if significand >= 1 << form.precision:
        significand >>= 1
        exponent += 1
    if exponent > form.emax:
        to_infinity = {"rn": True, "rz": False, "rm": negative, "rp": not negative}[mode]
        return sign | (form.infinity if to_infinity else form.infinity - 1)
    if significand < 1 << form.fraction:
        return sign | significand
    biased = exponent - form.emin + 1
    return sign | (biased << form.fraction) | (significand - (1 << form.fraction))


def _rounded(size: Fraction, negative: bool, mode: str) -> int:
    """Return the size of a number, rounded to an integer."""
    whole, rest = divmod(size, 1)
    half = Fraction(1, 2)
    up = {
        "rn": rest > half or (rest == half and whole % 2 == 1),
        "rz": False,
        "rm": negative and rest > 0,
        "rp": not negative and rest > 0,
    }
    return int(whole) + up[mode]


def nan(name: str) -> Bits:
    return _CANONICAL_NANS.get(name, NAN_F64)


def infinity(name: str, sign: int) -> int:
    return (sign << (FORMATS[name].width - 1)) | FORMATS[name].infinity


def _zero_sign(first: int, second: int, mode: str) -> int:
    """Return the sign of a sum of zeros."""
    return first if first == second else int(mode == "rm")


def add(name: str, a: int, b: int, mode: str = "rn") -> Bits:
    x, y = decode(a, name), decode(b, name)
    if "nan" in (x.kind, y.kind):
        return nan(name)
    if "infinite" in (x.kind, y.kind):
        if x.kind == y.kind and x.sign != y.sign:
            return nan(name)
        return infinity(name, x.sign if x.kind == "infinite" else y.sign)
    zero = _zero_sign(x.sign, y.sign, mode) if x.value == y.value == 0 else int(mode == "rm")
    return encode(x.value + y.value, name, mode, zero)


def subtract(name: str, a: int, b: int, mode: str = "rn") -> Bits:
    return add(name, a, b ^ (1 << (FORMATS[name].width - 1)), mode)


def multiply(name: str, a: int, b: int, mode: str = "rn") -> Bits:
    x, y = decode(a, name), decode(b, name)
    sign = x.sign ^ y.sign
    if "nan" in (x.kind, y.kind):
        return nan(name)
    if "infinite" in (x.kind, y.kind):
        return nan(name) if x.is_zero or y.is_zero else infinity(name, sign)
    return encode(x.value * y.value, name, mode, sign)


def fma(name: str, a: int, b: int, c: int, mode: str = "rn") -> Bits:
    x, y, z = (decode(bits, name) for bits in (a, b, c))
    sign = x.sign ^ y.sign
    if "nan" in (x.kind, y.kind, z.kind):
        return nan(name)
    if "infinite" in (x.kind, y.kind):
        opposed = z.kind == "infinite" and z.sign != sign
        return nan(name) if x.is_zero or y.is_zero or opposed else infinity(name, sign)
    if z.kind == "infinite":
        return infinity(name, z.sign)
    product = x.value * y.value
    zero = _zero_sign(sign, z.sign, mode) if product == z.value == 0 else int(mode == "rm")
    return encode(product + z.value, name, mode, zero)


def divide(name: str, a: int, b: int) -> Bits:
    x, y = decode(a, name), decode(b, name)
    sign = x.sign ^ y.sign
    if "nan" in (x.kind, y.kind) or x.kind == y.kind == "infinite":
        return nan(name)
    if x.kind == "infinite":
        return infinity(name, sign)
    if y.kind == "infinite":
        return encode(Fraction(0), name, zero_sign=sign)
    if y.is_zero:
        return nan(name) if x.is_zero else infinity(name, sign)
    return encode(x.value / y.value, name, zero_sign=sign)


def square_root(name: str, a: int) -> Bits:
    x = decode(a, name)
    if x.kind == "nan" or (x.sign and not x.is_zero):
        return nan(name)
    if x.kind == "infinite" or x.is_zero:
        return a
    scaled = x.value * 2**1600  # the root of an integer, with a bit that says whether it is exact
    root = math.isqrt(scaled.numerator // scaled.denominator)
    sticky = int(root * root != scaled)
    return encode(Fraction(2 * root + sticky, 2) / 2**800, name)


def extremum(name: str, a: int, b: int, is_max: bool, keep_nan: bool = False) -> Bits:
    x, y = decode(a, name), decode(b, name)
    kinds = (x.kind, y.kind)
    if kinds == ("nan", "nan") or (keep_nan and "nan" in kinds):
        return nan(name)
    if x.kind == "nan":
        return b
    if y.kind == "nan":
        return a
    first, second = (x.order, -x.sign), (y.order, -y.sign)
    if is_max:
        return a if first >= second else b
    return a if first <= second else b


def holds(how: str, name: str, a: int, b: int) -> bool:
    """Return the result of a comparison."""
    x, y = decode(a, name), decode(b, name)
    is_unordered = "nan" in (x.kind, y.kind)
    if how in ("num", "nan"):
        return is_unordered == (how == "nan")
    if is_unordered:
        return how.endswith("u")
    return COMPARISONS[how[:2]](x.order, y.order)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda x, y: bool(x == y),
    "ne": lambda x, y: bool(x != y),
    "lt": lambda x, y: bool(x < y),
    "le": lambda x, y: bool(x <= y),
    "gt": lambda x, y: bool(x > y),
    "ge": lambda x, y: bool(x >= y),
}


def integer_to_float(bits: int, source: str, name: str, mode: str) -> int:
    return encode(Fraction(integer(bits, source)), name, mode)


def float_to_integer(bits: int, name: str, to: str, mode: str) -> int:
    width, (least, greatest) = int(to[1:]), limits(to)
    x = decode(bits, name)
    if x.kind == "nan":
        return 0 if name != "f64" and width < 64 else 1 << (width - 1)
    if x.kind == "infinite":
        value = least if x.sign else greatest
    else:
        value = min(max(_integral(x.value, mode), least), greatest)
    return value & ((1 << width) - 1)


def to_integral(bits: int, name: str, mode: str) -> Bits:
    x = decode(bits, name)
    if x.kind != "finite":
        return nan(name) if x.kind == "nan" else bits
    return encode(Fraction(_integral(x.value, mode)), name, zero_sign=x.sign)


def _integral(value: Fraction, mode: str) -> int:
    if mode == "rni":
        return round(value)  # half to even
    if mode == "rmi":
        return math.floor(value)
    return math.ceil(value) if mode == "rpi" else math.trunc(value)


def between_floats(bits: int, source: str, to: str, mode: str) -> Bits:
    x = decode(bits, source)
    if x.kind == "nan":
        return nan(to)
    if x.kind == "infinite":
        return infinity(to, x.sign)
    return encode(x.value, to, mode, x.sign)
