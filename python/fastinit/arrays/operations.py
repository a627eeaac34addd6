"""Operations on memory that has been drawn: arithmetic, given values, rounding to another dtype."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.arrays.devices import Device
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.dtypes import DTYPES, precision_of
from fastinit.native.request import Operation, Request

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK = 1 << 18  # elements: temporary arrays stay in a cache
_BFLOAT16 = DTYPES["bfloat16"]

# Each is one operation of IEEE 754, or one comparison; x is an array, s a number of its precision.
ARITHMETIC: dict[str, Callable[[Any, Any, Any], Any]] = {
    "multiply": lambda _, x, s: x * s,
    "add": lambda _, x, s: x + s,
    "divide": lambda _, x, s: x / s,
    "subtract_from": lambda _, x, s: s - x,
    "divide_into": lambda _, x, s: s / x,
    "at_least": lambda xp, x, s: xp.where(x < s, s, x),
    "at_most": lambda xp, x, s: xp.where(x > s, s, x),
}
"""The arithmetic with a number that each name stands for."""


@dataclass(frozen=True, slots=True)
class Arithmetic(Operation):
    """Arithmetic of each element with a number, rounded to the dtype.

    Narrow dtypes are computed in float32 and rounded once, as torch does.
    """

    address: int
    count: int
    dtype: np.dtype[Any]
    name: str
    operand: float

    def prepare(self, device: Device) -> None:
        """Check that the device computes in the dtype."""
        _check_on(device, self.dtype)

    @in_default_arithmetic
    def run(self, device: Device) -> None:
        """Compute in pieces."""
        precision = precision_of(self.dtype)
        number = precision.type(self.operand)
        compute = ARITHMETIC[self.name]
        with np.errstate(all="ignore"):
            for address, count in _chunks(self.address, self.count, self.dtype):
                view = device.view(address, count, self.dtype)
                xp = _library(view)
                found = compute(xp, _widened(view, self.dtype, precision, xp), number)
                view[...] = _rounded(found, self.dtype, view.dtype, xp)


@dataclass(frozen=True, slots=True)
class Products(Operation):
    """Products of each element with a factor of its own, rounded to the dtype.

    Attributes:
        address: of the memory.
        dtype: of the memory.
        factors: an array with the extents of the memory, which may be broadcast.
    """

    address: int
    dtype: np.dtype[Any]
    factors: NDArray[np.float64]

    def prepare(self, device: Device) -> None:
        """Check that the device computes in the dtype."""
        _check_on(device, self.dtype)

    @in_default_arithmetic
    def run(self, device: Device) -> None:
        """Compute in pieces."""
        precision = precision_of(self.dtype)
        factors = self.factors.flat
        done = 0
        with np.errstate(all="ignore"):
            for address, count in _chunks(self.address, self.factors.size, self.dtype):
                view = device.view(address, count, self.dtype)
                xp = _library(view)
                numbers = xp.asarray(factors[done : done + count].astype(precision))
                found = _widened(view, self.dtype, precision, xp) * numbers
                view[...] = _rounded(found, self.dtype, view.dtype, xp)
                done += count


@dataclass(frozen=True, slots=True)
class Copy(Operation):
    """Given values of the dtype of the memory."""

    address: int
    values: NDArray[Any]

    def run(self, device: Device) -> None:
        """Copy them."""
        view = device.view(self.address, self.values.size, self.values.dtype)
        flat = np.ascontiguousarray(self.values).reshape(-1)
        if isinstance(view, np.ndarray):
            view[...] = flat.view(view.dtype)
        else:
            view.set(flat.view(view.dtype))


@dataclass(slots=True)
class DrawnApart(Operation):
    """Values that are drawn into memory of their own, for what is to be written.

    Attributes:
        drawn: the dtype that is drawn.
        count: the number of elements.
        requests_for: returns the requests that draw the values at an address.
        may_fail: whether drawing may find that there are no such values: they are then drawn before
            anything is written.
    """

    drawn: np.dtype[Any]
    count: int
    requests_for: Callable[[int], Sequence[Request]]
    may_fail: bool
    values: Any = field(default=None, init=False)

    def prepare(self, device: Device) -> None:
        """Draw what may fail, and prepare what need not be drawn yet."""
        if self.may_fail:
            self.values = self._new(device)
        else:
            device.prepare(self.requests_for(0))  # which write nothing at any address

    def take(self, device: Device) -> Any:
        """Return the values, which are then no longer kept."""
        values, self.values = self.values, None
        return self._new(device) if values is None else values

    def _new(self, device: Device) -> Any:
        values, start = device.empty(self.count, self.drawn)
        device.fill(self.requests_for(start))
        return values


@dataclass(slots=True)
class Rounded(DrawnApart):
    """Values that are drawn in one dtype, float32 or float64, and rounded to another.

    float64 is rounded to narrow dtypes by way of float32, as torch does.

    Attributes:
        address: of the memory.
        dtype: of the memory.
    """

    address: int
    dtype: np.dtype[Any]

    def prepare(self, device: Device) -> None:
        """Check that the device rounds to the dtype."""
        _check_on(device, self.dtype)
        if device.kind != "cpu" and self.dtype == _BFLOAT16 and self.drawn.itemsize > 4:
            raise ValueError("float64 values are not rounded to bfloat16 on a GPU; draw on the CPU")
        DrawnApart.prepare(self, device)

    @in_default_arithmetic
    def run(self, device: Device) -> None:
        """Round in pieces."""
        values = self.take(device)
        done = 0
        with np.errstate(all="ignore"):
            for address, count in _chunks(self.address, self.count, self.dtype):
                view = device.view(address, count, self.dtype)
                piece = values[done : done + count]
                view[...] = _rounded(piece, self.dtype, view.dtype, _library(view))
                done += count


def _chunks(address: int, count: int, dtype: np.dtype[Any]) -> Iterator[tuple[int, int]]:
    for start in range(0, count, _CHUNK):
        yield address + start * dtype.itemsize, min(_CHUNK, count - start)


def _library(array: Any) -> Any:
    return np if isinstance(array, np.ndarray) else sys.modules["cupy"]


def _widened(array: Any, dtype: np.dtype[Any], precision: np.dtype[Any], xp: Any) -> Any:
    """Return values in a precision; CuPy has bfloat16 as the integers of its bits."""
    if array.dtype == dtype:
        return array.astype(precision)
    return (array.astype(xp.uint32) << 16).view(xp.float32)


def _rounded(values: Any, dtype: np.dtype[Any], stored: np.dtype[Any], xp: Any) -> Any:
    """Return values rounded to a dtype, as the memory's array stores them."""
    if stored == dtype:
        return values.astype(dtype)
    bits = values.view(xp.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return xp.where(xp.isnan(values), (bits >> 16) | 0x40, rounded).astype(xp.uint16)


def _check_on(device: Device, dtype: np.dtype[Any]) -> None:
    """Check that a device computes in a dtype: CuPy has float8 as integers only."""
    if device.kind != "cpu" and dtype.isbuiltin != 1 and dtype != _BFLOAT16:
        raise ValueError(f"arithmetic in {dtype.name} is not available on a GPU; draw on the CPU")
