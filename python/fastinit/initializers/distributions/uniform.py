"""The uniform distribution on an open interval, of values or of their logarithms."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.checks import finite
from fastinit.initializers.base import Distribution, made
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.function_help import draws
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.dtypes import (
    check_not_empty,
    drawable,
    next_above,
    next_below,
    representable,
)
from fastinit.native.request import Fill, fill_template
from fastinit.streams import Seed

__all__ = ["LogUniform", "Uniform", "log_uniform", "uniform"]

# Below this, half * 2**-24 (2**-53 for float64) would be subnormal.
_SMALLEST_HALF = {4: 2.0**-102, 8: 2.0**-969}


@dataclasses.dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform distribution on the open interval (low, high): neither bound ever occurs.

    Args:
        low: The lower bound, finite.
        high: The upper bound, finite, ``low`` or more; if both are equal, so are all values.

    Raises:
        ValueError: ``low`` is above ``high`` or a bound is not finite; when drawn, the dtype has no
            value between them, or the interval is too narrow or too wide for float32
            arithmetic.

    Example:
        >>> import fastinit
        >>> x = fastinit.Uniform(-1, 1)((1000,), seed=0)
        >>> bool((abs(x) < 1).all() and (x != 0).all())
        True
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("low", "high")

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", finite(self.low, "low"))
        object.__setattr__(self, "high", finite(self.high, "high"))
        if self.low > self.high:
            raise ValueError(f"low={self.low} is above high={self.high}; exchange them")

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Return the middle, and the distance of the bounds divided by sqrt(12)."""
        return self.high / 2 + self.low / 2, (self.high / 2 - self.low / 2) / math.sqrt(3.0)

    def _template(self, dtype: np.dtype[Any]) -> Fill:
        precision = drawable(dtype, "uniform")
        if self.low == self.high:
            return Constant(self.low).template(dtype)
        half = representable(self.high / 2 - self.low / 2, "high/2 - low/2", precision)
        mid = representable(self.high / 2 + self.low / 2, "high/2 + low/2", precision)
        if float(precision.type(half)) < _SMALLEST_HALF[precision.itemsize]:
            raise ValueError(
                f"low={self.low} and high={self.high} are too close for {precision.name} "
                f"arithmetic (half their distance: {_SMALLEST_HALF[precision.itemsize]} or more)"
            )
        low, high = next_above(self.low, dtype), next_below(self.high, dtype)
        check_not_empty(low, high, f"low={self.low} and high={self.high}", dtype)
        return fill_template("uniform", dtype, (half, mid, low, high))


@draws(Uniform)
def uniform(
    shape: Shape,
    low: float = 0.0,
    high: float = 1.0,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Uniform(low, high)``.

    Example:
        >>> import fastinit
        >>> bool((fastinit.uniform(1000, seed=0) > 0).all())
        True
    """
    if extra or unknown:
        raise unexpected(uniform, shape, extra, unknown)
    return made(Uniform, low, high)._draw(shape, seed, name, dtype, device, out, index)


@dataclasses.dataclass(frozen=True)
class LogUniform(Distribution):
    """Log-uniform distribution on the open interval (low, high): its logarithm is uniform.

    The density at x is 1 / (x ln(high / low)). It gives scales of equal weight to all orders of
    magnitude, such as the time steps of state space models (Gu et al. 2022, arXiv 2206.11893).

    Args:
        low: The lower bound, positive and finite.
        high: The upper bound, finite, ``low`` or more; if both are equal, so are all values.

    Raises:
        ValueError: ``low`` is above ``high``, or a bound is not positive and finite; when drawn,
            the dtype has no value between them, or is not float64 and a bound lies outside
            1.2e-38 to 1.7e38 (the normal numbers of float32, without the last factor of 2).

    Example:
        >>> import fastinit
        >>> x = fastinit.LogUniform(1e-3, 1e-1)((1000,), seed=0)
        >>> bool((x > 1e-3).all() and (x < 1e-1).all()), round(float((x < 1e-2).mean()), 1)
        (True, 0.5)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("low", "high")

    low: float
    high: float

    def __post_init__(self) -> None:
        for bound in ("low", "high"):
            value = finite(getattr(self, bound), bound)
            if value <= 0:
                raise ValueError(f"{bound}={value} is not positive; pass a positive number")
            object.__setattr__(self, bound, value)
        if self.low > self.high:
            raise ValueError(f"low={self.low} is above high={self.high}; exchange them")

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Return those of the density 1 / (x ln(high / low))."""
        width = self.high - self.low
        is_wide = self.high > 2 * self.low
        log_ratio = (
            math.log(self.high) - math.log(self.low) if is_wide else math.log1p(width / self.low)
        )
        if log_ratio < 1e-4:  # nearly uniform; the difference below would lose its digits
            return self.low + width / 2, width / math.sqrt(12.0)
        mean = width / log_ratio
        return mean, math.sqrt(mean) * math.sqrt(self.high / 2 + self.low / 2 - mean)

    def _template(self, dtype: np.dtype[Any]) -> Fill:
        precision = drawable(dtype, "log-uniform")
        if self.low == self.high:
            return Constant(self.low).template(dtype)
        representable(self.low, "low", precision)
        representable(2 * self.high, "2 high", precision)  # values may exceed high before a clamp
        center = math.sqrt(self.low) * math.sqrt(self.high)
        low, high = next_above(self.low, dtype), next_below(self.high, dtype)
        check_not_empty(low, high, f"low={self.low} and high={self.high}", dtype)
        return fill_template("log_uniform", dtype, (center, self._half(), low, high))

    def _half(self) -> float:
        """Return log2(high / low) / 2, correctly rounded: a math library's bits may differ."""
        import decimal  # here: it takes a millisecond to import

        with decimal.localcontext(decimal.Context(prec=60)):
            ratio = decimal.Decimal(self.high) / decimal.Decimal(self.low)
            return float(ratio.ln() / decimal.Decimal(2).ln() / 2)


@draws(LogUniform)
def log_uniform(
    shape: Shape,
    low: float,
    high: float,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``LogUniform(low, high)``.

    Example:
        >>> import fastinit
        >>> fastinit.log_uniform((2, 3), 1e-3, 1e-1, seed=0).shape
        (2, 3)
    """
    if extra or unknown:
        raise unexpected(log_uniform, shape, extra, unknown)
    return made(LogUniform, low, high)._draw(shape, seed, name, dtype, device, out, index)
