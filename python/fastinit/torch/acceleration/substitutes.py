"""Replacements of torch's functions while a thread is in ``accelerate``.

Functions that do not pass through a mode as a whole are replaced in every module that has one under
its own name, since code may have imported it. In a thread without a context they do the original's
work. Methods are replaced too: those that show which modules are built and vanish, and those that
read tensors or run code where no mode sees it, as TorchScript and other threads do.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
import torch.utils.dlpack
from torch.nn import init

from fastinit.torch.memory.pending import PENDING
from fastinit.torch.memory.watch import watched
from fastinit.torch.nn_init.dirac import dirac_
from fastinit.torch.nn_init.distributions import trunc_normal_
from fastinit.torch.nn_init.eligible import can_fill
from fastinit.torch.nn_init.orthogonal import orthogonal_
from fastinit.torch.nn_init.sparse import sparse_
from fastinit.torch.nn_init.state import state

_lock = threading.Lock()
_users = 0


def install() -> None:
    """Install the substitutes, unless another thread has."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            for owner, name, _, ours in _METHODS:
                setattr(owner, name, ours)
            _replace(dict(_SUBSTITUTES))


def remove() -> None:
    """Restore the originals, once no thread needs the substitutes.

    Modules that were imported meanwhile, and so have the substitutes, get the originals too.
    """
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for owner, name, original, _ in _METHODS:
                if original is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, original)
            _replace({substitute: original for original, substitute in _SUBSTITUTES})


def _replace(functions: dict[Callable[..., Any], Callable[..., Any]]) -> None:
    by_name = {each.__name__: (each, other) for each, other in functions.items()}
    for names in _namespaces():
        for name, (before, after) in by_name.items():
            if names.get(name) is before:
                names[name] = after


def _namespaces() -> Iterator[dict[str, Any]]:
    """Yield the dicts that may have a function under its own name."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if isinstance(names, dict):
            yield names
    # transformers keeps torch's functions in a dict, for its own guarded ones.
    kept = getattr(sys.modules.get("transformers.initialization"), "TORCH_INIT_FUNCTIONS", None)
    if isinstance(kept, dict):
        yield kept


def _substitute(
    original: Callable[..., Any], ours: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @functools.wraps(original)
    def either(*args: Any, **kwargs: Any) -> Any:
        is_accelerated = state.context is not None and not state.is_leaving
        return (ours if is_accelerated else original)(*args, **kwargs)

    return original, either


def _overwriting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that drops the pending fills of the tensor that it overwrites."""

    def write(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        context = state.context
        if context is not None and can_fill(tensor) and not context.is_settled(tensor):
            context.settle(tensor)
        return function(tensor, *args, **kwargs)

    return write


def _manual_seed(seed: Any) -> torch.Generator:
    if state.context is not None:
        state.context.reseed(int(seed) % 2**64)
    return _torchs_manual_seed(seed)


def _to_dlpack(tensor: torch.Tensor) -> Any:
    PENDING.settle(tensor)
    PENDING.export(tensor)
    return torch._C._to_dlpack(tensor)


_torchs_manual_seed = torch.manual_seed
_SUBSTITUTES = [
    _substitute(init._no_grad_trunc_normal_, trunc_normal_),
    _substitute(init.orthogonal_, orthogonal_),
    _substitute(init.sparse_, sparse_),
    _substitute(init.eye_, _overwriting(init.eye_)),
    _substitute(init.dirac_, _overwriting(dirac_)),
    _substitute(torch.manual_seed, _manual_seed),
    _substitute(torch.utils.dlpack.to_dlpack, _to_dlpack),
]


# ---- methods ------------------------------------------------------------------------------------

_module_init = torch.nn.Module.__init__
_thread_start = threading.Thread.start
_submit = ThreadPoolExecutor.submit
_call_script = torch._C.ScriptMethod.__call__


@functools.wraps(_module_init)
def _build_module(self: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
    if state.context is not None:
        state.context.build(self)
    _module_init(self, *args, **kwargs)


def _vanish(self: torch.nn.Module) -> None:
    """Keep the names of tensors that outlive their module; torch.nn.Module has no ``__del__``."""
    if PENDING and "_modules" in vars(self):
        with torch._C.DisableTorchFunction():
            for context in PENDING.owners():
                context.vanish(self)


@functools.wraps(_thread_start)
def _start_thread(self: threading.Thread) -> None:
    self.run = watched(self.run)  # type: ignore[method-assign]
    _thread_start(self)


@functools.wraps(_submit)
def _submit_watched(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
    return _submit(self, watched(fn), *args, **kwargs)


@functools.wraps(_call_script)
def _call_settled(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a method in TorchScript, which reads the parameters of its module in C++."""
    PENDING.settle_everything()
    return _call_script(self, *args, **kwargs)


_METHODS: list[tuple[Any, str, Any, Any]] = [
    (torch.nn.Module, "__init__", _module_init, _build_module),
    (torch.nn.Module, "__del__", None, _vanish),
    (threading.Thread, "start", _thread_start, _start_thread),
    (ThreadPoolExecutor, "submit", _submit, _submit_watched),
    (torch._C.ScriptMethod, "__call__", _call_script, _call_settled),
]
"""Classes, names of their methods, the originals (None: there is none), and ours."""
