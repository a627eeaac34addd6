"""The arguments of a model, and of the function that builds it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from fastinit.checks import shown, type_of, wrong_type
from fastinit.probes.arguments import takes
from fastinit.tables import listed, plural


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


def calls(
    model: torch.nn.Module, batch: Any, device: torch.device | None = None
) -> Callable[[], Any]:
    """Return a function that calls a model with a batch, on a device.

    Raises:
        TypeError: The model's ``forward`` does not take the arguments of the batch.
        ValueError: All tensors of the batch are empty.
    """
    args, kwargs = arguments_of(batch, device)
    if not takes(model.forward, *args, **kwargs):
        names = listed(list(inspect.signature(model.forward).parameters))
        given = plural(len(args) + len(kwargs), "argument")
        raise TypeError(
            f"batch is {type_of(batch)}, {given}, and the forward of "
            f"{type(model).__name__} takes others ({names}); pass the model's inputs alone: a "
            "tensor, a tuple of arguments or a mapping of keyword arguments"
        )
    sizes = [each.numel() for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor)]
    if sizes and not any(sizes):
        raise ValueError("batch is empty; pass one sample or more")
    return lambda: model(*args, **kwargs)


def check_build(build: Any, *args: Any, **kwargs: Any) -> None:
    """Check a function that builds a model, for functions that run its code several times.

    Raises:
        TypeError: It is a model that is there already, or does not take these arguments.
    """
    if isinstance(build, torch.nn.Module):
        raise TypeError(
            f"build is {type_of(build)} that has been built; pass the function or the "
            "class that builds it, as its code runs again"
        )
    if not callable(build):
        raise wrong_type(build, "build", "a function that returns a module")
    if not takes(build, *args, **kwargs):
        given = [*map(shown, args), *(f"{key}={shown(value)}" for key, value in kwargs.items())]
        needed = ", ".join(given) or "no argument"
        raise TypeError(
            f"build={shown(build)} is called with {needed}, which it does not take; pass such a "
            "function"
        )
