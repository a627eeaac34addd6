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
from fastinit.recipes.pattern import Pattern, has_layer, pattern_of, plain

_LARGEST_POWER = 4
_LARGEST_DENOMINATOR = 64


@dataclasses.dataclass(frozen=True)
class Axis:
    """Size of an axis of a parameter.

    Args:
        axis: The number of the axis; negative numbers count from the end.
        parameter: A pattern for the name of the parameter, or of several parameters whose axis has
            the same size. None for the parameter that is drawn.

    Raises:
        TypeError: ``axis`` is not an integer.
        ValueError: The pattern is not understood.

    Example:
        >>> from fastinit.recipes import Axis
        >>> Axis(1, "**.wte.weight").axis
        1
    """

    axis: int
    parameter: Pattern | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        if isinstance(self.axis, bool) or not isinstance(self.axis, int):
            raise TypeError(f"axis={self.axis!r} is not an integer; pass the number of an axis")
        if self.parameter is not None:
            object.__setattr__(self, "parameter", pattern_of(self.parameter))


@dataclasses.dataclass(frozen=True)
class Layers:
    """Number of layers of a stack: how many distinct numbers ``{layer}`` has in a pattern.

    Args:
        layers: A pattern with ``{layer}``.

    Raises:
        ValueError: The pattern is not understood, or has no ``{layer}``.

    Example:
        >>> from fastinit.recipes import Layers
        >>> Layers("**.decoder.layers.{layer}.**").layers
        '**.decoder.layers.{layer}.**'
    """

    layers: Pattern

    def __post_init__(self) -> None:
        """Check the pattern."""
        object.__setattr__(self, "layers", pattern_of(self.layers))
        if not has_layer(self.layers):
            raise ValueError(
                f"layers={self.layers!r} captures no number; write {{layer}} where it stands"
            )


@dataclasses.dataclass(frozen=True)
class Setting:
    """Number in the model's config (``config.json``).

    For a field of an initializer, such as a std of ``initializer_range``, see ``settings`` of
    ``Rule``.

    Args:
        config: The key of the number. A dot leads into an object.
        default: The number where the model has no config, or where the number in its config is
            missing or 0.

    Raises:
        TypeError: ``config`` is not a string, or ``default`` is not a number.
        ValueError: ``default`` is not positive and finite.

    Example:
        >>> from fastinit.recipes import Setting
        >>> Setting("initializer_factor", 1.0).default
        1.0
    """

    config: str
    default: float

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.config, str):
            raise TypeError(f"config={self.config!r} is not a string; pass a key of config.json")
        _check_positive(self.default, "default")


Of = str | Axis | Layers | Setting


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

    Raises:
        TypeError: ``times``, ``base`` or ``power`` is not a number.
        ValueError: A field is out of range.

    Example:
        >>> from fastinit.recipes import Scale
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

    def __post_init__(self) -> None:
        """Check the fields and make the power a ``Fraction``."""
        if not isinstance(self.of, (Axis, Layers, Setting)) and self.of not in ("layers", "layer"):
            raise ValueError(
                f"of={self.of!r} is not known; pass 'layers', 'layer', an Axis, Layers or a Setting"
            )
        _check_positive(self.times, "times")
        _check_positive(self.base, "base")
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
        """Return ``initializer`` with all its values scaled.

        Raises:
            ValueError: The initializer has no field that scales its values.
        """
        return initializer.scaled(lambda value: self.apply(value, size))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without the fields that have their defaults."""
        of: Any = self.of
        if isinstance(of, Layers):
            of = {"layers": plain(of.layers)}
        elif isinstance(of, Axis):
            parameter = {} if of.parameter is None else {"parameter": plain(of.parameter)}
            of = {"axis": of.axis} | parameter
        elif isinstance(of, Setting):
            of = dataclasses.asdict(of)
        data = {"of": of}
        for field in ("times", "base"):
            if (number := getattr(self, field)) != 1:
                data[field] = number
        if self.power != 1:
            data["power"] = _plain_power(Fraction(self.power))
        return data

    @staticmethod
    def from_dict(data: Any) -> Scale:
        """Return the scale that ``to_dict`` described.

        Raises:
            ValueError: A field is missing, unknown or out of range.
        """
        found = dict(json_files.fields(data, ("of",), ("times", "base", "power")))
        if isinstance(found["of"], dict):
            with json_files.located("of"):
                found["of"] = _of(found["of"])
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


def _of(data: dict[str, Any]) -> Of:
    if "layers" in data:
        return Layers(**json_files.fields(data, ("layers",)))
    if "config" in data:
        return Setting(**json_files.fields(data, ("config", "default")))
    return Axis(**json_files.fields(data, ("axis",), ("parameter",)))


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


def _check_positive(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what}={value!r} is not a number; pass a positive one")
    if not 0 < value < math.inf:
        raise ValueError(f"{what}={value} is not positive and finite")
