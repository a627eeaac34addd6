"""Maps: functions of one number, by name, that follow each other on drawn or computed values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.checks import finite, shown
from fastinit.native.functions import evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Map = str | tuple[Any, ...]
"""The name of a map, or a tuple of its name and its numbers."""


def _clip(x: Array, low: float | None, high: float | None) -> Array:
    if low is not None:
        x = np.where(x < low, low, x)
    return x if high is None else np.where(x > high, high, x)


def _power(x: Array, exponent: float) -> Array:
    """Return powers; those of negative numbers for exponents that are integers."""
    if not exponent.is_integer():
        return evaluate("power", x, exponent)
    found = evaluate("power", np.abs(x), exponent)
    return np.copysign(found, x) if exponent % 2 else found


_PLAIN: dict[str, Callable[[Array], Array]] = {
    **{
        name: lambda x, name=name: evaluate(name, x)  # type: ignore[misc]
        for name in ("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "inverse_softplus")
    },
    "sqrt": np.sqrt,
    "reciprocal": lambda x: 1.0 / x,
}
_WITH_NUMBERS: dict[str, tuple[tuple[str, ...], Callable[..., Array]]] = {
    "affine": (("scale", "offset"), lambda x, scale, offset: x * scale + offset),
    "clip": (("low", "high"), _clip),
    "exponential": (("base",), lambda x, base: evaluate("exponential_to_base", x, base)),
    "power": (("exponent",), _power),
}
MAPS = (*_PLAIN, *_WITH_NUMBERS)
"""The names of all maps."""


def maps_of(given: Any) -> tuple[Map, ...]:
    """Return maps in their plain form: names, and tuples of a name and numbers.

    Args:
        given: A map, or a sequence of maps in the order in which they are applied.

    Raises:
        TypeError: Something else is given.
        ValueError: A map is not known, or has other numbers than it takes.

    Example:
        >>> from fastinit.initializers.composites.maps import maps_of
        >>> maps_of(["log", ["affine", 2, 1]])
        ('log', ('affine', 2.0, 1.0))
    """
    if isinstance(given, str) or _is_one(given):
        given = (given,)
    if not isinstance(given, (list, tuple)) or not given:
        raise TypeError(f"maps={shown(given)} is not a sequence of maps; pass one or more")
    return tuple(map(_map_of, given))


def _is_one(given: Any) -> bool:
    """Whether a sequence is one map with its numbers, and not several maps."""
    if not isinstance(given, (list, tuple)) or len(given) < 2:
        return False
    name, second = given[:2]
    if isinstance(second, (list, tuple)) or (isinstance(second, str) and second in MAPS):
        return False
    return isinstance(name, str) and (name in _WITH_NUMBERS or not isinstance(second, str))


def _map_of(given: Any) -> Map:
    parts = (given,) if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple)) or not parts or not isinstance(parts[0], str):
        raise TypeError(
            f"maps has {shown(given)}, which is not a map; pass its name, or a tuple of its name "
            "and its numbers"
        )
    name, *numbers = parts
    if name in _PLAIN and not numbers:
        return str(name)
    if name not in _WITH_NUMBERS:
        known = ", ".join(MAPS)
        raise ValueError(f"maps has {shown(given)}, which is not known; known are {known}")
    names, _ = _WITH_NUMBERS[name]
    if len(numbers) != len(names):
        raise ValueError(
            f"maps has {shown(given)}; {name} takes {' and '.join(names)}: write "
            f"({', '.join((repr(name), *names))})"
        )
    checked = [
        n if n is None and name == "clip" else finite(n, what)
        for n, what in zip(numbers, names, strict=True)
    ]
    if name == "clip":
        low, high = checked
        if low is not None and high is not None and low > high:
            raise ValueError(f"clip has low={low} above high={high}; exchange them")
    if name == "exponential" and not numbers[0] > 0:
        raise ValueError(f"exponential has base={numbers[0]}; pass a positive number")
    return (name, *checked)


def applied(maps: Sequence[Map], values: Array) -> Array:
    """Return float64 values after all maps, in order.

    Raises:
        ValueError: A value is outside the domain of a map, or too large.
    """
    for each in maps:
        name, *numbers = (each,) if isinstance(each, str) else each
        with np.errstate(all="ignore"):
            found = (
                _PLAIN[name](values) if name in _PLAIN else _WITH_NUMBERS[name][1](values, *numbers)
            )
        if not np.isfinite(found).all():
            wrong = values[~np.isfinite(found)].flat[0]
            raise ValueError(f"the map {shown(each)} has no finite value at {wrong}; add a clip")
        values = found
    return values


def moments_after(
    maps: Sequence[Map], moments: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Return a mean and a standard deviation after maps; None unless all of them are affine."""
    for each in maps:
        if moments is None or isinstance(each, str) or each[0] != "affine":
            return None
        mean, std = moments
        moments = mean * each[1] + each[2], abs(each[1]) * std
    return moments if moments is None or all(map(math.isfinite, moments)) else None
