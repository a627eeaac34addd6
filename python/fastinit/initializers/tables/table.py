"""Tables: values that are a closed form of an element's position, without random numbers."""

from __future__ import annotations

import abc
import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastinit.checks import boolean, finite, integer
from fastinit.initializers.base import Initializer
from fastinit.initializers.computed import Computed, rounded
from fastinit.native.box import Bounds
from fastinit.native.dtypes import CODES, drawable
from fastinit.native.request import Template

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Arange", "Linspace"]

_EXACT = 1 << 53  # integers up to here are exact in float64


class ClosedForm(Initializer, is_base=True):
    """Values that are computed in float64 from the indices of an element, and rounded like Mapped.

    A subclass has the formula, for indices as ``numpy.ogrid`` gives them.
    """

    is_random: ClassVar[bool] = False
    in_complex: ClassVar[str | None] = "real"

    holds_integers: ClassVar[bool] = False
    """Whether integer dtypes hold the values."""

    @abc.abstractmethod
    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the values of a part of an array.

        Args:
            shape: The shape of the whole array.
            index: The indices on each axis, which broadcast against each other.
        """

    def check(self, shape: tuple[int, ...]) -> None:
        """Check a shape.

        Raises:
            ValueError: The table does not fit it.
        """

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which computes the values of a part."""
        is_float = dtype in CODES or dtype.kind == "b" or not self.holds_integers
        precision = drawable(dtype, "these") if is_float else dtype
        self.check(shape)
        if not is_float:
            self._check_integers(shape, dtype)

        def compute(bounds: Bounds, _: int, __: int) -> NDArray[Any]:
            extents = tuple(stop - start for start, stop in bounds)
            index = np.ogrid[tuple(slice(float(a), float(b)) for a, b in bounds)]
            found = np.broadcast_to(self.values(shape, tuple(index)), extents)
            if not np.isfinite(found).all():
                raise ValueError(f"{self} has values beyond float64 in shape {shape}")
            return np.ascontiguousarray(rounded(found, precision))

        return (Computed(shape, dtype, compute, elementwise=True, may_fail=True),)

    def _check_integers(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Check that an integer dtype holds the values, which lie between those at the corners."""
        ends = tuple(np.array([0.0, size - 1.0]) for size in shape)
        values = self.values(shape, tuple(np.ix_(*ends)))
        if not all(map(_is_whole, values.flat)):
            raise ValueError(f"dtype={dtype.name} does not hold these values; use a float dtype")
        limits = np.iinfo(dtype)
        if values.min() < limits.min or values.max() > limits.max:
            raise ValueError(
                f"dtype={dtype.name} does not hold {values.min():g} to {values.max():g}; use a "
                "wider dtype"
            )


def flat_index(shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
    """Return the positions in C order of elements of a whole array, from their indices."""
    flat: Array = np.zeros(())
    for axis, each in enumerate(index):
        flat = flat + each * math.prod(shape[axis + 1 :])
    return np.asarray(flat)


def _is_whole(value: float) -> bool:
    return value == math.floor(value) and abs(value) <= _EXACT


def along(axis: int, shape: tuple[int, ...], what: str) -> int:
    """Return the number of an axis of a shape, counted from 0.

    Raises:
        ValueError: The shape has no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"{what} needs axis {axis}, which shape {shape} does not have")
    return axis % len(shape)


@dataclasses.dataclass(frozen=True)
class Arange(ClosedForm):
    """Evenly spaced numbers along an axis: start, start + step, start + 2 step, ...

    Args:
        start: The first number.
        step: The distance of neighbors.
        axis: The axis; negative numbers count from the end.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is not finite; when drawn, the shape lacks the axis, or the dtype does
            not hold the numbers.

    Example:
        >>> import fastinit
        >>> fastinit.Arange()((1, 4), dtype="int64")
        array([[0, 1, 2, 3]])
        >>> fastinit.Arange(1, 0.5, axis=0)((3,))
        array([1. , 1.5, 2. ], dtype=float32)
    """

    holds_integers: ClassVar[bool] = True

    start: float = 0.0
    step: float = 1.0
    axis: int = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", finite(self.start, "start"))
        object.__setattr__(self, "step", finite(self.step, "step"))
        object.__setattr__(self, "axis", integer(self.axis, "axis", "the number of an axis"))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that the shape has the axis."""
        along(self.axis, shape, "Arange")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return start + index step."""
        return index[along(self.axis, shape, "Arange")] * self.step + self.start


@dataclasses.dataclass(frozen=True)
class Linspace(ClosedForm):
    """Evenly spaced numbers between two bounds along an axis: torch.linspace, numpy.linspace.

    Number k of n is start + k (stop - start) / (n - 1), and the last one is exactly ``stop``. The
    forget biases of xLSTM are an example (Beck et al. 2024, arXiv 2405.04517).

    Args:
        start: The first number.
        stop: The last number, or the one after it without ``endpoint``.
        axis: The axis; negative numbers count from the end.
        endpoint: Whether ``stop`` is the last number; if not, n - 1 is n in the formula.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is not finite; when drawn, the shape lacks the axis.

    Example:
        >>> import fastinit
        >>> fastinit.Linspace(3, 6)((4,))
        array([3., 4., 5., 6.], dtype=float32)
    """

    start: float
    stop: float
    axis: int = -1
    endpoint: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", finite(self.start, "start"))
        object.__setattr__(self, "stop", finite(self.stop, "stop"))
        object.__setattr__(self, "axis", integer(self.axis, "axis", "the number of an axis"))
        object.__setattr__(self, "endpoint", boolean(self.endpoint, "endpoint"))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that the shape has the axis."""
        along(self.axis, shape, "Linspace")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return start + index step, and ``stop`` at the end."""
        axis = along(self.axis, shape, "Linspace")
        k, steps = index[axis], shape[axis] - self.endpoint
        found = k * ((self.stop - self.start) / max(steps, 1)) + self.start
        return np.where((k == steps) & (steps > 0), self.stop, found)
