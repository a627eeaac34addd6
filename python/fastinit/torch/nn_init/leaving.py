"""Calls that are left to torch's own function, so that errors, warnings and no-ops are torch's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from fastinit.checks import type_of
from fastinit.streams import Seed
from fastinit.torch.nn_init.eligible import PLAIN, modes_are_transparent
from fastinit.torch.nn_init.source import Source
from fastinit.torch.nn_init.state import state
from fastinit.torch.shards.dtensor import is_distributed

_COMPILED = "fastinit fills memory, which torch.compile does not trace"
_TRANSFORMED = "fastinit fills memory, and inside a transformation of torch.func tensors have none"


def leave(
    function: Callable[..., torch.Tensor],
    tensor: torch.Tensor,
    arguments: tuple[Any, ...],
    source: Source,
    why: ValueError | None = None,
) -> torch.Tensor:
    """Call torch's own function, unless it would draw other numbers than were asked for.

    Args:
        function: A function of torch.nn.init.
        tensor: The tensor to fill.
        arguments: What follows the tensor, ``generator`` included where the function takes one.
        source: Which numbers were asked for.
        why: Why fastinit does not draw with these arguments.

    Raises:
        ValueError: ``seed`` or ``name`` is given, and torch's function would draw its own numbers.
    """
    surprise = _surprise()
    reason = why or surprise or _known_reason(tensor, source.seed)
    if reason and (source.seed is not None or source.name is not None):
        raise ValueError(
            f"{function.__name__} cannot keep to seed= and name=: {reason}; leave them out to let "
            "torch.nn.init draw"
        )
    if surprise == _COMPILED:
        _warn_while_compiling()
    elif surprise:
        warnings.warn(f"torch.nn.init draws here: {surprise}", stacklevel=4)
    context = state.context
    if context is not None:
        return context.leave(function, tensor, *arguments)  # type: ignore[no-any-return]
    return function(tensor, *arguments)


def _surprise() -> str | None:
    """Return why a tensor is left to torch that looks as if fastinit could fill it."""
    if torch.compiler.is_compiling():
        return _COMPILED
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return _TRANSFORMED
    return None


def _warn_while_compiling() -> None:
    """Warn when the code is traced: a warning in the trace would break the graph."""
    from torch._dynamo.comptime import comptime

    comptime(_warn_of_compilation)


def _warn_of_compilation(_: Any) -> None:
    warnings.warn(f"torch.nn.init draws here: {_COMPILED}", stacklevel=2)


def _known_reason(tensor: Any, seed: Seed | None) -> str | None:
    """Return why a tensor with values is left to torch, where the caller can know: mode, type."""
    if getattr(tensor, "is_meta", False) or hasattr(tensor, "fake_mode"):
        return None
    if torch._C._len_torch_dispatch_stack() or not modes_are_transparent():
        return "an active mode intercepts torch's functions"
    if is_distributed(tensor):
        return None if seed is not None else "a DTensor needs seed= too, the same on all processes"
    return None if type(tensor) in PLAIN else f"{type_of(tensor)} has rules of its own"
