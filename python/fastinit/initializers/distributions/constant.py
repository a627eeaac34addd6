"""Constants: the same value everywhere, in any dtype."""

from __future__ import annotations

import dataclasses
import math
import operator
import struct
import sys
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.checks import real, shown
from fastinit.initializers.base import Distribution, made
from fastinit.initializers.function_help import draws
from fastinit.initializers.options import Out, unexpected
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Index, Shape
from fastinit.native.dtypes import CODES, precision_of
from fastinit.native.request import Fill, fill_template
from fastinit.streams import Seed

__all__ = ["Constant", "constant", "ones", "zeros"]


def _number(value: Any) -> float:
    """Return a number as a float, or as an integer, whose exact value integer dtypes keep."""
    if type(value) is float:
        return value
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    number = real(value, "value")
    try:
        return operator.index(value)
    except TypeError:  # arrays have __index__ even if they hold no integers
        return number


@dataclasses.dataclass(frozen=True, eq=False)
class Constant(Distribution):
    """The same value everywhere.

    Args:
        value: A number; an integer or bool keeps its exact value in integer dtypes.

    Raises:
        TypeError: ``value`` is not a number.
        ValueError: ``value`` is beyond float64; when drawn, the dtype cannot hold it.

    Example:
        >>> import fastinit
        >>> fastinit.Constant(3)((2,), dtype="int8")
        array([3, 3], dtype=int8)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("value",)
    is_random: ClassVar[bool] = False

    value: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _number(self.value))

    def _bits(self) -> float | bytes:
        """Return what tells values apart whose bits differ, as 0.0 and -0.0.

        The caller's arithmetic may take a subnormal for zero, so its bytes are compared.
        """
        is_tiny = abs(self.value) < sys.float_info.min
        return struct.pack("<d", self.value) if is_tiny else self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._bits() == other._bits()

    def __hash__(self) -> int:
        return hash(self._bits())

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Return the value, and a deviation of 0."""
        return float(self.value), 0.0

    def _template(self, dtype: np.dtype[Any]) -> Fill:
        return fill_template("constant", dtype, pattern=self.pattern(dtype))

    @in_default_arithmetic
    def pattern(self, dtype: np.dtype[Any]) -> int:
        """Return the value's bits, once it is known that ``dtype`` can hold it."""
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
                f"value={self.value} is not an integer, as dtype={dtype.name} needs; use a float "
                "dtype"
            )
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if not low <= self.value <= high:
            raise ValueError(
                f"value={shown(self.value)} is outside dtype={dtype.name}, which holds {low} to "
                f"{high}"
            )
        return np.array(int(self.value), dtype)


_ZEROS = Constant(0)
_ONES = Constant(1)


@draws(Constant)
def zeros(
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
    """Fill with 0, in any dtype; ``seed`` and ``name`` change nothing.

    Example:
        >>> import fastinit
        >>> fastinit.zeros(2, dtype="bool")
        array([False, False])
    """
    if extra or unknown:
        raise unexpected(zeros, shape, extra, unknown)
    return _ZEROS._draw(shape, seed, name, dtype, device, out, index)


@draws(Constant)
def ones(
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
    """Fill with 1, in any dtype; ``seed`` and ``name`` change nothing.

    Example:
        >>> import fastinit
        >>> fastinit.ones((1, 2))
        array([[1., 1.]], dtype=float32)
    """
    if extra or unknown:
        raise unexpected(ones, shape, extra, unknown)
    return _ONES._draw(shape, seed, name, dtype, device, out, index)


@draws(Constant)
def constant(
    shape: Shape,
    value: float,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Fill with ``value``, in any dtype that can hold it; see ``Constant``.

    Example:
        >>> import fastinit
        >>> fastinit.constant(2, 0.5)
        array([0.5, 0.5], dtype=float32)
    """
    if extra or unknown:
        raise unexpected(constant, shape, extra, unknown)
    # -0.0 and 0.0 are one key of the cache.
    initializer = made(Constant, value) if type(value) is float and value else Constant(value)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
