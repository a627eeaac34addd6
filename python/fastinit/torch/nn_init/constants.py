"""``constant_``, ``ones_`` and ``zeros_``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_dynamo_compiling
from torch.overrides import has_torch_function_unary

from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.torch.memory.pending import PENDING
from fastinit.torch.memory.storages import shares_elements
from fastinit.torch.nn_init import originals, values
from fastinit.torch.nn_init.eligible import PLAIN, can_fill
from fastinit.torch.nn_init.filling import write_
from fastinit.torch.nn_init.source import Source
from fastinit.torch.nn_init.state import state

# Below this many bytes torch's own fill is faster; above, fresh memory is touched in huge pages.
_LARGE = 4 << 20
_set = in_default_arithmetic(Tensor.fill_)  # which rounds the value in the thread's arithmetic
_NO_NUMBERS = Source(seed=0, name=0)  # a constant draws none, so every stream is the same


def constant_(tensor: Tensor, val: Any) -> Tensor:
    """Fill a tensor with a constant, as ``torch.nn.init.constant_`` does.

    Args:
        tensor: A tensor of any shape, strides and dtype, on any device.
        val: The value.

    Returns:
        The tensor.

    Raises:
        RuntimeError: The dtype cannot hold the value, with torch's message.
        TypeError: ``val`` is not a number, with torch's message.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.constant_(torch.empty(2), 0.5)
        tensor([0.5000, 0.5000])
    """
    return _constant_(originals.constant_, tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill a tensor with 1, as ``torch.nn.init.ones_`` does.

    Args:
        tensor: A tensor of any shape, strides and dtype, on any device.

    Returns:
        The tensor.

    Raises:
        RuntimeError: The tensor was made in inference mode, which has ended; with torch's message.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.ones_(torch.empty(2))
        tensor([1., 1.])
    """
    return _constant_(originals.ones_, tensor)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill a tensor with 0, as ``torch.nn.init.zeros_`` does.

    Args:
        tensor: A tensor of any shape, strides and dtype, on any device.

    Returns:
        The tensor.

    Raises:
        RuntimeError: The tensor was made in inference mode, which has ended; with torch's message.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.zeros_(torch.empty(2))
        tensor([0., 0.])
    """
    return _constant_(originals.zeros_, tensor)


def _constant_(function: Callable[..., Tensor], tensor: Tensor, *value: Any) -> Tensor:
    context = state.context
    if context is None:
        PENDING.settle(tensor)  # of a context in another thread
    elif value and not isinstance(value[0], (int, float)):
        context.settle(tensor)  # torch may refuse the value, and then leaves the tensor alone
    is_strided = type(tensor) in PLAIN and tensor.layout is torch.strided and not tensor.is_nested
    is_small = is_strided and (tensor.nbytes < _LARGE or shares_elements(tensor))
    if is_small and (context is None or context.is_settled(tensor)):
        if is_dynamo_compiling():
            return function(tensor, *value)
        if has_torch_function_unary(tensor) or tensor.is_inference():
            return in_default_arithmetic(function)(tensor, *value)
        alias = tensor.detach()  # in half the time of a no_grad context
        if function is originals.zeros_:
            alias.zero_()
        elif value:
            _set(alias, value[0])
        else:
            alias.fill_(1.0)
        if context is not None:
            context.wrote(tensor, value[0] if value else float(function is originals.ones_))
        return tensor
    is_ours = can_fill(tensor) and (context is not None or tensor.is_cpu)
    if is_ours and values.is_constant(tensor.dtype):
        what = value[0] if value else float(function is originals.ones_)
        return write_(tensor, values.constant(what, tensor.dtype), _NO_NUMBERS)
    if context is not None:
        context.settle((tensor, value))
    return in_default_arithmetic(function)(tensor, *value)
