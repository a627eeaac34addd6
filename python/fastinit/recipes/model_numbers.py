"""Numbers of a model: its depth, its sizes and its config, by which rules scale and set fields."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from fastinit import json_files
from fastinit.recipes.patterns.pattern import Pattern, has_layer, pattern_of, plain

SCALES = ("layers", "layer")
"""The numbers of a parameter's own stack of layers that are never 0."""

FIELDS = (*SCALES, "layer_index")
"""Those that fields of initializers may be."""


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
        config: The key of the number, where a dot leads into an object; or several keys with ``|``
            between them, of which the first that the config has counts.
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
        check_positive(self.default, "default")


Of = str | Axis | Layers | Setting


def checked_of(of: Any, what: str, names: tuple[str, ...]) -> Of:
    """Return what a number is of, once it is known to be one of ``names`` or an object for it.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(of, (Axis, Layers, Setting)) or (isinstance(of, str) and of in names):
        return of
    raise ValueError(
        f"{what}={of!r} is not known; pass {', '.join(map(repr, names))}, an Axis, Layers or a "
        "Setting"
    )


def described(of: Of) -> str:
    """Return what a number is of in words, as "axis 1 of **.wte.weight"."""
    if isinstance(of, Axis):
        return f"axis {of.axis}" + ("" if of.parameter is None else f" of {_text(of.parameter)}")
    if isinstance(of, Layers):
        return f"layers of {_text(of.layers)}"
    return of.config if isinstance(of, Setting) else of.replace("_", " ")


def _text(pattern: Pattern) -> str:
    return pattern if isinstance(pattern, str) else pattern.re


def plain_of(of: Of) -> Any:
    """Return what a number is of as plain data."""
    if isinstance(of, Layers):
        return {"layers": plain(of.layers)}
    if isinstance(of, Axis):
        parameter = {} if of.parameter is None else {"parameter": plain(of.parameter)}
        return {"axis": of.axis} | parameter
    return dataclasses.asdict(of) if isinstance(of, Setting) else of


def of_from(data: Any) -> Any:
    """Return what ``plain_of`` described; what is not an object stays as it is.

    Raises:
        ValueError: A field is missing, unknown or out of range.
    """
    if not isinstance(data, Mapping):
        return data
    if "layers" in data:
        return Layers(**json_files.fields(data, ("layers",)))
    if "config" in data:
        return Setting(**json_files.fields(data, ("config", "default")))
    return Axis(**json_files.fields(data, ("axis",), ("parameter",)))


def check_positive(value: Any, what: str) -> None:
    """Check that a value is a positive and finite number.

    Raises:
        TypeError: It is not a number.
        ValueError: It is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what}={value!r} is not a number; pass a positive one")
    if not 0 < value < math.inf:
        raise ValueError(f"{what}={value} is not positive and finite")
