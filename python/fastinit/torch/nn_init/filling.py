"""Fills of single tensors: at once, later in an ``accelerate`` context, or by torch itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from fastinit import streams
from fastinit.repeated_streams import note, repeats
from fastinit.streams import Seed
from fastinit.torch.memory.batch import FillBatch
from fastinit.torch.memory.dtypes import DRAWN
from fastinit.torch.memory.pending import PENDING
from fastinit.torch.memory.templates import Templates
from fastinit.torch.nn_init.eligible import PLAIN, can_fill
from fastinit.torch.nn_init.leaving import leave
from fastinit.torch.nn_init.source import Source
from fastinit.torch.nn_init.state import state
from fastinit.torch.nn_init.values import number
from fastinit.torch.shards.batch import ShardedFillBatch

TemplatesOf = Callable[..., Templates]
"""Takes arguments as floats, and the dtype; raises ValueError for what fastinit does not draw."""


def fill_(
    tensor: torch.Tensor,
    function: Callable[..., torch.Tensor],
    templates_of: TemplatesOf,
    arguments: tuple[Any, ...],
    source: Source,
    warning: str | None = None,
) -> torch.Tensor:
    """Fill a tensor as ``function(tensor, *arguments)`` does, by fastinit where it can.

    Args:
        tensor: The tensor to fill.
        function: A function of torch.nn.init.
        templates_of: How fastinit draws the same values.
        arguments: What follows the tensor, but for the generator.
        source: Which numbers to draw.
        warning: A warning to give if fastinit draws.
    """
    if can_fill(tensor, source.seed):
        return fill_eligible_(tensor, function, templates_of, arguments, source, warning)
    return leave(function, tensor, (*arguments, source.generator), source)


def fill_eligible_(
    tensor: torch.Tensor,
    function: Callable[..., torch.Tensor],
    templates_of: TemplatesOf,
    arguments: tuple[Any, ...],
    source: Source,
    warning: str | None = None,
) -> torch.Tensor:
    """Do what ``fill_`` does with a tensor that ``can_fill`` accepts."""
    why = None
    if tensor.dtype in DRAWN:
        try:
            templates = templates_of(*map(number, arguments), tensor.dtype)
        except ValueError as error:
            why = error
        else:
            if warning:
                warnings.warn(warning, stacklevel=4)
            if source.seed is not None and source.name is None:
                _remember(tensor, function, templates, arguments, source.seed)
            return write_(tensor, templates, source)
    return leave(function, tensor, (*arguments, source.generator), source, why)


def _remember(
    tensor: torch.Tensor,
    function: Callable[..., torch.Tensor],
    templates: Templates,
    arguments: tuple[Any, ...],
    seed: Seed,
) -> None:
    """Remember what a seed without a name draws, and warn if that repeats other numbers."""
    if type(seed) is int:
        if repeats(seed, templates, tensor, False):
            return
    elif not streams.lacks_name(seed, None):
        return
    which, _ = streams.resolve(seed, None)
    what = (function.__name__, tuple(map(number, arguments)))
    note(which, templates, tensor, what, tuple(tensor.shape), is_new=False)


def write_(tensor: torch.Tensor, templates: Templates, source: Source) -> torch.Tensor:
    """Fill a tensor that fastinit can fill: at once, or a plain one at the end of a context."""
    stream = source.stream(tensor)
    if type(tensor) not in PLAIN:
        return _write_shard(tensor, templates, stream or (0, 0))
    context = state.context
    if context is not None:
        context.defer(tensor, templates, stream)
        return tensor
    PENDING.settle(tensor)  # of a context in another thread
    batch = FillBatch()
    batch.add(tensor, templates, stream or (0, 0))
    batch.run()
    return tensor


def _write_shard(tensor: Any, templates: Templates, stream: tuple[int, int]) -> torch.Tensor:
    """Fill what this process holds of a DTensor, at once, since its stream is known."""
    batch = ShardedFillBatch()
    batch.add(tensor, templates, stream)
    batch.run()
    return tensor  # type: ignore[no-any-return]
