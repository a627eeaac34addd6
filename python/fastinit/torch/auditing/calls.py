"""Calls of torch, as an audit sees them: what they write, and what they need to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from fastinit.torch.acceleration.fills import fill_of, numbers_of
from fastinit.torch.memory.passive import values_of
from fastinit.torch.memory.storages import tensors_in

Function = Callable[..., Any]

_OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
_WRITING = {"__setitem__", *(f"__i{name}__" for name in _OPERATORS)}

# Methods with a trailing underscore that change no values, and methods that replace all of them.
_NOT_WRITING = {
    *("requires_grad_", "detach_", "squeeze_", "unsqueeze_", "t_", "transpose_", "swapaxes_"),
    *("swapdims_", "as_strided_", "rename_", "share_memory_", "resize_", "resize_as_", "set_"),
    *("coalesce_", "_coalesced_"),
}
_REPLACING = {
    *("copy_", "random_", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_"),
    *("normal_", "uniform_", "fill_", "zero_", "fill_diagonal_", "__setitem__"),
    *("masked_fill_", "index_fill_", "index_copy_", "scatter_", "masked_scatter_"),
}

# Functions that pass on whatever is in memory, and functions that do not look at it.
_COPYING = {
    *("clone", "to", "float", "double", "half", "bfloat16", "cpu", "cuda", "contiguous"),
    *("__deepcopy__", "type", "type_as"),
}
_NOT_READING = {
    *("data_ptr", "untyped_storage", "storage", "share_memory_", "pin_memory", "resize_", "set_"),
    *("requires_grad_", "detach_", "is_same_size", "__repr__", "__format__", "backward"),
    *("_has_compatible_shallow_copy_type", "is_set_to"),
}


def is_copy(function: Function) -> bool:
    """Return whether a function passes on what is in memory, written or not."""
    return _name(function) in _COPYING


def is_empty(function: Function) -> bool:
    """Return whether a function makes a tensor and writes nothing to it."""
    return "empty" in _name(function)


def written_by(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """Return the tensor that a call writes to, unless it is a fill, which its context notes."""
    out = kwargs.get("out")
    if isinstance(out, Tensor):
        return out
    name = _name(function)
    is_in_place = name in _WRITING or (name.endswith("_") and not name.endswith("__"))
    if not is_in_place or name in _NOT_WRITING or fill_of(function) is not None:
        return None
    target = args[0] if args else None
    return target if isinstance(target, Tensor) else None


def read_by(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """Yield the tensors whose values a call needs."""
    name = _name(function)
    if name in _NOT_READING:
        return
    if fill_of(function) is not None or name in _REPLACING:
        yield from tensors_in(numbers_of(args, kwargs))
    else:
        needed = {key: each for key, each in kwargs.items() if key != "out"}
        yield from tensors_in(values_of(function, args, needed))


def replaced_by(function: Function, args: tuple[Any, ...]) -> tuple[Tensor, Tensor] | None:
    """Return the tensor and the value of ``tensor.data = value``, or None for other calls."""
    if function != torch.Tensor.data.__set__ or len(args) != 2:  # type: ignore[attr-defined]
        return None
    return args[0], args[1]


def _name(function: Function) -> str:
    return getattr(function, "__name__", "")
