"""Replacements of torch's functions while a thread is in ``accelerate``.

Functions that do not pass through a mode as a whole are replaced in every module that has one under
its own name, since code may have imported it. In a thread without a context they do the original's
work. ``methods`` has what is replaced in one place.

Packages such as timm have copies of torch's truncated normal, which would read all that they draw.
Those in modules that are imported before the context are replaced, too.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import torch
from torch.nn import init

from fastinit.initializers import Dirac, Identity, Initializer
from fastinit.torch.acceleration import methods
from fastinit.torch.memory.storages import shares_elements
from fastinit.torch.memory.templates import Templates
from fastinit.torch.nn_init.dirac import dirac_
from fastinit.torch.nn_init.distributions import trunc_normal_
from fastinit.torch.nn_init.eligible import can_fill
from fastinit.torch.nn_init.orthogonal import orthogonal_
from fastinit.torch.nn_init.sparse import sparse_
from fastinit.torch.nn_init.state import state

_COPIED = ("_no_grad_trunc_normal_", "_trunc_normal_")

_lock = threading.Lock()
_users = 0
_installed: dict[Callable[..., Any], Callable[..., Any]] = {}


def install() -> None:
    """Install the substitutes, unless another thread has."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            methods.install()
            _installed.update(_SUBSTITUTES)
            _installed.update(_substitute(copy, trunc_normal_) for copy in _copies())
            _replace(_installed)


def remove() -> None:
    """Restore the originals, once no thread needs the substitutes.

    Modules that were imported meanwhile, and so have the substitutes, get the originals too.
    """
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            _replace({substitute: original for original, substitute in _installed.items()})
            _installed.clear()
            methods.remove()


def _replace(functions: dict[Callable[..., Any], Callable[..., Any]]) -> None:
    names = {each.__name__ for each in functions}
    for namespace in _namespaces():
        if namespace.keys().isdisjoint(names):  # thousands of modules, of which few have one
            continue
        for name in names & namespace.keys():
            found = namespace[name]
            if isinstance(found, FunctionType) and found in functions:
                namespace[name] = functions[found]


def _copies() -> set[FunctionType]:
    """Return the copies of torch's function that draws a truncated normal distribution."""
    return {
        namespace[name]
        for namespace in _namespaces()
        for name in _COPIED
        if name in namespace and _is_copy(namespace[name])
    }


def _is_copy(function: Any) -> bool:
    if not isinstance(function, FunctionType) or function in _installed:
        return False
    code = function.__code__
    arguments = code.co_varnames[: code.co_argcount]
    return arguments[:5] == ("tensor", "mean", "std", "a", "b") and "erfinv_" in code.co_names


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


def _overwriting(
    function: Callable[..., Any], initializer_of: Callable[..., Initializer], *axes: int
) -> Callable[..., Any]:
    """Return a function that drops the pending fills of the tensor that it overwrites.

    Args:
        function: torch's function.
        initializer_of: What draws the same, from the arguments after the tensor.
        axes: The numbers of axes that the function accepts.
    """

    def write(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        context = state.context
        if context is not None and can_fill(tensor):
            templates = None
            if tensor.dim() in axes and not shares_elements(tensor):
                with contextlib.suppress(TypeError, ValueError):  # torch's function refuses them
                    templates = Templates.for_tensor(initializer_of(*args, **kwargs), tensor)
            if context.overwrite(tensor, templates):
                return tensor
        return function(tensor, *args, **kwargs)

    return write


_SUBSTITUTES = [
    _substitute(init._no_grad_trunc_normal_, trunc_normal_),
    _substitute(init.orthogonal_, orthogonal_),
    _substitute(init.sparse_, sparse_),
    _substitute(init.eye_, _overwriting(init.eye_, Identity, 2)),
    _substitute(init.dirac_, _overwriting(dirac_, Dirac, 3, 4, 5)),
    _substitute(torch.random.manual_seed, methods.seeding(torch.random.manual_seed)),
]
