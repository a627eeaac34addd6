"""torch's functions that fill a tensor, and the functions of fastinit that defer the fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.nn import init

from fastinit.torch.nn_init.constants import constant_, zeros_
from fastinit.torch.nn_init.distributions import normal_, uniform_
from fastinit.torch.nn_init.state import state
from fastinit.torch.nn_init.variance_scaling import kaiming_uniform_

Function = Callable[..., Any]

_OVERWRITTEN = ("tensor", "input", "self")  # its names in torch's functions


def _method(
    original: Function, ours: Function, renamed: Mapping[str, str] | None = None
) -> Function:
    """Return a method that fills its tensor by ``ours``, but not where autograd records it."""

    def fill(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if tensor.requires_grad and torch.is_grad_enabled():
            if state.context is not None:
                state.context.settle(tensor)
            original(tensor, *args, **kwargs)
            return tensor
        names = renamed or {}
        ours(tensor, *args, **{names.get(key, key): value for key, value in kwargs.items()})
        return tensor

    return fill


_FUNCTIONS: dict[str, Function] = {
    "uniform_": uniform_,
    "normal_": normal_,
    "constant_": constant_,
    "kaiming_uniform_": kaiming_uniform_,
}
_FILLS: dict[Function, Function] = {
    **{getattr(init, name): ours for name, ours in _FUNCTIONS.items()},
    Tensor.uniform_: _method(Tensor.uniform_, uniform_, {"from": "a", "to": "b"}),
    Tensor.normal_: _method(Tensor.normal_, normal_),
    Tensor.fill_: _method(Tensor.fill_, constant_, {"value": "val"}),
    Tensor.zero_: _method(Tensor.zero_, zeros_),
    torch.fill_: _method(torch.fill_, constant_, {"value": "val"}),
    torch.zero_: _method(torch.zero_, zeros_),
}


def fill_of(function: Function) -> Function | None:
    """Return the function of fastinit that replaces a fill of torch, or None for others.

    torch.nn.init passes on to a mode the function that it has under a name. That is a wrapper
    where other code has put one there, as transformers does, so wrappers count by their name.
    """
    found = _FILLS.get(function)
    if found is None and isinstance(function, FunctionType):
        return _FUNCTIONS.get(function.__name__)
    return found


def numbers_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return all arguments of a fill but the tensor that it overwrites.

    The numbers may be tensors, which wait to be drawn themselves.
    """
    return [*args[1:], *(value for name, value in kwargs.items() if name not in _OVERWRITTEN)]
