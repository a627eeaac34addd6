"""Scales: factors on the drawn values, from the depth, the sizes and the config of a model."""

from __future__ import annotations

import dataclasses
import functools
import math
from fractions import Fraction
from typing import Any

from fastinit import json_files
from fastinit.initializers import Initializer
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.recipes.model_numbers import SCALES, Of, check_positive, checked_of, of_from, plain_of

_LARGEST_POWER = 4
_LARGEST_DENOMINATOR = 64


@dataclasses.dataclass(frozen=True)
class Scale:
    """Factor, as on all values of an initializer: (times * a number of the model / base) ** power.

    Args:
        of: The number of the model. ``"layers"`` is the number of layers in the stack of the
            parameter: how many distinct numbers ``{layer}`` has after the same beginning of the
            name. ``"layer"`` is the number of the parameter's own layer, counted from 1. ``Axis``
            is the size of an axis, ``Layers`` the number of layers of another stack, ``Setting`` a
            number in the model's config.
        times: A positive number.
        base: The number in a base model, to which this model's is compared.
        power: A fraction from -4 to 4 with a denominator of 64 or less, as a number (``-0.5``), a
            ``fractions.Fraction``, or a string (``"-1/6"``).
        part: The label of a part of a ``Split``, whose values alone are scaled; None for all.

    Raises:
        TypeError: ``times``, ``base`` or ``power`` is not a number, or ``part`` not a string.
        ValueError: A field is out of range.

    Example:
        >>> from fastinit.recipes import Axis, Scale
        >>> Scale("layers", times=2, power=-0.5).apply(0.02, 8)
        0.005
        >>> Scale("layers", power="-1/6").apply(1.0, 64)
        0.5
        >>> Scale(Axis(1), base=256, power=-1).apply(1.0, 1024)
        0.25
    """

    of: Of
    times: float = 1.0
    power: Fraction | float | str = Fraction(1)
    base: float = 1.0
    part: str | None = None

    def __post_init__(self) -> None:
        """Check the fields and make the power a ``Fraction``."""
        if self.part is not None and not isinstance(self.part, str):
            raise TypeError(f"part={self.part!r} is not a string; pass the label of a part")
        checked_of(self.of, "of", SCALES)
        check_positive(self.times, "times")
        check_positive(self.base, "base")
        object.__setattr__(self, "power", _power_of(self.power))

    @in_default_arithmetic
    def apply(self, value: float, size: float) -> float:
        """Return ``value`` scaled by a number of the model, with the same bits on every machine.

        A power is worked out in steps that IEEE 754 defines to the bit: the root of the odd part of
        the denominator, rounded once, then square roots and products.

        Raises:
            ValueError: The factor leaves the range of float64.
        """
        power = abs(Fraction(self.power))
        halvings = (power.denominator & -power.denominator).bit_length() - 1
        try:
            root = _odd_root(float(self.times * size / self.base), power.denominator >> halvings)
        except OverflowError:
            root = math.inf
        factor = math.prod([root] * (power.numerator >> halvings), start=1.0)
        for k in reversed(range(halvings)):
            root = math.sqrt(root)
            if power.numerator >> k & 1:
                factor *= root
        if not 0 < factor < math.inf:
            raise ValueError(
                f"({self.times} * {size} / {self.base}) ** {power} leaves the range of float64; "
                "correct times=, base= or power="
            )
        return value / factor if Fraction(self.power) < 0 else value * factor

    def scaled(self, initializer: Initializer, size: float) -> Initializer:
        """Return ``initializer`` with all its values scaled, or those of the part.

        Raises:
            ValueError: The initializer has no field that scales its values, or no such part.
        """
        if self.part is None:
            return initializer.scaled(lambda value: self.apply(value, size))
        return initializer.with_part_scaled(self.part, lambda value: self.apply(value, size))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without the fields that have their defaults."""
        data: dict[str, Any] = {"of": plain_of(self.of)}
        for field in ("times", "base"):
            if (number := getattr(self, field)) != 1:
                data[field] = number
        if self.power != 1:
            data["power"] = _plain_power(Fraction(self.power))
        if self.part is not None:
            data["part"] = self.part
        return data

    @staticmethod
    def from_dict(data: Any) -> Scale:
        """Return the scale that ``to_dict`` described.

        Raises:
            ValueError: A field is missing, unknown or out of range.
        """
        found = dict(json_files.fields(data, ("of",), ("times", "base", "power", "part")))
        with json_files.located("of"):
            found["of"] = of_from(found["of"])
        return Scale(**found)


def scales_of(data: Any, field: str) -> tuple[Scale, ...]:
    """Return the scales in a field of plain data, which may be missing.

    Raises:
        ValueError: One is wrong; the message says where.
    """
    scales = []
    for where, item in json_files.items(data, field):
        with json_files.located(where):
            scales.append(Scale.from_dict(item))
    return tuple(scales)


@functools.lru_cache(maxsize=1024)
def _odd_root(value: float, degree: int) -> float:
    """Return the ``degree``-th root of a positive float, rounded once, half to even.

    The root is found in integers, bit by bit, in units that give it 64 bits or more before the
    point; whether it is exact is the last bit of what the one conversion to float rounds.
    """
    if degree == 1 or not 0 < value < math.inf:
        return value
    mantissa, exponent = math.frexp(value)
    shift = 64 - exponent // degree
    power = int(math.ldexp(mantissa, 53)) << (exponent - 53 + shift * degree)
    root = 0
    for bit in reversed(range(67)):
        if (root | 1 << bit) ** degree <= power:
            root |= 1 << bit
    is_inexact = root**degree != power
    return math.ldexp(float(2 * root + is_inexact), -shift - 1)


def _power_of(given: Any) -> Fraction:
    if isinstance(given, bool) or not isinstance(given, (int, float, str, Fraction)):
        raise TypeError(f"power={given!r} is not a number; pass one, as -0.5 or '-1/6'")
    try:
        # A text of unknown origin may have an exponent that takes hours to write out.
        is_short = not isinstance(given, str) or (len(given) <= 32 and "e" not in given.lower())
        power = Fraction(given) if is_short else None
    except (ValueError, OverflowError, ZeroDivisionError):  # text, nan, inf, "1/0"
        power = None
    if power is None or abs(power) > _LARGEST_POWER or power.denominator > _LARGEST_DENOMINATOR:
        raise ValueError(
            f"power={str(given)[:32]} is not a fraction from -{_LARGEST_POWER} to {_LARGEST_POWER} "
            f"with a denominator of {_LARGEST_DENOMINATOR} or less; pass one, as -0.5 or '-1/6'"
        )
    return power


def _plain_power(power: Fraction) -> int | float | str:
    """Return a power as JSON has it: a number where that is exact, else a string."""
    if power.denominator == 1:
        return power.numerator
    return float(power) if Fraction(float(power)) == power else str(power)
