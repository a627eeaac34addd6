"""Copies of tensors: clones, conversions, writes into others, concatenations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fastinit.arrays.digest import to_numpy
from fastinit.initializers import Initializer
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.initializers.existing.stored import Stored
from fastinit.native.dtypes import CODES, dtype_of
from fastinit.torch.memory.dtypes import DRAWN
from fastinit.torch.memory.passive import is_basic_index
from fastinit.torch.nn_init import values
from fastinit.torch.recording.describe import Description
from fastinit.torch.recording.history import Entry, Extent, covers
from fastinit.torch.recording.ledger import Function, Handler, Ledger, is_writable
from fastinit.torch.recording.origin import origin

_LARGEST_STORED = 1 << 20  # elements of a computed tensor that is copied into one without memory
_CONVERSIONS = {
    Tensor.float: torch.float32,
    Tensor.double: torch.float64,
    Tensor.half: torch.float16,
    Tensor.bfloat16: torch.bfloat16,
}


def _is_plain(tensor: Any) -> bool:
    return type(tensor) in (Tensor, torch.nn.Parameter) and tensor.layout is torch.strided


def _cast(found: Description, source: torch.dtype, target: torch.dtype) -> Description | None:
    """Return what is drawn for a tensor that is converted to another dtype; None if not known."""
    if source == target:
        return found
    if not {dtype_of(each) for each in (source, target) if each in DRAWN} <= CODES.keys():
        return None
    if source not in DRAWN or target not in DRAWN or source.is_complex or target.is_complex:
        return None
    layer = Layer(found.initializer)
    rounded = Composite((layer,), dtype=dtype_of(source).name)
    return found._replace(initializer=rounded)


def _copied(
    ledger: Ledger,
    source: Tensor,
    described: Tensor,
    function: Function,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Return a copy of a tensor in the shape, strides and dtype of a tensor on the meta device."""
    found = ledger.describe(source)
    found = None if found is None else _cast(found, source.dtype, described.dtype)
    if found is None or not source.numel():
        return NotImplemented
    if ledger.is_virtual(source):
        result = ledger.new(tuple(described.shape), described.dtype, described.stride())
    else:
        result = function(*args, **kwargs)
        ledger.begin(result)
    entry = Entry(Extent.of(result), found.initializer, found.stream, origin=found.origin)
    ledger.add(result, entry)
    return result


def _clone(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
    source = args[0]
    if not _is_plain(source) or source.is_meta:
        return NotImplemented
    described = torch.empty_like(source, device="meta", requires_grad=False, **kwargs)
    return _copied(ledger, source, described, function, args, kwargs)


def _contiguous(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
    source = args[0]
    if kwargs or not _is_plain(source):
        return NotImplemented
    if source.is_contiguous():
        return source
    described = torch.empty(source.shape, dtype=source.dtype, device="meta")
    return _copied(ledger, source, described, function, args, kwargs)


def _deepcopy(ledger: Ledger, _: Function, args: Any, kwargs: Any) -> Any:
    source, memo = args
    if not _is_plain(source) or kwargs or id(source) in memo or not ledger.is_virtual(source):
        return NotImplemented
    if not covers(Extent.of(source), source.untyped_storage()):  # torch copies the whole storage
        return NotImplemented
    result = _clone(ledger, Tensor.clone, (source,), {})
    if result is NotImplemented:
        return NotImplemented
    memo[id(source)] = result.requires_grad_(source.requires_grad)
    return memo[id(source)]


def _to(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
    """Convert a tensor; all devices are the CPU, since values do not depend on them."""
    source, *rest = args
    if not _is_plain(source):
        return NotImplemented
    options = dict(kwargs)
    if function in _CONVERSIONS:
        dtype = _CONVERSIONS[function]
    elif function in (Tensor.cpu, Tensor.cuda):
        dtype = source.dtype
    else:
        other = options.pop("other", rest[0] if rest else None)
        if isinstance(other, Tensor):
            rest = [other.dtype]
        copy = bool(options.pop("copy", False))
        _, found, _, memory_format = torch._C._nn._parse_to(*rest, **options)
        if memory_format is not None:
            return NotImplemented
        dtype = source.dtype if found is None else found
        if copy and dtype == source.dtype:
            return _clone(ledger, Tensor.clone, (source,), {})
    if dtype == source.dtype:
        return source
    described = torch.empty_like(source, device="meta", dtype=dtype, requires_grad=False)
    return _copied(ledger, source, described, Tensor.to, (source, dtype), {})


def _write(ledger: Ledger, target: Tensor, source: Any) -> bool:
    """Note the copy of a tensor or a number into another; return whether what is written is known.

    A computed tensor is noted by its values, if it is copied into a tensor without memory.
    """
    if not isinstance(source, Tensor):
        if not values.is_constant(target.dtype):
            return False
        constant = values.constant(source, target.dtype).initializer
        ledger.add(target, Entry(Extent.of(target), constant, origin=origin()))
        return True
    if not _is_plain(source) or source.shape != target.shape:
        return False
    found = ledger.describe(source)
    found = None if found is None else _cast(found, source.dtype, target.dtype)
    if found is not None:
        extent = Extent.of(target)
        ledger.add(target, Entry(extent, found.initializer, found.stream, origin=found.origin))
        return True
    if not ledger.is_virtual(target) or source.numel() > _LARGEST_STORED:
        return False
    ledger.read(source)
    stored: Initializer = Stored.of(to_numpy(source.detach().to(target.dtype, copy=True)))
    ledger.add(target, Entry(Extent.of(target), stored, origin=origin()))
    return True


def _may_overlap(target: Tensor, source: Tensor) -> bool:
    """Return whether two tensors may have some of their elements in common, but not all.

    torch refuses most copies between such tensors, and the result of others depends on its order.
    """
    if target.untyped_storage()._cdata != source.untyped_storage()._cdata:
        return False
    one, other = Extent.of(target), Extent.of(source)
    if one.dtype != other.dtype:
        return True
    return one != other and one.offset < other.end and other.offset < one.end


def _copy(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
    if len(args) != 2 or not all(map(_is_plain, args)) or not args[0].numel():
        return NotImplemented
    target, source = args
    if not is_writable(target) or _may_overlap(target, source):
        return NotImplemented
    is_known = _write(ledger, target, source)
    if ledger.is_virtual(target):
        return target if is_known else NotImplemented
    ledger.read(source)
    return function(*args, **kwargs)


def _set_item(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
    target, index, source = args
    if not _is_plain(target) or not is_basic_index(index):
        return NotImplemented
    part = target.detach()[index]
    if not part.numel() or not is_writable(target) or not is_writable(part):
        return NotImplemented
    if isinstance(source, Tensor) and _may_overlap(part, source):
        return NotImplemented
    is_known = _write(ledger, part, source)
    if ledger.is_virtual(target):
        return None if is_known else NotImplemented
    ledger.read(source)
    return function(*args, **kwargs)


def _join(ledger: Ledger, function: Function, args: Any, kwargs: Any) -> Any:
    """Concatenate or stack tensors of which it is known what is drawn for them."""
    given = dict(zip(("tensors", "dim"), args, strict=False)) | kwargs
    tensors, axis = given.pop("tensors", ()), given.pop("dim", 0)
    if given or not tensors or not all(map(_is_plain, tensors)):
        return NotImplemented
    if not all(each.numel() and ledger.describe(each) is not None for each in tensors):
        return NotImplemented
    if any(each.dtype != tensors[0].dtype for each in tensors):
        return NotImplemented
    if any(map(ledger.is_virtual, tensors)):
        described = function([each.detach().to("meta") for each in tensors], axis)
        result = ledger.new(tuple(described.shape), described.dtype, described.stride())
    else:
        result = function(*args, **kwargs)
        ledger.begin(result)
    is_stack = result.dim() > tensors[0].dim()
    sizes = [1 if is_stack else each.shape[axis] for each in tensors]
    parts = torch.split(result.detach(), sizes, axis)
    for part, source in zip(parts, tensors, strict=True):
        _write(ledger, part.select(axis, 0) if is_stack else part, source)
    return result


COPIES: dict[Function, Handler] = {
    torch.clone: _clone,
    Tensor.clone: _clone,
    Tensor.contiguous: _contiguous,
    Tensor.__deepcopy__: _deepcopy,
    **dict.fromkeys((Tensor.to, Tensor.cpu, Tensor.cuda, *_CONVERSIONS), _to),
    Tensor.copy_: _copy,
    Tensor.__setitem__: _set_item,
    torch.cat: _join,
    torch.concat: _join,
    torch.stack: _join,
}
"""The replacements, by the function of torch."""
