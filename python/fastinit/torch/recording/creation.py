"""Functions that create tensors: large ones get no memory, and small ones a known pattern."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fastinit.torch.nn_init import values
from fastinit.torch.recording.history import Entry, Extent
from fastinit.torch.recording.ledger import Function, Handler, Ledger
from fastinit.torch.recording.origin import origin

PATTERN = 0xA5
"""The byte in memory that nothing has written."""

TELLING = {torch.float32, torch.float64, torch.bfloat16, torch.int32, torch.int64}
"""Dtypes in which the pattern is a value that code does not write."""


def unwritten(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return for each element, in C order, whether it has the pattern of unwritten memory."""
    cells = np.ascontiguousarray(values).reshape(-1, 1).view(np.uint8)
    found: NDArray[np.bool_] = (cells == PATTERN).all(axis=1)
    return found


_LEFT_TO_TORCH = {"out", "names", "layout", "pin_memory"}
_EMPTY = (torch.empty, torch.empty_like, torch.empty_strided, Tensor.new_empty)
_CONSTANT = {
    0: (torch.zeros, torch.zeros_like, Tensor.new_zeros),
    1: (torch.ones, torch.ones_like, Tensor.new_ones),
}
_FULL = (torch.full, torch.full_like, Tensor.new_full)


def _create(
    ledger: Ledger, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], value: Any
) -> Any:
    given = {name: each for name, each in kwargs.items() if each is not None}
    if not given.keys().isdisjoint(_LEFT_TO_TORCH):
        return NotImplemented
    given.pop("device", None)
    requires_grad = given.pop("requires_grad", False)
    described = function(*args, **given, device="meta")
    if type(described) is not Tensor:
        return NotImplemented
    shape, dtype = tuple(described.shape), described.dtype
    if ledger.is_large(shape, dtype):
        tensor = ledger.new(shape, dtype, described.stride())
    else:
        tensor = function(*args, **given, device="cpu")
        ledger.begin(tensor)
        if value is None:
            tensor.untyped_storage().fill_(PATTERN)
    if value is not None and tensor.numel():
        if not values.is_constant(dtype):
            ledger.read(tensor)
            return function(*args, **given, device="cpu").requires_grad_(requires_grad)
        constant = values.constant(value, dtype).initializer
        ledger.add(tensor, Entry(Extent.of(tensor), constant, origin=origin()))
    return tensor.requires_grad_(requires_grad)


def _empty(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
    return _create(ledger, function, args, kwargs, None)


def _constant(value: int) -> Handler:
    def create(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
        return _create(ledger, function, args, kwargs, value)

    return create


def _full(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
    at = 1 + (function is Tensor.new_full)
    value = args[at] if len(args) > at else kwargs.get("fill_value")
    ledger.read(value)
    number = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
    if not isinstance(number, (int, float)):
        return NotImplemented
    return _create(ledger, function, args, kwargs, number)


CREATION: dict[Function, Handler] = {
    **dict.fromkeys(_EMPTY, _empty),
    **{each: _constant(value) for value, several in _CONSTANT.items() for each in several},
    **dict.fromkeys(_FULL, _full),
}
"""The replacements, by the function of torch."""
