"""The truncated normal distribution."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.checks import boolean, finite, not_negative, real
from fastinit.initializers.base import Distribution, made
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.function_help import draws
from fastinit.initializers.options import Out, unexpected
from fastinit.native import _cpu
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Index, Shape
from fastinit.native.dtypes import (
    check_not_empty,
    drawable,
    largest_at_most,
    representable,
    smallest_at_least,
)
from fastinit.native.request import Fill, fill_template
from fastinit.streams import Seed

__all__ = ["TruncatedNormal", "truncated_normal"]


@dataclasses.dataclass(frozen=True)
class TruncatedNormal(Distribution):
    """Normal distribution truncated to [mean + lower std, mean + upper std].

    Values come from the inverse CDF, one word per value; none is rejected.

    Args:
        mean: The mean before truncation, finite.
        std: The standard deviation before truncation, finite, 0 or more.
        lower: The lower bound in sigmas, or -inf.
        upper: The upper bound in sigmas, or inf.
        compensate: Whether to divide ``std`` by the standard deviation of the truncated standard
            normal, so that the values' own standard deviation is ``std``, as JAX and Keras do in
            their he, glorot and lecun.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``lower`` is not below ``upper``, a number is NaN, ``std`` is negative or
            infinite, or the bounds leave too little probability (2**-125 one-sided, 2**-90
            two-sided); when drawn, the dtype has no value inside.

    Example:
        >>> import fastinit
        >>> x = fastinit.TruncatedNormal(std=0.02)((1000, 1000), seed=0)
        >>> bool(abs(x).max() <= 0.04), round(float(x.std() / 0.02), 2)
        (True, 0.88)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("mean", "std")

    mean: float = 0.0
    std: float = 1.0
    lower: float = -2.0
    upper: float = 2.0
    compensate: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", finite(self.mean, "mean"))
        object.__setattr__(self, "std", not_negative(self.std, "std"))
        for bound in ("lower", "upper"):
            value = real(getattr(self, bound), bound)
            if math.isnan(value):
                raise ValueError(
                    f"{bound}=nan is not a bound; pass a number of sigmas, or an infinity"
                )
            object.__setattr__(self, bound, value)
        object.__setattr__(self, "compensate", boolean(self.compensate, "compensate"))
        if self.lower >= self.upper:
            raise ValueError(f"lower={self.lower} is not below upper={self.upper}; exchange them")
        try:
            _cpu.truncation(self.lower, self.upper, False)
        except ValueError as error:
            raise ValueError(f"lower={self.lower} and upper={self.upper}: {error}") from None

    @property
    @in_default_arithmetic
    def std_before(self) -> float:
        """The standard deviation of the normal before truncation."""
        return (
            self.std / _cpu.truncated_std(self.lower, self.upper) if self.compensate else self.std
        )

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Return those of the truncated distribution."""
        shrinkage = _cpu.truncated_std(self.lower, self.upper)
        std = self.std_before
        density = [math.exp(-x * x / 2) / math.sqrt(2 * math.pi) for x in (self.lower, self.upper)]
        tails = [math.erfc(x / math.sqrt(2.0)) / 2 for x in (self.lower, self.upper)]
        mass = tails[0] - tails[1]
        # In a far tail the difference vanishes; the mean is then the inner bound.
        shift = (density[0] - density[1]) / mass if mass else min(self.lower, self.upper, key=abs)
        return self.mean + std * shift, std * shrinkage

    def _template(self, dtype: np.dtype[Any]) -> Fill:
        drawable(dtype, "truncated normal")
        if self.std == 0:
            return Constant(self.mean).template(dtype)
        std = self.std_before
        bounds = (self.mean + self.lower * std, self.mean + self.upper * std)
        return truncated_template(
            self.mean, std, (self.lower, self.upper), bounds, dtype, str(self)
        )


@dataclasses.dataclass(frozen=True)
class BoundedNormal(Distribution):
    """Normal distribution truncated to [low, high], which are values: torch's ``trunc_normal_``.

    Args:
        mean: The mean before truncation, finite.
        std: The standard deviation before truncation, finite, greater than 0.
        low: The lower bound, or -inf.
        high: The upper bound, or inf.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``std`` is not positive and finite, or the bounds leave too little probability.

    Example:
        >>> from fastinit.initializers.distributions.truncated_normal import BoundedNormal
        >>> bool((BoundedNormal(0.0, 0.02, -0.03, 0.03)(1000, seed=0) <= 0.03).all())
        True
    """

    mean: float = 0.0
    std: float = 1.0
    low: float = -2.0
    high: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", finite(self.mean, "mean"))
        object.__setattr__(self, "std", not_negative(self.std, "std"))
        for bound in ("low", "high"):
            object.__setattr__(self, bound, real(getattr(self, bound), bound))
        if not self.std > 0:
            raise ValueError(f"std={self.std} is not positive; pass a number greater than 0")
        TruncatedNormal(self.mean, self.std, *self._limits)  # which checks them

    @property
    def _limits(self) -> tuple[float, float]:
        return (self.low - self.mean) / self.std, (self.high - self.mean) / self.std

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Return those of the truncated distribution."""
        return TruncatedNormal(self.mean, self.std, *self._limits).moments(shape)

    def _template(self, dtype: np.dtype[Any]) -> Fill:
        bounds = self.low, self.high
        return truncated_template(self.mean, self.std, self._limits, bounds, dtype, str(self))


@in_default_arithmetic
def truncated_template(
    mean: float,
    std: float,
    truncation: tuple[float, float],
    bounds: tuple[float, float],
    dtype: np.dtype[Any],
    what: str,
) -> Fill:
    """Return the template of a truncated normal.

    Args:
        mean: The mean before truncation.
        std: The standard deviation before truncation.
        truncation: The limits, in sigmas.
        bounds: The limits of the values, which hold to the last place.
        dtype: The dtype of the values.
        what: The name of the distribution in an error.

    Raises:
        ValueError: ``dtype`` cannot hold the values, or the truncation leaves too little mass.
    """
    precision = drawable(dtype, "truncated normal")
    representable(std, "std", precision)
    representable(mean, "mean", precision)
    low, high = smallest_at_least(bounds[0], dtype), largest_at_most(bounds[1], dtype)
    check_not_empty(low, high, what, dtype)
    formula, constants = _cpu.truncation(*truncation, precision.itemsize == 8)
    return fill_template(
        "truncated_normal", dtype, (std, mean, low, high, *constants), formula=formula
    )


@draws(TruncatedNormal)
def truncated_normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    lower: float = -2.0,
    upper: float = 2.0,
    compensate: bool = False,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``TruncatedNormal(mean, std, lower, upper, compensate)``; bounds are in sigmas.

    Example:
        >>> import fastinit
        >>> bool((abs(fastinit.truncated_normal(1000, std=0.02, seed=0)) <= 0.04).all())
        True
    """
    if extra or unknown:
        raise unexpected(truncated_normal, shape, extra, unknown)
    initializer = made(TruncatedNormal, mean, std, lower, upper, compensate)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
