"""The storages of tensors, whatever their layout or type, and who else holds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch

_SPARSE_PARTS = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}


_OVERLAP = 1  # of torch's answers: no, yes, and 2 for what it does not find out


def storage_of(tensor: Any) -> torch.UntypedStorage | None:
    """Return the storage of a tensor, or None where it does not have one."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    try:
        return tensor.untyped_storage()  # type: ignore[no-any-return]
    except (AttributeError, NotImplementedError, RuntimeError):
        return None


def tensors_in(values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in nested values."""
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, (list, tuple)):
        for each in values:
            yield from tensors_in(each)
    elif isinstance(values, dict):
        yield from tensors_in(tuple(values.values()))


def storages_of(tensor: torch.Tensor) -> Iterator[torch.UntypedStorage]:
    """Yield the storages that hold the values of a tensor, those of its inner tensors included.

    A sparse tensor has inner tensors, and so do subclasses such as DTensor.
    """
    storage = storage_of(tensor)
    if storage is not None:
        yield storage
    kind = type(tensor)
    if kind is torch.Tensor or kind is torch.nn.Parameter:
        for part in _SPARSE_PARTS.get(tensor.layout, ()):
            yield from storages_of(getattr(tensor, part)())
    else:
        for inner in _inner(tensor):
            yield from storages_of(inner)


def _inner(tensor: Any) -> list[torch.Tensor]:
    """Return the tensors that are attributes of a tensor of a subclass, but for its gradient."""
    found = list(vars(tensor).values())
    if hasattr(tensor, "__tensor_flatten__"):
        found += [getattr(tensor, name) for name in tensor.__tensor_flatten__()[0]]
    return [each for each in found if isinstance(each, torch.Tensor) and each is not tensor]


def is_held_elsewhere(tensor: torch.Tensor) -> bool:
    """Return whether the memory of a tensor can be read where no mode of torch sees it.

    NumPy arrays share the memory (which then cannot be resized), other processes do, C++ holds
    the tensor (TorchScript), or a program holds the storage itself.
    """
    return is_held(tensor) or is_shared(tensor)


def is_held(tensor: torch.Tensor) -> bool:
    """Return whether C++ holds a tensor, or a program holds its storage itself."""
    return tensor._use_count() > 1 or _references(tensor) > _USUAL_REFERENCES  # type: ignore[attr-defined]


def is_shared(tensor: torch.Tensor) -> bool:
    """Return whether NumPy arrays or other processes share the memory of a tensor."""
    storage = tensor.untyped_storage()
    return not storage.resizable() or (storage.device.type == "cpu" and storage.is_shared())


def shares_elements(tensor: torch.Tensor) -> bool:
    """Return whether torch refuses to write to a tensor, since elements of it share memory.

    It does so where they obviously share it, as those of an expanded tensor do.
    """
    return not tensor.is_contiguous() and torch._debug_has_internal_overlap(tensor) == _OVERLAP


def _references(tensor: torch.Tensor) -> int:
    """Return the number of Python's references to the storage of a tensor."""
    storage = tensor.untyped_storage()
    return sys.getrefcount(storage)


_USUAL_REFERENCES = _references(torch.empty(1, device="cpu"))
