"""Methods and functions that are replaced while a thread is in ``accelerate``, each in one place.

They show which modules are built and vanish, and what reads tensors or runs code where no mode of
torch sees it: other threads, TorchScript, DLPack's capsules.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
import torch.utils.dlpack

from fastinit.torch.memory.pending import PENDING
from fastinit.torch.memory.watch import watched
from fastinit.torch.nn_init.state import state

_replaced: list[tuple[Any, str, Any]] = []


def install() -> None:
    """Replace the methods."""
    for owner, name, replacement in _REPLACEMENTS:
        original = getattr(owner, name, None)
        _replaced.append((owner, name, original))
        setattr(owner, name, replacement(original))


def remove() -> None:
    """Restore the originals."""
    while _replaced:
        owner, name, original = _replaced.pop()
        if original is None:
            delattr(owner, name)
        else:
            setattr(owner, name, original)


def seeding(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``torch.manual_seed``, which seeds the innermost context too."""

    @functools.wraps(original)
    def manual_seed(seed: Any) -> Any:
        if state.context is not None:
            state.context.reseed(int(seed) % 2**64)
        return original(seed)

    return manual_seed


def _building(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def init(self: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)  # which may fail, and leave less than a module
        if state.context is not None:
            state.context.build(self)

    return init


def _vanishing(_: None) -> Callable[..., None]:
    """Return ``torch.nn.Module.__del__``, which torch does not have."""

    def delete(self: torch.nn.Module) -> None:
        if PENDING and "_modules" in vars(self):
            with torch._C.DisableTorchFunction():
                for context in PENDING.owners():
                    context.vanish(self)

    return delete


def _starting(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        self.run = watched(self.run)  # type: ignore[method-assign]
        original(self)

    return start


def _submitting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return original(self, watched(fn), *args, **kwargs)

    return submit


def _scripted_method(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the call of a method in TorchScript, which reads its module's parameters in C++."""

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        PENDING.settle_everything()
        return original(self, *args, **kwargs)

    return call


def _scripted_function(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the call of a function in TorchScript, which reads its arguments in C++."""

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        PENDING.settle((args, kwargs))
        return original(self, *args, **kwargs)

    return call


def _exporting(original: Callable[..., Any]) -> Callable[..., Any]:
    def to_dlpack(tensor: torch.Tensor) -> Any:
        PENDING.settle(tensor)
        PENDING.export(tensor)
        return original(tensor)

    return to_dlpack


_REPLACEMENTS: list[tuple[Any, str, Callable[[Any], Any]]] = [
    (torch.nn.Module, "__init__", _building),
    (torch.nn.Module, "__del__", _vanishing),
    (threading.Thread, "start", _starting),
    (ThreadPoolExecutor, "submit", _submitting),
    (torch._C.ScriptMethod, "__call__", _scripted_method),
    (torch._C.ScriptFunction, "__call__", _scripted_function),
    (torch, "manual_seed", seeding),  # torch._dynamo has put a wrapper there
    (torch, "to_dlpack", _exporting),
    (torch.utils.dlpack, "to_dlpack", _exporting),
]
