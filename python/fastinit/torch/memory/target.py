"""The target of a fill: a tensor, as the part of a whole array that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from fastinit.native.box import Box, part
from fastinit.native.request import Request, Template
from fastinit.torch.memory.dtypes import complex_axis

Bounds = Sequence[tuple[int, int]]
"""(start, stop) on every axis of a whole array."""


@dataclass(slots=True)
class Target:
    """A tensor, and the part of a whole array of real numbers that it holds."""

    tensor: torch.Tensor
    shape: tuple[int, ...]
    bounds: Bounds

    @classmethod
    def of(
        cls, tensor: torch.Tensor, shape: tuple[int, ...] | None, bounds: Bounds | None
    ) -> Target:
        """Return the target of a tensor, which is the whole unless both others are given."""
        if shape is None or bounds is None:
            shape = tuple(tensor.shape)
            bounds = tuple((0, size) for size in shape)
        pair = complex_axis(tensor)
        return cls(tensor, shape + pair, (*bounds, *((0, size) for size in pair)))

    def box(self) -> Box:
        """Return the part as a box of the whole array."""
        return part(self.shape, tuple(slice(*each) for each in self.bounds))

    def rows(self, start: int, stop: int) -> Target:
        """Return the target of some rows, counted from the tensor's first one."""
        first = self.bounds[0][0]
        bounds = ((first + start, first + stop), *self.bounds[1:])
        return Target(self.tensor[start:stop], self.shape, bounds)


def requests_of(
    templates: Iterable[Template], box: Box, address: int, stream: tuple[int, int]
) -> list[Request]:
    """Return the requests that write a box to contiguous memory."""
    return [
        request for template in templates for request in template.requests(box, address, *stream)
    ]
