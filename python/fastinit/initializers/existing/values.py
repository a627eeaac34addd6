"""Values that are given one by one, which small buffers hold."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions.constant import Constant
from fastinit.native.box import Box, flat
from fastinit.native.request import Fill, Template

LARGEST = 1 << 16  # elements: each is a request of its own


@dataclasses.dataclass(frozen=True, eq=False)
class Values(Initializer):
    """Given values, one for each element in C order; small arrays only.

    Args:
        values: As many numbers as the shape has elements, 65536 at most.

    Raises:
        ValueError: There are too many values; when drawn, not as many as elements, or one that the
            dtype cannot hold.

    Example:
        >>> from fastinit.initializers.existing.values import Values
        >>> Values((1, 2, 4))((3,), dtype="int64")
        array([1, 2, 4])
    """

    is_random: ClassVar[bool] = False

    values: Sequence[float]

    def __post_init__(self) -> None:
        values = tuple(Constant(each).value for each in self.values)
        object.__setattr__(self, "values", values)
        if len(values) > LARGEST:
            raise ValueError(f"{len(values)} values are given; {LARGEST} at most are allowed")

    def _constants(self) -> tuple[Constant, ...]:
        return tuple(map(Constant, self.values))  # which tell 0.0 from -0.0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and self._constants() == other._constants()

    def __hash__(self) -> int:
        return hash(self.values)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return a fill for each element."""
        if len(self.values) != math.prod(shape):
            raise ValueError(
                f"{len(self.values)} values are given for shape {shape}; pass one for each element"
            )
        return (_ConstantPerElement(tuple(each.template(dtype) for each in self._constants())),)


@dataclasses.dataclass(frozen=True)
class _ConstantPerElement(Template):
    """A constant fill for each element."""

    elementwise = True

    fills: tuple[Fill, ...]

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """Return a request for each element of the box."""
        requests = []
        axes = zip(box.extents, box.strides, strict=True)
        steps = itertools.product(*(range(0, extent * stride, stride) for extent, stride in axes))
        for k, step in enumerate(steps):
            position = box.offset + sum(step)
            fill = self.fills[position]
            requests += fill.requests(flat(position, 1), address + k * fill.item_size, seed, stream)
        return requests
