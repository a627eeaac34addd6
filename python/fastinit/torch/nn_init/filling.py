"""Fills of single tensors: at once, later in an ``accelerate`` context, or by torch itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from fastinit.requests import Draw
from fastinit.torch.memory.batch import FillBatch
from fastinit.torch.memory.dtypes import DRAWN
from fastinit.torch.nn_init.eligible import PLAIN, can_fill
from fastinit.torch.nn_init.leaving import leave
from fastinit.torch.nn_init.source import Source
from fastinit.torch.nn_init.state import state
from fastinit.torch.nn_init.values import number
from fastinit.torch.shards.batch import ShardedFillBatch


class Call(NamedTuple):
    """A call of a function of torch.nn.init, and how fastinit draws the same values."""

    function: Callable[..., torch.Tensor]
    draws_of: Callable[..., tuple[Draw, ...]]
    """Takes the arguments as floats, and the dtype; raises ValueError for what is not drawn."""

    arguments: tuple[Any, ...]
    """What follows the tensor, but for the generator."""


def fill_(
    tensor: torch.Tensor, call: Call, source: Source, warning: str | None = None
) -> torch.Tensor:
    """Fill a tensor as a call of torch.nn.init does, by fastinit where it can."""
    why = None
    if can_fill(tensor, source.seed) and tensor.dtype in DRAWN:
        try:
            draws = call.draws_of(*map(number, call.arguments), tensor.dtype)
        except ValueError as error:
            why = error
        else:
            if warning:
                warnings.warn(warning, stacklevel=3)
            return write_(tensor, draws, source)
    return leave(call.function, tensor, (*call.arguments, source.generator), source, why)


def write_(tensor: torch.Tensor, draws: Sequence[Draw], source: Source) -> torch.Tensor:
    """Fill a tensor that fastinit can fill: at once, or a plain one at the end of a context."""
    stream = source.stream(tensor)
    if type(tensor) not in PLAIN:
        return _write_shard(tensor, draws, stream or (0, 0))
    context = state.context
    if context is not None:
        context.defer(tensor, draws, stream)
        return tensor
    batch = FillBatch()
    batch.add(tensor, draws, stream or (0, 0))
    batch.run()
    return tensor


def _write_shard(tensor: Any, draws: Sequence[Draw], stream: tuple[int, int]) -> torch.Tensor:
    """Fill what this process holds of a DTensor, at once, since its stream is known."""
    if state.context is not None:
        state.context.settle(tensor._local_tensor)
    batch = ShardedFillBatch()
    batch.add(tensor, draws, stream)
    batch.run()
    return tensor  # type: ignore[no-any-return]
