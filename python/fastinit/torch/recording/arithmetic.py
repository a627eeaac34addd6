"""Arithmetic of tensors with numbers: noted, and done where the tensor has memory."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastinit.arrays.devices import CPU
from fastinit.arrays.operations import Arithmetic
from fastinit.native.dtypes import dtype_of
from fastinit.torch.recording.history import Entry, Extent
from fastinit.torch.recording.ledger import Function, Handler, Ledger, is_writable

Steps = list[tuple[str, float]]
"""Names of arithmetic, see ``fastinit.arrays.operations``, and their numbers."""


def _number(value: Any) -> float | None:
    """Return a number that is not a bool, or that of a tensor without axes; None for others."""
    if isinstance(value, Tensor):
        is_number = value.dim() == 0 and not value.is_complex() and value.dtype != torch.bool
        return float(value.item()) if is_number else None
    if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
        return float(value)
    return None


def _binary(name: str, swapped: str, *, is_subtraction: bool = False) -> Callable[..., Any]:
    """Return what parses the arguments of a function of a tensor and a number."""

    def parse(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Steps] | None:
        if len(args) != 2 or any(value != _DEFAULTS.get(key) for key, value in kwargs.items()):
            return None
        first, second = args
        is_swapped = not isinstance(first, Tensor) or (
            isinstance(second, Tensor) and first.dim() == 0 and second.dim() > 0
        )
        tensor, other = (second, first) if is_swapped else (first, second)
        number = _number(other)
        if number is None or not isinstance(tensor, Tensor):
            return None
        if is_subtraction and not is_swapped:
            return tensor, [("add", -number)]
        return tensor, [(swapped if is_swapped else name, number)]

    return parse


def _reversed(name: str) -> Callable[..., Any]:
    def parse(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Steps] | None:
        number = _number(args[1]) if len(args) == 2 and not kwargs else None
        return None if number is None else (args[0], [(name, number)])

    return parse


def _negative(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Steps] | None:
    return None if len(args) != 1 or kwargs else (args[0], [("multiply", -1.0)])


def _clamp(*names: str) -> Callable[..., Any]:
    def parse(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Steps] | None:
        given = dict(zip(("input", *names), args, strict=False)) | kwargs
        tensor = given.pop("input", None)
        found = {name: value for name, value in given.items() if value is not None}
        bounds = {name: _number(value) for name, value in found.items()}
        if not isinstance(tensor, Tensor) or None in bounds.values() or found.keys() - set(names):
            return None
        order = (("min", "at_least"), ("max", "at_most"))
        return tensor, [(step, bounds[key]) for key, step in order if key in bounds]  # type: ignore[misc]

    return parse


_DEFAULTS = {"alpha": 1, "rounding_mode": None, "out": None}


def _handler(parse: Callable[..., tuple[Tensor, Steps] | None], *, in_place: bool) -> Handler:
    def handle(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
        numbers_given = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)]
        small = [each for each in numbers_given if each.dim() == 0]
        ledger.read(small)
        parsed = parse(args, kwargs)
        if parsed is None:
            return NotImplemented
        tensor, steps = parsed
        if type(tensor) not in (Tensor, torch.nn.Parameter) or not tensor.is_floating_point():
            return NotImplemented
        source = None if tensor.dim() == 0 else ledger.describe(tensor)
        is_virtual = ledger.is_virtual(tensor)
        if source is None or (is_virtual and not _is_faithful(function, args, kwargs, steps)):
            return NotImplemented
        if in_place and not is_writable(tensor):
            return NotImplemented
        if in_place:
            result = tensor if is_virtual else function(*args, **kwargs)
        elif is_virtual:
            described = torch.empty_like(tensor, device="meta")
            result = ledger.new(tuple(described.shape), described.dtype, described.stride())
        else:
            result = function(*args, **kwargs)
            if result.dtype != tensor.dtype or result.numel() == 0:
                return result
            ledger.begin(result)
        extent = Extent.of(result)
        if not in_place:
            initializer, stream, asked, _ = source
            ledger.add(result, Entry(extent, initializer, stream, origin=asked))
        for name, number in steps:
            ledger.add(result, Entry(extent, operation=name, operand=number))
        return result

    return handle


def _is_faithful(function: Function, args: Any, kwargs: Any, steps: Steps) -> bool:
    """Return whether torch's function gives the bits of the steps for some numbers."""
    tensor = next(each for each in args if isinstance(each, Tensor) and each.dim() > 0)
    numbers_ = torch.linspace(-3.0, 3.0, 61, dtype=torch.float64, device="cpu").to(tensor.dtype)
    dtype = dtype_of(tensor.dtype)
    ours = numbers_.clone()
    for name, number in steps:
        CPU.fill([Arithmetic(ours.data_ptr(), ours.numel(), dtype, name, number)])
    with torch.no_grad():
        theirs = function(*(numbers_ if each is tensor else each for each in args), **kwargs)
    same = theirs.dtype == ours.dtype and theirs.shape == ours.shape
    return bool(same and (theirs.view(torch.uint8) == ours.view(torch.uint8)).all())


def _functions() -> Iterator[tuple[Any, Handler]]:
    families = {
        ("multiply", "multiply"): ("mul", "multiply"),
        ("add", "add"): ("add",),
        ("add", "subtract_from"): ("sub", "subtract"),
        ("divide", "divide_into"): ("div", "divide", "true_divide"),
    }
    for (name, swapped), functions in families.items():
        parse = _binary(name, swapped, is_subtraction=swapped == "subtract_from")
        for each in functions:
            yield getattr(torch, each), _handler(parse, in_place=False)
            yield getattr(Tensor, each), _handler(parse, in_place=False)
            yield getattr(Tensor, f"{each}_"), _handler(parse, in_place=True)
        short = functions[0].replace("div", "truediv")
        for dunder, place in ((f"__{short}__", False), (f"__i{short}__", True)):
            yield getattr(Tensor, dunder), _handler(parse, in_place=place)
    for name, dunder in (
        ("multiply", "__rmul__"),
        ("add", "__radd__"),
        ("subtract_from", "__rsub__"),
        ("divide_into", "__rtruediv__"),
    ):
        yield getattr(Tensor, dunder), _handler(_reversed(name), in_place=False)
    for function in (torch.neg, torch.negative, Tensor.neg, Tensor.negative, Tensor.__neg__):
        yield function, _handler(_negative, in_place=False)
    for method in (Tensor.neg_, Tensor.negative_, torch.neg_):
        yield method, _handler(_negative, in_place=True)
    for clamp, names in (
        ("clamp", ("min", "max")),
        ("clip", ("min", "max")),
        ("clamp_min", ("min",)),
        ("clamp_max", ("max",)),
    ):
        yield getattr(torch, clamp), _handler(_clamp(*names), in_place=False)
        yield getattr(Tensor, clamp), _handler(_clamp(*names), in_place=False)
        yield getattr(torch, f"{clamp}_"), _handler(_clamp(*names), in_place=True)
        yield getattr(Tensor, f"{clamp}_"), _handler(_clamp(*names), in_place=True)


ARITHMETIC: dict[Function, Handler] = dict(_functions())
"""The replacements, by the function of torch."""
