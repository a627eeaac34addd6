"""Distributed tensors: each process draws its own part of the whole, and talks to nobody.

Every element is a function of its place in the whole tensor, so a shard needs only to know where it
lies. Fans are those of the whole.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch

from fastinit import streams
from fastinit.boxes import shape_of
from fastinit.checks import integer
from fastinit.dtypes import dtype_of
from fastinit.initializers import Initializer
from fastinit.requests import Draw
from fastinit.torch.memory.batch import Bounds, Filling
from fastinit.torch.shards.placements import Part, is_distributed, parts


class ShardedFilling:
    """Draws into plain and distributed tensors, collected, and made in one native call.

    Example:
        >>> import fastinit, numpy as np, torch
        >>> from fastinit.torch.shards.batch import ShardedFilling
        >>> tensor = torch.empty(3)
        >>> filling = ShardedFilling()
        >>> filling.add(tensor, fastinit.Constant(1).draws((3,), np.dtype("float32")), (0, 0))
        >>> filling.run()
        >>> tensor
        tensor([1., 1., 1.])
    """

    def __init__(self) -> None:
        """Nothing to draw."""
        self._filling = Filling()
        self._hulls: list[tuple[torch.Tensor, Bounds, list[Part]]] = []
        self._outer: list[torch.Tensor] = []
        self._elements = 0

    def add(self, tensor: torch.Tensor, draws: Sequence[Draw], stream: tuple[int, int]) -> None:
        """Draw a tensor; of a DTensor, what this process holds.

        Args:
            tensor: a plain one on any device, or a DTensor.
            draws: what is drawn of the whole, of the tensor's dtype, in order, over one memory.
            stream: the seed and the stream's number.

        Raises:
            ValueError: a DTensor that is a partial sum, or divided otherwise than by torch.chunk.
        """
        with torch.no_grad():
            held = parts(tensor)
        if is_distributed(tensor):
            self._outer.append(tensor)
        self.add_parts(held, tuple(tensor.shape), draws, stream)

    def add_parts(
        self,
        held: list[Part],
        shape: tuple[int, ...],
        draws: Sequence[Draw],
        stream: tuple[int, int],
    ) -> None:
        """Draw the parts of a whole of ``shape`` that this process holds."""
        if len(held) > 1 and not all(each.elementwise for each in draws):
            held = [self._hull(held)]  # a matrix would be worked out anew for every part
        for part in held:
            self._elements += part.memory.numel()
            self._filling.add(part.memory, draws, stream, shape, part.bounds)

    def _hull(self, held: list[Part]) -> Part:
        """The smallest part that encloses others, in memory of its own."""
        bounds = tuple(
            (min(start for start, _ in axis), max(stop for _, stop in axis))
            for axis in zip(*(part.bounds for part in held), strict=True)
        )
        memory = held[0].memory.new_empty([stop - start for start, stop in bounds], device="cpu")
        self._hulls.append((memory, bounds, held))
        return Part(memory, bounds)

    @torch.no_grad()
    def run(self) -> None:
        """Make all draws that were added, and forget them.

        Raises:
            KeyboardInterrupt: on Ctrl-C; what the tensors hold then is not specified.
        """
        self._filling.run()
        for memory, hull, held in self._hulls:
            for part in held:
                inner = zip(part.bounds, hull, strict=True)
                index = tuple(slice(a - start, b - start) for (a, b), (start, _) in inner)
                part.memory.copy_(memory[index])
        if self._outer:
            torch.autograd.graph.increment_version(self._outer)
        _drawn.add(self._elements)
        self._hulls, self._outer, self._elements = [], [], 0


class _Drawn:
    """How many elements this process has drawn."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.elements = 0

    def add(self, elements: int) -> None:
        with self.lock:
            self.elements += elements


_drawn = _Drawn()


def drawn_elements() -> int:
    """How many elements of modules and shards this process has drawn into torch tensors so far.

    The difference of two calls says what ``init_``, ``materialize_``, ``fill_shard_``, ``lsuv_``
    and fills of DTensors did between them: of a model that is sharded over n processes, an n-th.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch
        >>> before = fastinit.torch.drawn_elements()
        >>> _ = fastinit.torch.init_(torch.nn.Linear(8, 4), [("**", fastinit.Normal())], seed=0)
        >>> fastinit.torch.drawn_elements() - before
        36
    """
    return _drawn.elements


def fill_shard_(
    tensor: torch.Tensor,
    global_shape: Sequence[int],
    offsets: Sequence[int],
    initializer: Initializer,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> torch.Tensor:
    """Fill a tensor with a part of a whole that no process holds.

    For code that cuts its weights itself, as Megatron does. The values are those that
    ``initializer(global_shape, seed=seed, name=name, index=...)`` draws there, and fans are those
    of the whole; no other process is asked.

    Args:
        tensor: the part: any strides, any device; it is written whatever its ``requires_grad``.
        global_shape: the whole's.
        offsets: where in the whole the part begins, one for each axis.
        initializer: what the whole holds.
        seed: an integer in [0, 2**64); None for the process-wide seed, which is the same in all
            processes only if ``fastinit.seed`` set it.
        name: which stream of the seed: a string, or an integer in [0, 2**63). Without it, stream 0
            of ``seed``; at least one of the two must be given.

    Returns:
        ``tensor``.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: the part reaches beyond the whole, the tensor has other axes than it or lies on
            the meta device, neither seed nor name is given, or the initializer does not fit.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch
        >>> init = fastinit.HeNormal()
        >>> whole = torch.from_numpy(init((1024, 64), seed=0, name="up.weight"))
        >>> shard = torch.empty(256, 64)  # the third of four
        >>> _ = fastinit.torch.fill_shard_(
        ...     shard, (1024, 64), (512, 0), init, seed=0, name="up.weight"
        ... )
        >>> torch.equal(shard, whole[512:768])
        True
    """
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"tensor is a {type(tensor).__name__}; pass a torch.Tensor")
    if not isinstance(initializer, Initializer):
        raise TypeError(
            f"initializer={initializer!r} is no Initializer; pass one, as Normal(std=0.02)"
        )
    if seed is None and name is None:
        raise ValueError(
            "neither seed nor name is given, so the parts of one whole would differ; pass both"
        )
    if tensor.is_meta or is_distributed(tensor):
        raise ValueError(
            f"tensor is {'on the meta device' if tensor.is_meta else 'a DTensor'}; pass the local "
            "tensor that holds the part"
        )
    shape = shape_of(global_shape)
    bounds = _bounds(tuple(tensor.shape), shape, offsets)
    stream = streams.resolve(seed, name)
    if tensor.numel():
        filling = ShardedFilling()
        draws = initializer.draws(shape, dtype_of(tensor.dtype))
        filling.add_parts([Part(tensor, bounds)], shape, draws, stream)
        filling.run()
    return tensor


def _bounds(
    own: tuple[int, ...], shape: tuple[int, ...], offsets: Any
) -> tuple[tuple[int, int], ...]:
    if not isinstance(offsets, (tuple, list, torch.Size)):
        raise TypeError(f"offsets={offsets!r} is no sequence; pass an integer for each axis")
    starts = [integer(each, "offsets", "an integer for each axis") for each in offsets]
    if not len(own) == len(shape) == len(starts):
        raise ValueError(
            f"tensor has shape {own}, global_shape is {shape}, offsets are {tuple(starts)}; they "
            "must have equally many axes"
        )
    bounds = tuple((start, start + size) for start, size in zip(starts, own, strict=True))
    if any(start < 0 or stop > n for (start, stop), n in zip(bounds, shape, strict=True)):
        raise ValueError(
            f"a part of shape {own} at offsets {tuple(starts)} reaches beyond global_shape {shape}"
        )
    return bounds
