"""The mode of threads without a context: they see the values that other threads' fills will have.

A mode belongs to a thread, and torch tells no other code about the operations of a thread. So
threads that start, and functions that a pool executes, get this mode while a context is active.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch.overrides import TorchFunctionMode

from fastinit.torch.memory.passive import values_of
from fastinit.torch.memory.pending import PENDING

P = ParamSpec("P")
R = TypeVar("R")


class Watch(TorchFunctionMode):
    """A mode that executes the fills that an operation needs or overwrites, then calls it."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, after the fills that it needs."""
        if PENDING and not torch.compiler.is_compiling():
            PENDING.settle(values_of(func, args, kwargs))
        return func(*args, **(kwargs or {}))


def watched(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that is executed in the mode."""

    @functools.wraps(function)
    def watching(*args: P.args, **kwargs: P.kwargs) -> R:
        with Watch():
            return function(*args, **kwargs)

    return watching
