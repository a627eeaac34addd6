"""Values that are given one by one: what small buffers hold."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastinit.boxes import Box, flat
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions import Constant
from fastinit.requests import Draw, Fill

LARGEST = 1 << 16  # elements: each is a request of its own


@dataclasses.dataclass(frozen=True)
class Values(Initializer):
    """Given values, one for each element in C order; small arrays only.

    Args:
        values: as many numbers as the shape has elements, 65536 at most.

    Raises:
        ValueError: too many values; when drawn, not as many as elements, or one that the dtype
            cannot hold.

    Example:
        >>> from fastinit.initializers.explicit import Values
        >>> Values((1, 2, 4))((3,), dtype="int64")
        array([1, 2, 4])
    """

    values: Sequence[float]

    def __post_init__(self) -> None:
        """Check the values."""
        values = tuple(Constant(each).value for each in self.values)
        object.__setattr__(self, "values", values)
        if len(values) > LARGEST:
            raise ValueError(f"{len(values)} values are given; {LARGEST} at most are allowed")

    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        """A fill for each element."""
        if len(self.values) != math.prod(shape):
            raise ValueError(
                f"{len(self.values)} values are given for shape {shape}; pass one for each element"
            )
        return (_EachByItself(tuple(Constant(value).draw(dtype) for value in self.values)),)


@dataclasses.dataclass(frozen=True)
class Arange(Initializer):
    """0, 1, 2, ... along the last axis: position numbers.

    Example:
        >>> from fastinit.initializers.explicit import Arange
        >>> Arange()((1, 4), dtype="int64")
        array([[0, 1, 2, 3]])
    """

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """The values for this shape."""
        if not shape or math.prod(shape) > LARGEST:
            raise ValueError(
                f"shape {shape}: numbers along the last axis need one, and {LARGEST} elements at "
                "most"
            )
        return Values(tuple(range(shape[-1])) * math.prod(shape[:-1]))

    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        """Those of the values for this shape."""
        return self.resolve(shape).draws(shape, dtype)


@dataclasses.dataclass(frozen=True)
class _EachByItself(Draw):
    """A constant fill for each element."""

    elementwise = True

    fills: tuple[Fill, ...]

    def place(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """A record for each element of the box."""
        records = []
        axes = zip(box.extents, box.strides, strict=True)
        steps = itertools.product(*(range(0, extent * stride, stride) for extent, stride in axes))
        for k, step in enumerate(steps):
            position = box.offset + sum(step)
            fill = self.fills[position]
            records += fill.place(flat(position, 1), address + k * fill.item_size, seed, stream)
        return records
