"""Variance scaling: a standard deviation that comes from a fan."""

from __future__ import annotations

import abc
import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, Never

import numpy as np

from fastinit.checks import finite, not_negative, positive_integer
from fastinit.initializers import fans
from fastinit.initializers.base import Distribution, Initializer, made
from fastinit.initializers.distributions.normal import Normal
from fastinit.initializers.distributions.truncated_normal import TruncatedNormal
from fastinit.initializers.distributions.uniform import Uniform
from fastinit.initializers.function_help import draws
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.request import Template
from fastinit.streams import Seed

__all__ = ["VarianceScaling", "variance_scaling"]

MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")


def _normal(std: float) -> Distribution:
    return Normal(0.0, std)


def _truncated_normal(std: float) -> Distribution:
    return TruncatedNormal(0.0, std, -2.0, 2.0, compensate=True)


def _uniform(std: float) -> Distribution:
    bound = math.sqrt(3.0) * std
    return Uniform(-bound, bound)


DISTRIBUTIONS: dict[str, Callable[[float], Distribution]] = {
    "normal": _normal,
    "truncated_normal": _truncated_normal,
    "uniform": _uniform,
}


def mode_of(mode: str) -> str:
    """Return the name of a fan, once it is known.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"mode={mode!r} is not known; use one of {', '.join(MODES)}")
    return mode


class FanScaled(Initializer, is_base=True):
    """An initializer with mean 0 whose standard deviation comes from a fan.

    Two of them are equal if they draw the same for every shape, whatever their classes.
    """

    mode: str
    layout: str
    groups: int
    fan: float | None

    @abc.abstractmethod
    def std(self, fan: float) -> float:
        """Return the standard deviation for a fan."""

    @property
    @abc.abstractmethod
    def family(self) -> str:
        """The distribution: "normal", "uniform" or "truncated_normal"."""

    @property
    @abc.abstractmethod
    def _meaning(self) -> tuple[Any, ...]:
        """The key by which initializers compare: equal keys draw the same for every shape."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FanScaled) and self._meaning == other._meaning

    def __hash__(self) -> int:
        return hash(self._meaning)

    def _check_fan(self) -> None:
        """Check the fields that a fan comes from."""
        mode_of(self.mode)
        object.__setattr__(self, "layout", fans.layout_of(self.layout))
        object.__setattr__(self, "groups", positive_integer(self.groups, "groups"))
        if self.fan is not None:
            object.__setattr__(self, "fan", finite(self.fan, "fan"))
            if self.fan <= 0:
                raise ValueError(
                    f"fan={self.fan} is not positive; pass the number of weights of a sum"
                )

    def resolve(self, shape: tuple[int, ...]) -> Distribution:
        """Return the distribution for a weight of this shape."""
        fan = self.fan
        if fan is None:
            fan = fans.fan(shape, self.mode, self.layout, self.groups)
        return DISTRIBUTIONS[self.family](self.std(fan))

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return those of the distribution for a weight of this shape."""
        return self.resolve(shape).templates(shape, dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class VarianceScaling(FanScaled):
    """Mean 0 and variance scale / fan: std = sqrt(scale) / sqrt(fan).

    Args:
        scale: The numerator of the variance, finite, 0 or more; the square of a gain.
        mode: The fan: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg" (the arithmetic and geometric
            means of both).
        distribution: "normal", "uniform" (with the bounds sqrt(3) std), or "truncated_normal" (at 2
            sigmas of a normal whose std is divided by .87962566103423978, so that the values' own
            std is as asked, as in JAX and Keras).
        layout: The role of each axis, as in ``HeNormal``.
        groups: The number of groups of a grouped convolution.
        fan: A number that replaces the fan of shape, mode, layout and groups.

    Raises:
        ValueError: A mode, distribution or layout is not known, or a number is out of range; when
            drawn, the shape does not fit the layout.

    Example:
        >>> import fastinit
        >>> fastinit.HeNormal() == fastinit.VarianceScaling(scale=2.0)
        True
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "normal"
    layout: str = "oi*"
    groups: int = 1
    fan: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", not_negative(self.scale, "scale"))
        if not isinstance(self.distribution, str) or self.distribution not in DISTRIBUTIONS:
            raise ValueError(
                f"distribution={self.distribution!r} is not known; use one of "
                f"{', '.join(DISTRIBUTIONS)}"
            )
        self._check_fan()

    def std(self, fan: float) -> float:
        """Return sqrt(scale) / sqrt(fan)."""
        return math.sqrt(self.scale) / math.sqrt(fan)

    @property
    def family(self) -> str:
        """The distribution."""
        return self.distribution

    @functools.cached_property
    def _meaning(self) -> tuple[Any, ...]:
        return (self.distribution, self.scale, self.mode, self.layout, self.groups, self.fan)


@draws(VarianceScaling)
def variance_scaling(
    shape: Shape,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "normal",
    *extra: Never,
    layout: str = "oi*",
    groups: int = 1,
    fan: float | None = None,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``VarianceScaling(scale, mode, distribution, layout, groups, fan)``.

    Example:
        >>> import fastinit
        >>> fastinit.variance_scaling((64, 32, 3, 3), 2.0, "fan_out", seed=0).dtype
        dtype('float32')
    """
    if extra or unknown:
        raise unexpected(variance_scaling, shape, extra, unknown)
    initializer = made(VarianceScaling, scale, mode, distribution, layout, groups, fan)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
