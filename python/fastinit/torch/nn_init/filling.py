"""Drawing: which tensors are ours to draw, which numbers, and now or later.

Whatever is not ours goes to torch's own function with the same arguments: tensors without memory
(meta, fake), subclasses with rules of their own, dtypes that are not drawn, arguments that torch
refuses. So errors, warnings and no-ops are torch's. A DTensor is ours where ``seed=`` says which
numbers all processes draw; torch's generators may differ between them.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch.overrides import has_torch_function_unary
from torch.utils._device import DeviceContext

from fastinit import streams
from fastinit.requests import Draw
from fastinit.torch.shards.batch import ShardedFilling
from fastinit.torch.memory.batch import Filling
from fastinit.torch.shards.placements import is_distributed
from fastinit.torch.nn_init.values import DRAWN, number

PLAIN = (torch.Tensor, torch.nn.Parameter)
"""Types whose elements are their own memory; subclasses have rules of their own."""


class Context(Protocol):
    """What may take draws in place of memory: ``accelerate``."""

    def build(self, module: torch.nn.Module) -> None:
        """A module begins to be built."""

    def is_settled(self, tensor: torch.Tensor) -> bool:
        """Whether nothing is pending in a tensor's memory that a write to all of it leaves."""

    def settle(self, tensor: Any) -> None:
        """Draw what is pending in a tensor's memory."""

    def leave(self, function: Callable[..., Any], tensor: Any, *arguments: Any) -> Any:
        """Let torch's own function draw."""

    def take(
        self, tensor: torch.Tensor, draws: Sequence[Draw], stream: tuple[int, int] | None
    ) -> None:
        """Draw the tensor, now or later; without a stream, from the context's."""


class _Local(threading.local):
    """What each thread has for itself."""

    def __init__(self) -> None:
        self.context: Context | None = None
        self.pending: Any = None  # the contexts' pending draws
        self.is_leaving = False  # whether a function of torch was called to do its own work
        with torch.inference_mode(False):
            self.word = torch.empty((), dtype=torch.int64, device="cpu")


local = _Local()
transparent_modes: set[type] = {DeviceContext}
"""Modes of torch functions that change nothing about filling a tensor."""


def is_ours(tensor: Any, seed: int | None = None) -> bool:
    """Whether the tensor's values can be drawn by us, in memory of its own or of its shard."""
    return not (
        torch.compiler.is_compiling()
        or not (type(tensor) in PLAIN or (seed is not None and is_distributed(tensor)))
        or (has_torch_function_unary(tensor) and not _modes_are_transparent())
        or tensor.is_meta
        or tensor.layout is not torch.strided
        or torch._C._len_torch_dispatch_stack()
        or torch._C._functorch.peek_interpreter_stack() is not None
        or (tensor.is_inference() and not torch.is_inference_mode_enabled())
    )


def _modes_are_transparent() -> bool:
    modes = torch.overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return all(type(mode) in transparent_modes for mode in modes)


def draw_(
    tensor: torch.Tensor,
    draws: Sequence[Draw],
    generator: torch.Generator | None,
    seed: int | None,
    name: str | int | None,
) -> torch.Tensor:
    """Draw a tensor that is ours: now, or a plain one in an ``accelerate`` context at its end."""
    stream = _stream(tensor, generator, seed, name)
    if type(tensor) not in PLAIN:
        return _draw_shard(tensor, draws, stream or (0, 0))
    context = local.context
    if context is not None:
        context.take(tensor, draws, stream)
        return tensor
    filling = Filling()
    filling.add(tensor, draws, stream or (0, 0))
    filling.run()
    return tensor


def _draw_shard(tensor: Any, draws: Sequence[Draw], stream: tuple[int, int]) -> torch.Tensor:
    """Draw what this process holds of a DTensor, now: its numbers are known."""
    if local.context is not None:
        local.context.settle(tensor._local_tensor)
    filling = ShardedFilling()
    filling.add(tensor, draws, stream)
    filling.run()
    return tensor  # type: ignore[no-any-return]


def _stream(
    tensor: torch.Tensor,
    generator: torch.Generator | None,
    seed: int | None,
    name: str | int | None,
) -> tuple[int, int] | None:
    """The seed and the stream's number; None where a context or nothing needs to know."""
    if seed is not None:
        if generator is not None:
            raise ValueError("seed= and generator= say the same; pass one of them")
        return streams.resolve(seed, name)
    stream = 0 if name is None else streams.stream_of(name)
    is_contexts = local.context is not None and generator is None and name is None
    if is_contexts or tensor.numel() == 0:
        return None
    return seed_from(generator), stream


def seed_from(generator: torch.Generator | None) -> int:
    """64 bits of a generator of torch, which advances; None is the CPU's default one."""
    with torch._C.DisableTorchFunction():
        word = local.word
        if isinstance(generator, torch.Generator) and generator.device != word.device:
            word = torch.empty_like(word, device=generator.device)
        return int(word.random_(-(1 << 63), None, generator=generator)) & (1 << 64) - 1


def fill_(
    function: Callable[..., torch.Tensor],
    values: Callable[..., tuple[Draw, ...]],
    tensor: torch.Tensor,
    parameters: Sequence[Any],
    generator: torch.Generator | None,
    seed: int | None,
    name: str | int | None,
    warning: str | None = None,
) -> torch.Tensor:
    """Draw ``values(*parameters, dtype)``, or ``function(tensor, *parameters, generator)``."""
    why = None
    if is_ours(tensor, seed) and tensor.dtype in DRAWN:
        try:
            draws = values(*map(number, parameters), tensor.dtype)
        except ValueError as error:
            why = error
        else:
            if warning:
                warnings.warn(warning, stacklevel=3)
            return draw_(tensor, draws, generator, seed, name)
    return leave(function, tensor, *parameters, generator, seed=seed, name=name, why=why)


def leave(
    function: Callable[..., torch.Tensor],
    tensor: torch.Tensor,
    *arguments: Any,
    seed: int | None,
    name: str | int | None,
    why: ValueError | None = None,
) -> torch.Tensor:
    """Let torch's own function do it, unless it would draw other numbers than were asked for.

    Raises:
        ValueError: ``seed`` or ``name`` is given, and torch's function would draw its own numbers.
    """
    surprise = _surprise()
    reason = why or surprise or _known_reason(tensor, seed)
    if reason and (seed is not None or name is not None):
        raise ValueError(
            f"{function.__name__} cannot keep to seed= and name=: {reason}; leave them out to let "
            "torch.nn.init draw"
        )
    if surprise == _COMPILED:
        _warn_while_compiling()
    elif surprise:
        warnings.warn(f"torch.nn.init draws here: {surprise}", stacklevel=4)
    context = local.context
    if context is not None:
        return context.leave(function, tensor, *arguments)  # type: ignore[no-any-return]
    return function(tensor, *arguments)


_COMPILED = "fastinit fills memory, which torch.compile does not trace"
_TRANSFORMED = "fastinit fills memory, and inside a transformation of torch.func tensors have none"


def _surprise() -> str | None:
    """Why a tensor that looks like ours is not."""
    if torch.compiler.is_compiling():
        return _COMPILED
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return _TRANSFORMED
    return None


def _warn_while_compiling() -> None:
    """Warn when the code is traced: a warning that is traced would break the graph."""
    from torch._dynamo.comptime import comptime

    comptime(_warn_of_compilation)


def _warn_of_compilation(_: Any) -> None:
    warnings.warn(f"torch.nn.init draws here: {_COMPILED}", stacklevel=2)


def _known_reason(tensor: Any, seed: int | None) -> str | None:
    """Why a tensor that holds values is not ours, which the user knows: a mode, its type."""
    if getattr(tensor, "is_meta", False) or hasattr(tensor, "fake_mode"):
        return None
    if torch._C._len_torch_dispatch_stack() or not _modes_are_transparent():
        return "a mode that is active sees torch's functions"
    if is_distributed(tensor):
        return None if seed is not None else "a DTensor needs seed= too, the same on all processes"
    return None if type(tensor) in PLAIN else f"a {type(tensor).__name__} has rules of its own"
