"""Scales per channel: the values of another initializer, times a factor per index of an axis."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit.arrays.operations import Products
from fastinit.checks import finite
from fastinit.initializers.base import Initializer
from fastinit.initializers.computed import any_may_fail, check_all
from fastinit.initializers.named import initializer_of
from fastinit.native.box import Box
from fastinit.native.dtypes import drawable
from fastinit.native.region import bounded
from fastinit.native.request import BARRIER, Request, Template


@dataclasses.dataclass(frozen=True)
class ChannelScaled(Initializer):
    """Values of another initializer, times a factor per index of an axis.

    ``fastinit.torch.balance_`` makes recipes of them.

    Args:
        base: The initializer.
        factors: One number per index of the axis.
        axis: The axis, 0 for the outputs of torch's linear layers and convolutions.

    Raises:
        TypeError: ``base`` is not an initializer.
        ValueError: The list of factors is empty, or a factor is not finite. When drawn, the
            axis has another size or does not exist.

    Example:
        >>> import fastinit
        >>> from fastinit.initializers.composites.channel_scaled import ChannelScaled
        >>> ChannelScaled(fastinit.Constant(1), (1, 2))((2, 3))
        array([[1., 1., 1.],
               [2., 2., 2.]], dtype=float32)
    """

    base: Initializer
    factors: Sequence[float]
    axis: int = 0

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "base", initializer_of(self.base, "base"))
        factors = tuple(finite(each, "factors") for each in self.factors)
        if not factors:
            raise ValueError("factors is empty; give one per index of the axis")
        object.__setattr__(self, "factors", factors)

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether the base depends on the seed and the name."""
        return self.base.is_random

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which ``from_dict`` turns into an equal initializer."""
        base = {"type": "ChannelScaled", "base": self.base.to_dict(), "factors": [*self.factors]}
        return base if self.axis == 0 else base | {"axis": self.axis}

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return the same with a base that does not depend on the shape."""
        return dataclasses.replace(self, base=self.base.resolve(shape))

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return the mean and the standard deviation over all channels."""
        found = self.base.moments(shape)
        if found is None:
            return None
        factors = np.array(self.factors)
        mean, square = found[0] * factors.mean(), (found[0] ** 2 + found[1] ** 2)
        return float(mean), float(max(square * (factors**2).mean() - mean**2, 0.0) ** 0.5)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which draws and then multiplies."""
        drawable(dtype, "scaled")
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(f"axis={self.axis} is not one of shape {shape}; pass another")
        if shape[self.axis] != len(self.factors):
            raise ValueError(
                f"{len(self.factors)} factors are given for axis {self.axis} of shape {shape}; "
                "pass one per index"
            )
        factors = np.array(self.factors, np.float64)
        axis = self.axis % len(shape)
        return (_Scaled(shape, dtype, self.base.templates(shape, dtype), factors, axis),)


@dataclasses.dataclass(frozen=True, eq=False)
class _Scaled(Template):
    """The templates of a base, and the products that follow them."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    base: tuple[Template, ...]
    factors: NDArray[np.float64]
    axis: int

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether the base is."""
        return all(each.elementwise for each in self.base)

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        """Whether the base may fail."""
        return any_may_fail(self.base)

    def check(self, seed: int, stream: int) -> None:
        """Check what the base needs."""
        check_all(self.base, seed, stream)

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return the requests of the base, then the products of each piece that has bounds."""
        found: list[Request] = []
        for each in self.base:
            found += [BARRIER] * bool(found)
            found += each.requests(box, address, seed, stream)
        found.append(BARRIER)
        for position, bounds in bounded(self.shape, box):
            extents = tuple(stop - start for start, stop in bounds)
            start, stop = bounds[self.axis]
            places = [1] * len(extents)
            places[self.axis] = stop - start
            factors = np.broadcast_to(self.factors[start:stop].reshape(places), extents)
            at = address + position * self.dtype.itemsize
            found.append(Products(at, self.dtype, factors))
        return found
