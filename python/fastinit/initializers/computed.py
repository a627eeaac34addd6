"""Values that the host computes from those of other initializers."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.arrays.devices import CPU, Device
from fastinit.arrays.operations import Copy, DrawnApart
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Bounds, Box, part
from fastinit.native.region import pieces
from fastinit.native.request import Operation, Request, Template

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MOST = 1 << 18  # elements that are computed at a time: temporary arrays stay in a cache


def draw_bounds(
    templates: Sequence[Template],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    bounds: Bounds,
    seed: int,
    stream: int,
    threads: int = 0,
) -> NDArray[Any]:
    """Return the values of a part of an array, drawn into new memory of the host."""
    box = part(shape, tuple(slice(*each) for each in bounds))
    values, address = CPU.empty(int(np.prod(box.shape, dtype=np.int64)), dtype)
    requests = [r for each in templates for r in each.requests(box, address, seed, stream)]
    CPU.fill(requests, threads)
    return values.reshape(box.shape)


Compute = Callable[[Bounds, int, int], "NDArray[Any]"]
"""From the bounds of a part, a seed and a stream to the values of the part."""


@dataclass(frozen=True, eq=False)
class Computed(Template):
    """Values that the host computes for a part that has bounds.

    Attributes:
        shape: The shape of the array.
        dtype: The dtype of the array; values of another one are rounded to it.
        compute: Returns the values.
        elementwise: Whether any flat piece costs no more than its share of the whole.
        over: The templates that ``compute`` draws from.
        before: Checks what ``compute`` needs, for a seed and a stream; None where that is what
            the templates of ``over`` need for the same stream.
        may_fail: Whether ``compute`` or a template of ``over`` may raise an error: all values of a
            part are then in memory before any is written.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    compute: Compute
    elementwise: bool
    over: tuple[Template, ...] = ()
    before: Callable[[int, int], None] | None = None
    may_fail: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "may_fail", self.may_fail or any_may_fail(self.over))

    def check(self, seed: int, stream: int) -> None:
        """Check what the values are computed from."""
        if self.before is None:
            check_all(self.over, seed, stream)
        else:
            self.before(seed, stream)

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return one operation for each piece of the box that has bounds."""
        size = self.dtype.itemsize
        most = _MOST if self.elementwise else math.prod(self.shape)
        check: Callable[[], None] | None = functools.partial(self.check, seed, stream)
        found: list[Request] = []
        for position, bounds in pieces(self.shape, box, most):
            compute = functools.partial(self.compute, bounds, seed, stream)
            at = address + position * size
            found.append(_Evaluated(at, self.dtype, compute, check, self.may_fail))
            check = None  # once for all pieces
        return found


@dataclass(slots=True)
class _Evaluated(Operation):
    """Values that are computed when it is their turn, so that few are in memory at a time.

    Those of which computing may fail are computed before.
    """

    address: int
    dtype: np.dtype[Any]
    compute: Callable[[], NDArray[Any]]
    check: Callable[[], None] | None
    may_fail: bool
    values: NDArray[Any] | None = None

    def prepare(self, _: Device) -> None:
        """Check, and compute what may fail."""
        if self.check is not None:
            self.check()
        if self.may_fail:
            self.values = self._computed()

    @in_default_arithmetic
    def _computed(self) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            return rounded(self.compute(), self.dtype)

    def run(self, device: Device) -> None:
        """Compute the values, round them and copy them."""
        values = self._computed() if self.values is None else self.values
        Copy(self.address, values).run(device)
        self.values = None


def any_may_fail(templates: Iterable[Template]) -> bool:
    """Return whether it turns out late for one of the templates that it has no values."""
    return any(each.may_fail for each in templates)


def check_all(templates: Iterable[Template], seed: int, stream: int) -> None:
    """Check what each of the templates needs."""
    for each in templates:
        each.check(seed, stream)


def rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values rounded to a dtype.

    Raises:
        ValueError: A finite value is too large for the dtype.
    """
    if values.dtype == dtype:
        return values
    with np.errstate(all="ignore"):
        found = values.astype(dtype)
    is_lost = ~np.isfinite(found)
    if is_lost.any() and (is_lost := is_lost & np.isfinite(values)).any():
        lost = values[is_lost].flat[0]
        raise ValueError(f"dtype={dtype.name} does not hold {lost:g}; use a wider dtype")
    return found


def scaled(values: NDArray[Any], factors: Any) -> NDArray[Any]:
    """Return products with real factors, computed in float64, as values of the same dtype."""
    if values.dtype.kind != "c":
        found: NDArray[Any] = (values.astype(np.float64, copy=False) * factors).astype(
            values.dtype, copy=False
        )
        return found
    found = np.empty(values.shape, values.dtype)  # a product of complex numbers may be fused
    found.real, found.imag = scaled(values.real, factors), scaled(values.imag, factors)
    return found


@dataclass(slots=True)
class Placed(DrawnApart):
    """Values that are drawn on their own and then written into a part of contiguous memory.

    Attributes:
        address: The address of the memory.
        extents: The sizes of its axes.
        where: The part of it.
        axes: The order of the axes of what is drawn, by which it has the axes of the part.
        sizes: The sizes of the axes of what is drawn.
    """

    address: int
    extents: tuple[int, ...]
    where: tuple[slice | EllipsisType, ...]
    axes: tuple[int, ...]
    sizes: tuple[int, ...]

    def run(self, device: Device) -> None:
        """Write what is drawn."""
        values = self.take(device)
        size = math.prod(self.extents)
        memory = device.view(self.address, size, self.drawn).reshape(self.extents)
        memory[self.where] = (
            values.reshape(self.sizes).transpose(self.axes).reshape(memory[self.where].shape)
        )
