"""Tiny models of all types of transformers, in memory of NaN, and what stays uninitialized."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks.common import LeftOutError
from benchmarks.coverage.huggingface import checked
from benchmarks.coverage.tiny_transformers import MOST_ELEMENTS, TYPES, model

__all__ = ["TYPES", "builder", "memory_of_nan", "undrawn"]


def builder(kind: str) -> Callable[[], Any] | None:
    """Return a function that builds a tiny model of a type, or None if no sizes fit together."""
    try:
        return checked(lambda: model(kind), MOST_ELEMENTS)
    except LeftOutError:  # some types also need other libraries
        return None


@contextlib.contextmanager
def memory_of_nan() -> Iterator[None]:
    """Fresh memory of torch is NaN in this context."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def undrawn(model: Any) -> list[str]:
    """Return the names of parameters and buffers that hold a NaN, or the integers that stand in."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return [name for name, tensor in tensors if _is_undrawn(tensor)]


def _is_undrawn(tensor: torch.Tensor) -> bool:
    if tensor.numel() == 0:
        return False
    if tensor.is_floating_point():
        return bool(tensor.isnan().any())
    return tensor.dtype == torch.int64 and bool((tensor == torch.iinfo(torch.int64).max).any())
