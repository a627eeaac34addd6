"""A batch of fills of plain tensors and DTensors, executed in one native call."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fastinit.native.request import Template
from fastinit.torch.memory.batch import FillBatch
from fastinit.torch.memory.pending import PENDING
from fastinit.torch.memory.target import Bounds
from fastinit.torch.shards.dtensor import Part, is_distributed, parts


class ShardedFillBatch:
    """Fills of plain tensors and DTensors, which are collected and executed in one native call.

    Example:
        >>> import fastinit, numpy as np, torch
        >>> from fastinit.torch.shards.batch import ShardedFillBatch
        >>> tensor = torch.empty(3)
        >>> batch = ShardedFillBatch()
        >>> batch.add(tensor, fastinit.Constant(1).templates((3,), np.dtype("float32")), (0, 0))
        >>> batch.run()
        >>> tensor
        tensor([1., 1., 1.])
    """

    def __init__(self) -> None:
        self._batch = FillBatch()
        self._hulls: list[tuple[torch.Tensor, Bounds, list[Part]]] = []
        self._distributed: list[torch.Tensor] = []

    def add(
        self, tensor: torch.Tensor, templates: Sequence[Template], stream: tuple[int, int]
    ) -> None:
        """Add the fill of a tensor, or of the parts of a DTensor that this process holds.

        Args:
            tensor: A plain tensor on any device, or a DTensor.
            templates: What to draw for the whole tensor, in its dtype, in order, over the same
                memory.
            stream: The seed and the number of the stream.

        Raises:
            ValueError: A DTensor is a partial sum, or is not divided as torch.chunk does.
        """
        with torch.no_grad():
            held = parts(tensor)
        if is_distributed(tensor):
            self._distributed.append(tensor)
        self.add_parts(held, tuple(tensor.shape), templates, stream)

    def add_parts(
        self,
        held: list[Part],
        shape: tuple[int, ...],
        templates: Sequence[Template],
        stream: tuple[int, int],
    ) -> None:
        """Add the fills of the parts that this process holds of a whole tensor of ``shape``."""
        if len(held) > 1 and not all(each.elementwise for each in templates):
            held = [self._hull(held)]  # else a matrix would be computed again for every part
        for part in held:
            PENDING.settle(part.memory)
            self._batch.add(part.memory, templates, stream, shape, part.bounds)

    def _hull(self, held: list[Part]) -> Part:
        """Return the smallest part that encloses all others, in new memory."""
        bounds = tuple(
            (min(start for start, _ in axis), max(stop for _, stop in axis))
            for axis in zip(*(part.bounds for part in held), strict=True)
        )
        memory = held[0].memory.new_empty([stop - start for start, stop in bounds], device="cpu")
        self._hulls.append((memory, bounds, held))
        return Part(memory, bounds)

    @torch.no_grad()
    def run(self) -> None:
        """Execute all fills that were added, and empty the batch.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; the tensors' contents are then unspecified.
        """
        self._batch.run()
        for memory, hull, held in self._hulls:
            for part in held:
                inner = zip(part.bounds, hull, strict=True)
                index = tuple(slice(a - start, b - start) for (a, b), (start, _) in inner)
                part.memory.copy_(memory[index])
        if self._distributed:
            torch.autograd.graph.increment_version(self._distributed)
        self._hulls, self._distributed = [], []
