"""Discrete values: signs, signs and zeros, integers in a range, and permutations."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar, Never

import numpy as np

from fastinit.checks import finite, integer
from fastinit.initializers.base import Initializer, made
from fastinit.initializers.computed import Computed
from fastinit.initializers.function_help import draws
from fastinit.initializers.options import Out, unexpected
from fastinit.native import _cpu
from fastinit.native.box import Bounds, Index, Shape, offset_of
from fastinit.native.dtypes import CODES, digits_of, drawable, precision_of, representable
from fastinit.native.request import Template, fill_template
from fastinit.streams import Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Integers",
    "Permutation",
    "Rademacher",
    "Ternary",
    "integers",
    "permutation",
    "rademacher",
    "ternary",
]

_LARGEST_ROW = 1 << 32  # elements that are permuted: 16 bytes of memory each


class _Signs(Initializer, is_base=True):
    """Minus and plus a scale, and zeros."""

    magnitudes: ClassVar[tuple[str, ...]] = ("scale",)

    scale: float

    @property
    def _zeros(self) -> float:
        return 0.0

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Return 0 and scale sqrt(1 - zeros)."""
        return 0.0, abs(self.scale) * math.sqrt(1 - self._zeros)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:  # noqa: ARG002
        """Return one fill."""
        precision = drawable(dtype, type(self).__name__)
        scale = representable(self.scale, "scale", precision)
        return (fill_template("ternary", dtype, (scale, self._zeros)),)


@dataclasses.dataclass(frozen=True)
class Rademacher(_Signs):
    """Rademacher's distribution: -scale and scale, each with probability 1/2.

    Args:
        scale: A positive number.

    Raises:
        TypeError: ``scale`` is not a number.
        ValueError: ``scale`` is not positive and finite; when drawn, one that the dtype cannot
            hold.

    Example:
        >>> import fastinit
        >>> sorted(set(fastinit.Rademacher(0.5)((100,), seed=0, name="signs").tolist()))
        [-0.5, 0.5]
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", _positive(self.scale, "scale"))


@dataclasses.dataclass(frozen=True)
class Ternary(_Signs):
    """Signs and zeros: 0 with the probability ``zeros``, else -scale or scale, equally likely.

    Sparse random projections have zeros = 2/3 and the scale sqrt(3) (Achlioptas 2003), or
    1 - 1/sqrt(n) (Li et al. 2006); the bases of RandLoRA are of this kind (Albert et al. 2025,
    arXiv 2502.00987).

    Args:
        zeros: The probability of a zero, from 0 to 1, in steps of 2^-24 (2^-53 in float64).
        scale: A positive number.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range; when drawn, one that the dtype cannot hold.

    Example:
        >>> import fastinit
        >>> x = fastinit.Ternary(zeros=2 / 3)((30_000,), seed=0, name="projection")
        >>> sorted(set(x.tolist())), round(float((x == 0).mean()), 1)
        ([-1.0, 0.0, 1.0], 0.7)
    """

    zeros: float = 1 / 3
    scale: float = 1.0

    def __post_init__(self) -> None:
        zeros = finite(self.zeros, "zeros")
        if not 0 <= zeros <= 1:
            raise ValueError(f"zeros={zeros} is not a probability; pass a number from 0 to 1")
        object.__setattr__(self, "zeros", zeros)
        object.__setattr__(self, "scale", _positive(self.scale, "scale"))

    @property
    def _zeros(self) -> float:
        return self.zeros


def _positive(value: float, what: str) -> float:
    number = finite(value, what)
    if number <= 0:
        raise ValueError(f"{what}={number} is not positive; pass a positive number")
    return number


def _holds(dtype: np.dtype[Any], low: int, high: int, what: str) -> None:
    """Check that a dtype holds all integers from ``low`` to ``high``.

    Raises:
        ValueError: It does not.
    """
    if dtype.kind == "b":
        drawable(dtype, what)
    if dtype in CODES:
        largest = 1 << digits_of(dtype)
        least = -largest
    else:
        least, largest = (int(getattr(np.iinfo(dtype), end)) for end in ("min", "max"))
    if low < least or high > largest:
        raise ValueError(
            f"dtype={dtype.name} does not hold all integers from {low} to {high}; use one of "
            "int64, uint64, or a wider dtype"
        )


@dataclasses.dataclass(frozen=True)
class Integers(Initializer):
    """Integers from ``low`` to ``high - 1``, each equally likely, without the bias of a modulus.

    Float dtypes hold them where all of the range is exact. They are computed by the host, also for
    a GPU.

    Args:
        low: The smallest integer, -2^63 or more.
        high: The integer after the largest one, 2^64 or less.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: ``high`` is not above ``low``, or they are out of range; when drawn, the dtype
            does not hold all of them.

    Example:
        >>> import fastinit
        >>> dice = fastinit.Integers(1, 7)((1000,), seed=0, name="dice", dtype="int8")
        >>> sorted(set(dice.tolist()))
        [1, 2, 3, 4, 5, 6]
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        for field in ("low", "high"):
            object.__setattr__(self, field, integer(getattr(self, field), field, "an integer"))
        if not -(1 << 63) <= self.low < self.high <= 1 << 64:
            raise ValueError(
                f"low={self.low} and high={self.high} are not a range; pass low < high, from "
                "-2**63 to 2**64"
            )
        if self.high - self.low > 1 << 64:
            raise ValueError(f"low={self.low} and high={self.high} are more than 2**64 apart")

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Return those of the discrete uniform distribution."""
        count = float(self.high - self.low)
        return (self.low + (self.high - 1)) / 2, math.sqrt(max(count * count - 1, 0.0) / 12)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which computes the integers."""
        _holds(dtype, self.low, self.high - 1, "random")
        count = (self.high - self.low) % (1 << 64)

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            found = _flat_indices(shape, bounds)
            _cpu.integers(seed, stream, count, found)
            found += np.uint64(self.low % (1 << 64))
            return _as_dtype(found if self.low >= 0 else found.view(np.int64), dtype)

        return (Computed(shape, dtype, compute, elementwise=True),)


def _flat_indices(shape: tuple[int, ...], bounds: Bounds) -> NDArray[np.uint64]:
    """Return the flat index in the whole of every element of a part."""
    found = np.full((), offset_of(shape, bounds), np.uint64)
    stride = 1
    for axis in reversed(range(len(shape))):
        extent = bounds[axis][1] - bounds[axis][0]
        steps = np.arange(extent, dtype=np.uint64) * np.uint64(stride)
        found = found + steps.reshape((extent,) + (1,) * (len(shape) - 1 - axis))
        stride *= shape[axis]
    return np.ascontiguousarray(found)


def _as_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return integers in a dtype that holds them."""
    if dtype not in CODES:
        return values.astype(dtype)
    return values.astype(precision_of(dtype)).astype(dtype)


@dataclasses.dataclass(frozen=True)
class Permutation(Initializer):
    """Random permutations of 0, 1, ..., n - 1 along the last axis, one for each row.

    A row is the order of the 64-bit words of its elements, so all permutations are equally likely
    but for equal words. A part needs the whole rows that it touches: 16 bytes of memory and the
    time of a sort for each of their elements. The host computes them, also for a GPU.

    Raises:
        ValueError: When drawn, the rows are longer than 2^32, or the dtype does not hold n - 1.

    Example:
        >>> import fastinit
        >>> order = fastinit.Permutation()((5,), seed=0, name="order", dtype="int64")
        >>> sorted(order.tolist())
        [0, 1, 2, 3, 4]
    """

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which sorts the words of the rows that a part touches."""
        size = shape[-1] if shape else 1
        if size > _LARGEST_ROW:
            raise ValueError(
                f"shape {shape}: permutations have {_LARGEST_ROW} elements at most; the last axis "
                f"has {size}"
            )
        _holds(dtype, 0, size - 1, "random")

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            rows, part = (*bounds[:-1], (0, size)), (..., slice(*bounds[-1])) if shape else ()
            words = _flat_indices(shape, rows if shape else ())
            _cpu.integers(seed, stream, 0, words)
            order = np.argsort(words.reshape(-1, size), axis=-1, kind="stable")
            return _as_dtype(order.reshape(words.shape)[part], dtype)

        return (Computed(shape, dtype, compute, elementwise=False),)


@draws(Rademacher)
def rademacher(
    shape: Shape,
    scale: float = 1.0,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Rademacher(scale)``.

    Example:
        >>> import fastinit
        >>> bool((abs(fastinit.rademacher(100, seed=0)) == 1).all())
        True
    """
    if extra or unknown:
        raise unexpected(rademacher, shape, extra, unknown)
    return made(Rademacher, scale)._draw(shape, seed, name, dtype, device, out, index)


@draws(Ternary)
def ternary(
    shape: Shape,
    zeros: float = 1 / 3,
    scale: float = 1.0,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Ternary(zeros, scale)``.

    Example:
        >>> import fastinit
        >>> projection = fastinit.ternary((64, 512), zeros=2 / 3, scale=3**0.5, seed=0)
    """
    if extra or unknown:
        raise unexpected(ternary, shape, extra, unknown)
    return made(Ternary, zeros, scale)._draw(shape, seed, name, dtype, device, out, index)


@draws(Integers)
def integers(
    shape: Shape,
    low: int,
    high: int,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Integers(low, high)``, as int64 unless ``dtype`` or ``out`` says otherwise.

    Example:
        >>> import fastinit
        >>> fastinit.integers((2, 3), 0, 10, seed=0).dtype
        dtype('int64')
    """
    if extra or unknown:
        raise unexpected(integers, shape, extra, unknown)
    dtype = "int64" if dtype is None and out is None else dtype
    return made(Integers, low, high)._draw(shape, seed, name, dtype, device, out, index)


@draws(Permutation)
def permutation(
    shape: Shape,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Permutation()``, as int64 unless ``dtype`` or ``out`` says otherwise.

    Example:
        >>> import fastinit
        >>> fastinit.permutation((2, 3), seed=0).sum(axis=1)
        array([3, 3])
    """
    if extra or unknown:
        raise unexpected(permutation, shape, extra, unknown)
    dtype = "int64" if dtype is None and out is None else dtype
    return made(Permutation)._draw(shape, seed, name, dtype, device, out, index)
