"""Substitutes: what stands in the place of torch's functions while a thread is in ``accelerate``.

Functions that do not pass through a mode as a whole are replaced in every module that holds one
under its own name, since code may have imported it. A thread that is in no context gets the
original's work. ``torch.nn.Module.__init__`` is replaced to see which modules are built.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import init

from fastinit.torch.nn_init import distributions, structured
from fastinit.torch.nn_init.filling import is_ours, local

_lock = threading.Lock()
_users = 0


def install() -> None:
    """Put the substitutes in place, unless another thread has."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            torch.nn.Module.__init__ = _build_module  # type: ignore[method-assign]
            _replace(dict(_SUBSTITUTES))


def remove() -> None:
    """Put the originals back, once no thread needs the substitutes.

    Also into modules that were imported meanwhile, and so took the substitutes for the originals.
    """
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            torch.nn.Module.__init__ = _module_init  # type: ignore[method-assign]
            _replace({substitute: original for original, substitute in _SUBSTITUTES})


def _replace(functions: dict[Callable[..., Any], Callable[..., Any]]) -> None:
    by_name = {each.__name__: (each, other) for each, other in functions.items()}
    for names in _namespaces():
        for name, (before, after) in by_name.items():
            if names.get(name) is before:
                names[name] = after


def _namespaces() -> Iterator[dict[str, Any]]:
    """Whatever may hold a function under its own name."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if isinstance(names, dict):
            yield names
    # transformers keeps torch's functions in a dict, for guarded ones of its own.
    kept = getattr(sys.modules.get("transformers.initialization"), "TORCH_INIT_FUNCTIONS", None)
    if isinstance(kept, dict):
        yield kept


def _substitute(
    original: Callable[..., Any], ours: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @functools.wraps(original)
    def either(*args: Any, **kwargs: Any) -> Any:
        is_ours = local.context is not None and not local.is_leaving
        return (ours if is_ours else original)(*args, **kwargs)

    return original, either


def _over_nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that overwrites its tensor, whose pending draws it need not wait for."""

    def write(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        context = local.context
        if context is not None and is_ours(tensor) and not context.is_settled(tensor):
            context.settle(tensor)
        return function(tensor, *args, **kwargs)

    return write


_module_init = torch.nn.Module.__init__


@functools.wraps(_module_init)
def _build_module(self: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
    if local.context is not None:
        local.context.build(self)
    _module_init(self, *args, **kwargs)


_SUBSTITUTES = [
    _substitute(init._no_grad_trunc_normal_, distributions.trunc_normal_),
    _substitute(init.orthogonal_, structured.orthogonal_),
    _substitute(init.sparse_, structured.sparse_),
    _substitute(init.eye_, _over_nothing(init.eye_)),
    _substitute(init.dirac_, _over_nothing(structured.dirac_)),
]
