"""Scales: factors on what is drawn, from the depth and the sizes of the model."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from fastinit import json_files
from fastinit.initializers import Initializer
from fastinit.rules.patterns import Pattern, has_layer, pattern_of, plain

_HIGHEST_POWER = 4
_STEPS = 16  # powers are multiples of 1/16, so that square roots are enough


@dataclasses.dataclass(frozen=True)
class Axis:
    """The size of an axis of a parameter.

    Args:
        axis: its number; negatives count from the end.
        parameter: a pattern for the parameter, or several of the same size; None for the one that
            is drawn.

    Raises:
        TypeError: ``axis`` is no integer.
        ValueError: a pattern that is not understood.

    Example:
        >>> from fastinit.rules import Axis
        >>> Axis(1, "**.wte.weight").axis
        1
    """

    axis: int
    parameter: Pattern | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        if isinstance(self.axis, bool) or not isinstance(self.axis, int):
            raise TypeError(f"axis={self.axis!r} is no integer; pass the number of an axis")
        if self.parameter is not None:
            object.__setattr__(self, "parameter", pattern_of(self.parameter))


@dataclasses.dataclass(frozen=True)
class Layers:
    """The number of layers of another stack: of distinct values of ``{layer}`` in a pattern.

    Args:
        layers: a pattern with ``{layer}``.

    Raises:
        ValueError: a pattern that is not understood, or without ``{layer}``.

    Example:
        >>> from fastinit.rules import Layers
        >>> Layers("**.decoder.layers.{layer}.**").layers
        '**.decoder.layers.{layer}.**'
    """

    layers: Pattern

    def __post_init__(self) -> None:
        """Check the pattern."""
        object.__setattr__(self, "layers", pattern_of(self.layers))
        if not has_layer(self.layers):
            raise ValueError(f"layers={self.layers!r} captures no number; write {{layer}} for it")


@dataclasses.dataclass(frozen=True)
class Setting:
    """A number in the model's config (``config.json``), such as ``initializer_range``.

    Args:
        config: its key; a dot leads into an object.
        default: what serves where the model has no config, or the config no such number but zero.

    Raises:
        TypeError: ``config`` is no string, or ``default`` no number.
        ValueError: ``default`` is not positive and finite.

    Example:
        >>> from fastinit import Setting
        >>> Setting("initializer_range", 0.02).default
        0.02
    """

    config: str
    default: float

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.config, str):
            raise TypeError(f"config={self.config!r} is no string; pass a key of config.json")
        _check_positive(self.default, "default")


Of = str | Axis | Layers | Setting


@dataclasses.dataclass(frozen=True)
class Scale:
    """A factor on all values: (times * a number of the model) to a power.

    Args:
        of: "layers", the number of layers in the parameter's stack (of distinct values of
            ``{layer}`` after the same beginning of the name); "layer", the layer's own number
            counted from 1; an ``Axis``, the size of an axis; ``Layers`` of another stack; or a
            ``Setting`` of the model's config.
        times: positive.
        power: a multiple of 1/16 from -4 to 4.

    Raises:
        TypeError: ``times`` or ``power`` is no number.
        ValueError: a field is out of range.

    Example:
        >>> from fastinit.rules import Scale
        >>> Scale("layers", times=2, power=-0.5).apply(0.02, 8)
        0.005
    """

    of: Of
    times: float = 1.0
    power: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.of, (Axis, Layers, Setting)) and self.of not in ("layers", "layer"):
            raise ValueError(
                f"of={self.of!r} is not known; 'layers', 'layer', an Axis, Layers and a Setting are"
            )
        _check_positive(self.times, "times")
        _check_number(self.power, "power")
        if not abs(self.power) <= _HIGHEST_POWER or self.power * _STEPS % 1:
            raise ValueError(
                f"power={self.power} is no multiple of 1/{_STEPS} from "
                f"-{_HIGHEST_POWER} to {_HIGHEST_POWER}"
            )

    def apply(self, value: float, size: float) -> float:
        """``value`` scaled: products and square roots only, whose bits are the same everywhere."""
        base = self.times * size
        steps = int(abs(self.power) * _STEPS)
        factor = math.prod([base] * (steps // _STEPS), start=1.0)
        root = base
        for bit in (8, 4, 2, 1):  # the square root, the fourth, the eighth, the sixteenth
            root = math.sqrt(root)
            if steps & bit:
                factor *= root
        return value / factor if self.power < 0 else value * factor

    def scaled(self, initializer: Initializer, size: float) -> Initializer:
        """``initializer`` with all its values scaled.

        Raises:
            ValueError: it has no field that does so.
        """
        return initializer.scaled(lambda value: self.apply(value, size))

    def to_dict(self) -> dict[str, Any]:
        """Plain data; fields that have their defaults are left out."""
        of: Any = self.of
        if isinstance(of, Layers):
            of = {"layers": plain(of.layers)}
        elif isinstance(of, Axis):
            parameter = {} if of.parameter is None else {"parameter": plain(of.parameter)}
            of = {"axis": of.axis} | parameter
        elif isinstance(of, Setting):
            of = dataclasses.asdict(of)
        given = {"times": self.times, "power": self.power}
        return {"of": of} | {field: value for field, value in given.items() if value != 1}

    @staticmethod
    def from_dict(data: Any) -> Scale:
        """The scale that ``to_dict`` described.

        Raises:
            ValueError: a field is missing, not known or out of range.
        """
        found = dict(json_files.fields(data, ("of",), ("times", "power")))
        if isinstance(found["of"], dict):
            with json_files.located("of"):
                found["of"] = _of(found["of"])
        return Scale(**found)


def _of(data: dict[str, Any]) -> Of:
    if "layers" in data:
        return Layers(**json_files.fields(data, ("layers",)))
    if "config" in data:
        return Setting(**json_files.fields(data, ("config", "default")))
    return Axis(**json_files.fields(data, ("axis",), ("parameter",)))


def _check_number(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what}={value!r} is no number")


def _check_positive(value: Any, what: str) -> None:
    _check_number(value, what)
    if not 0 < value < math.inf:
        raise ValueError(f"{what}={value} is not positive and finite")
