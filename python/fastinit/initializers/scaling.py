"""Variance scaling: he (kaiming), glorot (xavier) and lecun are presets of it."""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import numpy as np

from fastinit import gains
from fastinit.checks import finite, integer, not_negative
from fastinit.fans import check_layout, fan
from fastinit.initializers.base import Distribution, Initializer
from fastinit.initializers.distributions import Normal, TruncatedNormal, Uniform
from fastinit.requests import Draw

MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")


def _normal(std: float) -> Distribution:
    return Normal(0.0, std)


def _truncated_normal(std: float) -> Distribution:
    return TruncatedNormal(0.0, std, -2.0, 2.0, compensate=True)


def _uniform(std: float) -> Distribution:
    bound = math.sqrt(3.0) * std
    return Uniform(-bound, bound)


_DISTRIBUTIONS: dict[str, Callable[[float], Distribution]] = {
    "normal": _normal,
    "truncated_normal": _truncated_normal,
    "uniform": _uniform,
}


@dataclasses.dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Mean 0 and variance scale / fan: std = sqrt(scale) / sqrt(fan).

    Args:
        scale: finite, 0 or more; the square of a gain.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg" (the arithmetic and geometric means).
        distribution: "normal", "uniform" (bounds sqrt(3) std) or "truncated_normal" (at 2 sigmas,
            its std divided by .87962566103423978, so that the values' own std is as asked: what
            JAX and Keras do).
        layout: what each axis is, see ``fastinit.fans``.
        groups: of a grouped convolution.
        fan: replaces the fan of shape, mode, layout and groups.

    Raises:
        ValueError: an unknown mode, distribution or layout, or a number out of range; when drawn,
            a shape that lacks an input or output axis.

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
        """Check everything that does not depend on the shape."""
        object.__setattr__(self, "scale", not_negative(self.scale, "scale"))
        if not isinstance(self.mode, str) or self.mode not in MODES:
            raise ValueError(f"mode={self.mode!r} is not known; use one of {', '.join(MODES)}")
        if not isinstance(self.distribution, str) or self.distribution not in _DISTRIBUTIONS:
            raise ValueError(
                f"distribution={self.distribution!r} is not known; use one of "
                f"{', '.join(_DISTRIBUTIONS)}"
            )
        check_layout(self.layout)
        object.__setattr__(self, "groups", integer(self.groups, "groups", "1 or more"))
        if self.groups < 1:
            raise ValueError(f"groups={self.groups} is not positive; pass 1 or more")
        if self.fan is not None:
            object.__setattr__(self, "fan", finite(self.fan, "fan"))
            if self.fan <= 0:
                raise ValueError(
                    f"fan={self.fan} is not positive; pass the number of weights of a sum"
                )

    @functools.lru_cache(maxsize=1024)  # noqa: B019  (bounded, and keyed by value)
    def resolve(self, shape: tuple[int, ...]) -> Distribution:
        """The distribution for a weight of this shape."""
        count = fan(shape, self.mode, self.layout, self.groups) if self.fan is None else self.fan
        return _DISTRIBUTIONS[self.distribution](math.sqrt(self.scale) / math.sqrt(count))

    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        """Those of the distribution for a weight of this shape."""
        return self.resolve(shape).draws(shape, dtype)


class Preset(TypedDict, total=False):
    """What the presets take: everything of ``VarianceScaling`` but its scale, and a gain."""

    mode: str
    gain: float | None
    nonlinearity: str | None
    a: float | None
    truncated: bool
    layout: str
    groups: int
    fan: float | None


@functools.lru_cache(maxsize=1024, typed=True)  # typed: True is no number, though it equals 1
def _preset(
    scale: float,
    distribution: str,
    *,
    mode: str,
    gain: float | None = None,
    nonlinearity: str | None = None,
    a: float | None = None,
    truncated: bool = False,
    layout: str = "oi*",
    groups: int = 1,
    fan: float | None = None,
) -> VarianceScaling:
    if truncated and distribution != "normal":
        raise ValueError("truncated=True is for normal distributions; this one is uniform")
    if gain is not None and nonlinearity is not None:
        raise ValueError(f"gain={gain} and nonlinearity={nonlinearity!r} say the same; pass one")
    if a is not None and nonlinearity is None:
        raise ValueError(
            f"a={a} is the slope of leaky_relu; pass nonlinearity='leaky_relu' with it"
        )
    if nonlinearity is not None:
        gain = gains.gain(nonlinearity, a)
    if gain is not None:
        scale = _square(gain)
    kind = "truncated_normal" if truncated else distribution
    return VarianceScaling(scale, mode, kind, layout, groups, fan)


def _square(gain: float) -> float:
    """The scale of a gain: the square root of a square is exact, unless it leaves the normals."""
    number = not_negative(gain, "gain")
    square = number * number
    if number and not sys.float_info.min <= square <= sys.float_info.max:
        raise ValueError(f"gain={gain} is out of range; pass 0, or 1.5e-154 to 1.3e154")
    return square


def _make(scale: float, distribution: str, mode: str, options: Preset) -> VarianceScaling:
    try:
        return _preset(scale, distribution, **{"mode": mode, **options})
    except TypeError:
        known = sorted(Preset.__optional_keys__)
        for name in options.keys() - Preset.__optional_keys__:
            raise TypeError(
                f"unexpected keyword argument {name!r}; known are {', '.join(known)}"
            ) from None
        for name, value in options.items():
            if type(value).__hash__ is None:
                raise TypeError(
                    f"{name}={value!r} is a {type(value).__name__}; see help()"
                ) from None
        raise


def HeNormal(**options: Unpack[Preset]) -> VarianceScaling:  # noqa: N802  (reads as the class it stands for)
    """Normal, std = gain / sqrt(fan_in), gain sqrt(2) (He et al. 2015, arXiv 1502.01852).

    Args:
        **options: ``mode``, ``gain`` (replaces sqrt(2)) or ``nonlinearity`` (by name, with its
            slope ``a``), ``truncated`` (at 2 sigmas, as JAX and Keras mean it), ``layout``,
            ``groups``, ``fan``; see ``VarianceScaling``.

    Raises:
        ValueError: options that contradict each other or are out of range.

    Example:
        >>> import fastinit
        >>> fastinit.HeNormal(mode="fan_out").scale
        2.0
    """
    return _make(2.0, "normal", "fan_in", options)


def HeUniform(**options: Unpack[Preset]) -> VarianceScaling:  # noqa: N802
    """Uniform within sqrt(3) gain / sqrt(fan_in), gain sqrt(2) (He et al. 2015, arXiv 1502.01852).

    Args:
        **options: as for ``HeNormal``, but for ``truncated``.

    Raises:
        ValueError: options that contradict each other or are out of range.

    Example:
        >>> import fastinit
        >>> fastinit.HeUniform().distribution
        'uniform'
    """
    return _make(2.0, "uniform", "fan_in", options)


def GlorotNormal(**options: Unpack[Preset]) -> VarianceScaling:  # noqa: N802
    """Normal, std = gain / sqrt(fan_avg), gain 1 (Glorot and Bengio, AISTATS 2010).

    Args:
        **options: as for ``HeNormal``.

    Raises:
        ValueError: options that contradict each other or are out of range.

    Example:
        >>> import fastinit
        >>> fastinit.GlorotNormal().mode
        'fan_avg'
    """
    return _make(1.0, "normal", "fan_avg", options)


def GlorotUniform(**options: Unpack[Preset]) -> VarianceScaling:  # noqa: N802
    """Uniform within sqrt(3) gain / sqrt(fan_avg), gain 1 (Glorot and Bengio, AISTATS 2010).

    Args:
        **options: as for ``HeNormal``, but for ``truncated``.

    Raises:
        ValueError: options that contradict each other or are out of range.

    Example:
        >>> import fastinit
        >>> fastinit.GlorotUniform(gain=2.0).scale
        4.0
    """
    return _make(1.0, "uniform", "fan_avg", options)


def LecunNormal(**options: Unpack[Preset]) -> VarianceScaling:  # noqa: N802
    """Normal, std = gain / sqrt(fan_in), gain 1 (LeCun et al. 1998, "Efficient BackProp").

    Args:
        **options: as for ``HeNormal``.

    Raises:
        ValueError: options that contradict each other or are out of range.

    Example:
        >>> import fastinit
        >>> fastinit.LecunNormal() == fastinit.VarianceScaling()
        True
    """
    return _make(1.0, "normal", "fan_in", options)


def LecunUniform(**options: Unpack[Preset]) -> VarianceScaling:  # noqa: N802
    """Uniform within sqrt(3) gain / sqrt(fan_in), gain 1 (LeCun et al. 1998, "Efficient BackProp").

    Args:
        **options: as for ``HeNormal``, but for ``truncated``.

    Raises:
        ValueError: options that contradict each other or are out of range.

    Example:
        >>> import fastinit
        >>> fastinit.LecunUniform(fan=100).fan
        100.0
    """
    return _make(1.0, "uniform", "fan_in", options)
