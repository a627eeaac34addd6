"""Constant, uniform, normal and truncated normal: what native code draws directly."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from typing import Any, ClassVar

import numpy as np

from fastinit import _cpu
from fastinit.checks import drawable, finite, not_negative, real, representable
from fastinit.dtypes import (
    CODES,
    largest_at_most,
    next_above,
    next_below,
    precision_of,
    smallest_at_least,
)
from fastinit.initializers.base import Distribution
from fastinit.requests import CONSTANT, NORMAL, TRUNCATED, UNIFORM, Fill, draw

# Below this, half * 2**-24 (2**-53 for float64) would be subnormal.
_SMALLEST_HALF = {4: 2.0**-102, 8: 2.0**-969}


@dataclasses.dataclass(frozen=True)
class Constant(Distribution):
    """The same value everywhere.

    Args:
        value: a number; an integer or bool keeps its exact value in integer dtypes.

    Raises:
        ValueError: when drawn: the dtype cannot hold the value.

    Example:
        >>> import fastinit
        >>> fastinit.Constant(3)((2,), dtype="int8")
        array([3, 3], dtype=int8)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("value",)

    value: float = 0.0

    def __post_init__(self) -> None:
        """Check the value."""
        if isinstance(self.value, bool):
            return
        number = real(self.value, "value")
        given: Any = self.value
        is_integer = hasattr(given, "__index__")  # whose exact value integer dtypes keep
        object.__setattr__(self, "value", operator.index(given) if is_integer else number)

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """The value, and no deviation."""
        return float(self.value), 0.0

    def draw(self, dtype: np.dtype[Any]) -> Fill:
        """The value's bits, once it is known that ``dtype`` can hold it."""
        return self._draw(dtype, math.copysign(1.0, self.value))

    @functools.lru_cache(maxsize=1024)  # noqa: B019  (bounded, and keyed by value)
    def _draw(self, dtype: np.dtype[Any], _sign: float) -> Fill:
        # The sign is there for the cache: 0.0 and -0.0 are equal, their bits are not.
        return draw(CONSTANT, dtype, pattern=self.pattern(dtype))

    def pattern(self, dtype: np.dtype[Any]) -> int:
        """The value's bits, once it is known that ``dtype`` can hold it."""
        element = self._float(dtype) if dtype in CODES else self._integer(dtype)
        return int.from_bytes(element.tobytes(), "little")

    def _float(self, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        with np.errstate(over="ignore"):
            # Narrow dtypes are the float32 value rounded once, constants too.
            element = np.array(self.value, precision_of(dtype)).astype(dtype)
        if math.isfinite(self.value) and not math.isfinite(float(element)):
            raise ValueError(f"value={self.value} overflows dtype={dtype.name}; use a wider dtype")
        if math.isinf(self.value) and not math.isinf(float(element)):
            raise ValueError(
                f"value={self.value}: dtype={dtype.name} has no infinity; use another dtype"
            )
        return element

    def _integer(self, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        if not math.isfinite(self.value) or self.value != int(self.value):
            raise ValueError(
                f"value={self.value} is no integer, as dtype={dtype.name} needs; use a float dtype"
            )
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if not low <= self.value <= high:
            raise ValueError(
                f"value={self.value} is outside dtype={dtype.name}, which holds {low} to {high}"
            )
        return np.array(int(self.value), dtype)


@dataclasses.dataclass(frozen=True)
class Normal(Distribution):
    """Normal with a mean and a standard deviation.

    Args:
        mean: finite.
        std: finite, 0 or more.

    Raises:
        ValueError: a number out of range; when drawn, one that the dtype cannot hold.

    Example:
        >>> import fastinit
        >>> round(float(fastinit.Normal(std=0.02)((1000, 1000), seed=0).std()), 4)
        0.02
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("mean", "std")

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        object.__setattr__(self, "mean", finite(self.mean, "mean"))
        object.__setattr__(self, "std", not_negative(self.std, "std"))

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """As given."""
        return self.mean, self.std

    @functools.lru_cache(maxsize=1024)  # noqa: B019  (bounded, and keyed by value)
    def draw(self, dtype: np.dtype[Any]) -> Fill:
        """The parameters, once it is known that ``dtype`` can hold the values."""
        precision = drawable(dtype, "normal")
        std = representable(self.std, "std", precision)
        return draw(NORMAL, dtype, (std, representable(self.mean, "mean", precision)))


@dataclasses.dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform on the open interval (low, high): neither bound ever occurs.

    Args:
        low: finite.
        high: finite, ``low`` or more; where they are equal, that constant.

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
        """Check the bounds."""
        object.__setattr__(self, "low", finite(self.low, "low"))
        object.__setattr__(self, "high", finite(self.high, "high"))
        if self.low > self.high:
            raise ValueError(f"low={self.low} is above high={self.high}; exchange them")

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """The middle, and the distance of the bounds over sqrt(12)."""
        return self.high / 2 + self.low / 2, (self.high / 2 - self.low / 2) / math.sqrt(3.0)

    @functools.lru_cache(maxsize=1024)  # noqa: B019  (bounded, and keyed by value)
    def draw(self, dtype: np.dtype[Any]) -> Fill:
        """The parameters, once it is known that ``dtype`` can hold the values."""
        precision = drawable(dtype, "uniform")
        if self.low == self.high:
            return Constant(self.low).draw(dtype)
        half = representable(self.high / 2 - self.low / 2, "high/2 - low/2", precision)
        mid = representable(self.high / 2 + self.low / 2, "high/2 + low/2", precision)
        if float(precision.type(half)) < _SMALLEST_HALF[precision.itemsize]:
            raise ValueError(
                f"low={self.low} and high={self.high} are too close for {precision.name} "
                f"arithmetic (half their distance: {_SMALLEST_HALF[precision.itemsize]} or more)"
            )
        low, high = next_above(self.low, dtype), next_below(self.high, dtype)
        _check_not_empty(low, high, f"low={self.low} and high={self.high}", dtype)
        return draw(UNIFORM, dtype, (half, mid, low, high))


@dataclasses.dataclass(frozen=True)
class TruncatedNormal(Distribution):
    """Normal cut to [mean + lower std, mean + upper std], by the inverse CDF: one word a value.

    Args:
        mean: of the normal before the cut, finite.
        std: of the normal before the cut, finite, 0 or more.
        lower: the lower bound in sigmas, or -inf.
        upper: the upper bound in sigmas, or inf.
        compensate: divide ``std`` by that of the cut standard normal, so that the values'
            standard deviation is ``std`` (JAX and Keras do so in their he, glorot and lecun).

    Raises:
        ValueError: lower >= upper, a NaN, a negative or infinite std, a cut of too little mass
            (2**-125 one-sided, 2**-90 two-sided); when drawn, no value of the dtype inside.

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
        """Check the numbers."""
        object.__setattr__(self, "mean", finite(self.mean, "mean"))
        object.__setattr__(self, "std", not_negative(self.std, "std"))
        for bound in ("lower", "upper"):
            value = real(getattr(self, bound), bound)
            if math.isnan(value):
                raise ValueError(
                    f"{bound}=nan is no bound; pass a number of sigmas, or an infinity"
                )
            object.__setattr__(self, bound, value)
        if self.lower >= self.upper:
            raise ValueError(f"lower={self.lower} is not below upper={self.upper}; exchange them")
        try:
            _cpu.truncation(self.lower, self.upper, False)
        except ValueError as error:
            raise ValueError(f"lower={self.lower} and upper={self.upper}: {error}") from None

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Those of the cut distribution."""
        cut = _cpu.truncated_std(self.lower, self.upper)
        std = self.std / cut if self.compensate else self.std
        density = [math.exp(-x * x / 2) / math.sqrt(2 * math.pi) for x in (self.lower, self.upper)]
        tails = [math.erfc(x / math.sqrt(2.0)) / 2 for x in (self.lower, self.upper)]
        mass = tails[0] - tails[1]
        # In a far tail the difference vanishes; the cut's mean is then its inner bound.
        shift = (density[0] - density[1]) / mass if mass else min(self.lower, self.upper, key=abs)
        return self.mean + std * shift, std * cut

    @functools.lru_cache(maxsize=1024)  # noqa: B019  (bounded, and keyed by value)
    def draw(self, dtype: np.dtype[Any]) -> Fill:
        """The parameters, once it is known that ``dtype`` can hold the values."""
        drawable(dtype, "truncated normal")
        if self.std == 0:
            return Constant(self.mean).draw(dtype)
        std = self.std / _cpu.truncated_std(self.lower, self.upper) if self.compensate else self.std
        bounds = (self.mean + self.lower * std, self.mean + self.upper * std)
        return truncated_fill(self.mean, std, (self.lower, self.upper), bounds, dtype, str(self))


def truncated_fill(
    mean: float,
    std: float,
    cut: tuple[float, float],
    bounds: tuple[float, float],
    dtype: np.dtype[Any],
    what: str,
) -> Fill:
    """The fill of a truncated normal: ``cut`` is in sigmas, ``bounds`` hold to the last place.

    Raises:
        ValueError: ``dtype`` cannot hold the values, or the cut has too little mass.
    """
    precision = drawable(dtype, "truncated normal")
    representable(std, "std", precision)
    representable(mean, "mean", precision)
    low, high = smallest_at_least(bounds[0], dtype), largest_at_most(bounds[1], dtype)
    _check_not_empty(low, high, what, dtype)
    formula, constants = _cpu.truncation(*cut, precision.itemsize == 8)
    return draw(TRUNCATED, dtype, (std, mean, low, high, *constants), formula=formula)


def _check_not_empty(low: float, high: float, what: str, dtype: np.dtype[Any]) -> None:
    if low > high:
        raise ValueError(f"{what}: {dtype.name} has no value between the bounds; use a wider dtype")
