"""Scales: factors on what is drawn, from the depth and the sizes of the model."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from fastinit import documents
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
class Scale:
    """A factor on all values: (times * a size of the model) to a power.

    Args:
        of: "layers", the number of layers in the parameter's stack (of distinct values of
            ``{layer}`` after the same beginning of the name); "layer", the layer's own number
            counted from 1; an ``Axis``, the size of an axis; or ``Layers`` of another stack.
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

    of: str | Axis | Layers
    times: float = 1.0
    power: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.of, (Axis, Layers)) and self.of not in ("layers", "layer"):
            raise ValueError(
                f"of={self.of!r} is not known; 'layers', 'layer', an Axis and Layers are"
            )
        for field in ("times", "power"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{field}={value!r} is no number")
        if not 0 < self.times < math.inf:
            raise ValueError(f"times={self.times} is not positive and finite")
        if not abs(self.power) <= _HIGHEST_POWER or self.power * _STEPS % 1:
            raise ValueError(
                f"power={self.power} is no multiple of 1/{_STEPS} from "
                f"-{_HIGHEST_POWER} to {_HIGHEST_POWER}"
            )

    def apply(self, value: float, size: int) -> float:
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

    def scaled(self, initializer: Initializer, size: int) -> Initializer:
        """``initializer`` with all its values scaled.

        Raises:
            ValueError: it has no field that does so.
        """
        if not initializer.magnitudes:
            raise ValueError(
                f"scale= multiplies the values of an initializer, and {initializer} has no field "
                "for that; leave scale out"
            )
        changed = {
            field: self.apply(getattr(initializer, field), size) for field in initializer.magnitudes
        }
        return dataclasses.replace(initializer, **changed)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        of: Any = self.of
        if isinstance(of, Layers):
            of = {"layers": plain(of.layers)}
        elif isinstance(of, Axis):
            parameter = {} if of.parameter is None else {"parameter": plain(of.parameter)}
            of = {"axis": of.axis} | parameter
        return {"of": of, "times": self.times, "power": self.power}

    @staticmethod
    def from_dict(data: Any) -> Scale:
        """The scale that ``to_dict`` described.

        Raises:
            ValueError: a field is missing, not known or out of range.
        """
        found = dict(documents.fields(data, ("of",), ("times", "power")))
        of = found["of"]
        if isinstance(of, dict):
            with documents.located("of"):
                kind = Layers if "layers" in of else Axis
                required, optional = (
                    (("layers",), ()) if kind is Layers else (("axis",), ("parameter",))
                )
                found["of"] = kind(**documents.fields(of, required, optional))
        return Scale(**found)
