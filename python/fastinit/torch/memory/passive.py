"""torch's functions that do not need the values of their tensors, so fills stay pending."""

from __future__ import annotations

from collections.abc import Callable
from types import EllipsisType, GetSetDescriptorType
from typing import Any

import torch
from torch import Tensor


def _attributes() -> set[Any]:
    """Return the accessors of attributes: metadata, gradients, and views such as ``T``."""
    found = set()
    for cls in Tensor.__mro__:
        for name, each in vars(cls).items():
            is_attribute = isinstance(each, (GetSetDescriptorType, property))
            if is_attribute and name not in ("real", "imag", "__cuda_array_interface__"):
                found |= {each.__get__, each.__set__}
    return found


_METHODS = (
    *("size", "stride", "dim", "ndimension", "numel", "nelement", "element_size"),
    *("storage_offset", "is_contiguous", "is_floating_point", "is_complex", "is_signed"),
    *("get_device", "requires_grad_", "detach", "detach_", "retain_grad", "register_hook"),
    *("register_post_accumulate_grad_hook", "__len__", "__hash__", "is_inference"),
    *("view", "view_as", "t", "transpose", "permute", "narrow", "select", "squeeze"),
    *("unsqueeze", "expand", "expand_as", "movedim", "swapaxes", "unflatten", "as_strided"),
    *("diagonal", "chunk", "split", "unbind", "unfold", "as_subclass", "__iter__"),
    *("new_empty", "new_zeros", "new_ones", "is_shared", "is_pinned", "is_conj"),
)
_PASSIVE: set[Any] = (
    _attributes()
    | {getattr(Tensor, name) for name in _METHODS}
    | {
        *(torch.empty_like, torch.zeros_like, torch.ones_like),
        *(torch.is_floating_point, torch.is_complex, torch.numel, torch.transpose, torch.permute),
        *(torch.split, torch.chunk, torch.unbind, torch.narrow, torch.select, torch.diagonal),
        *(torch.squeeze, torch.unsqueeze, torch.as_strided, torch.t),
    }
)
_FULL = {torch.full_like, Tensor.new_full}  # the value may be a tensor that is pending itself


def values_of(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, ...]:
    """Return the arguments of a call, nested values among them, whose values it needs.

    Metadata, views, and new tensors of the same shape need none.
    """
    if function in _PASSIVE or _is_view(function, args):
        return ()
    return (args[1:], kwargs) if function in _FULL else (args, kwargs)


def _is_view(function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Return whether a call is an indexing that returns a view."""
    return function is Tensor.__getitem__ and len(args) == 2 and is_basic_index(args[1])


def is_basic_index(index: Any) -> bool:
    """Return whether an index of a tensor selects a view: integers, slices, None and Ellipsis."""
    items = index if isinstance(index, tuple) else (index,)
    return all(each is None or type(each) in (int, slice, EllipsisType) for each in items)
