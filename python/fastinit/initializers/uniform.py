"""The uniform distribution on an open interval."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from fastinit.checks import finite
from fastinit.initializers.base import Distribution
from fastinit.initializers.constant import Constant
from fastinit.native.box import Index, Shape
from fastinit.native.dtypes import (
    check_not_empty,
    drawable,
    next_above,
    next_below,
    representable,
)
from fastinit.native.request import Fill, fill_template

__all__ = ["Uniform", "uniform"]

# Below this, half * 2**-24 (2**-53 for float64) would be subnormal.
_SMALLEST_HALF = {4: 2.0**-102, 8: 2.0**-969}


@dataclasses.dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform distribution on the open interval (low, high): neither bound ever occurs.

    Args:
        low: finite.
        high: finite, ``low`` or more; if they are equal, the result is that constant.

    Raises:
        ValueError: low > high or a bound that is not finite; when drawn, no value of the dtype
            between them, or an interval too narrow or too wide for float32 arithmetic.

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


def uniform(
    shape: Shape,
    low: float = 0.0,
    high: float = 1.0,
    *,
    seed: int | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Any = None,
    index: Index | None = None,
) -> Any:
    """Draw from ``Uniform(low, high)``.

    The keyword arguments are those of ``Initializer.__call__``.

    Example:
        >>> import fastinit
        >>> bool((fastinit.uniform(1000, seed=0) > 0).all())
        True
    """
    return Uniform(low, high)._draw(shape, seed, name, dtype, device, out, index)
