"""The arguments of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch


def arguments_of(
    batch: Any, device: torch.device | None = None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments and keyword arguments that a batch stands for.

    Args:
        batch: a tensor, a tuple or list of arguments, or a mapping of keyword arguments.
        device: where its tensors are moved to; None leaves them.
    """

    def moved(value: Any) -> Any:
        is_moved = device is not None and isinstance(value, torch.Tensor)
        return value.to(device) if is_moved else value

    if isinstance(batch, Mapping):
        return (), {key: moved(value) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(map(moved, batch)), {}
    return (moved(batch),), {}


def calls(model: torch.nn.Module, batch: Any) -> Callable[[], Any]:
    """Return a function that calls a model with a batch."""
    args, kwargs = arguments_of(batch)
    return lambda: model(*args, **kwargs)
