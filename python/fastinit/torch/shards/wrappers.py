"""Modules inside wrappers: torch.compile, activation checkpointing, DDP and FSDP."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, cast

import torch

_Guard = contextlib.AbstractContextManager[Any]

_IN_COMPILED_CODE = (
    "torch.compile cannot trace this function of fastinit; call it outside of compiled code"
)

# Wrappers have the module that they wrap under one of these names.
_INSERTED = ("_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")
_PARALLEL = (torch.nn.parallel.DistributedDataParallel, torch.nn.DataParallel)


def unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module that wrappers wrap."""
    while (inner := _wrapped(module)) is not None:
        module = inner
    return module


@contextlib.contextmanager
def bare(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """Yield the module that wrappers wrap, without wrappers in it and without torch.compile.

    Its names are then its own, and hooks see each call of its parts. The wrappers are back
    afterwards.
    """
    root = unwrapped(module)
    wrapped = [
        (parent, name, child)
        for parent in root.modules()
        for name, child in parent._modules.items()
        if child is not None and _wrapped(child) is not None
    ]
    with without_compilation():
        try:
            for parent, name, child in wrapped:
                parent._modules[name] = unwrapped(child)
            yield root
        finally:
            for parent, name, child in wrapped:
                parent._modules[name] = child


def without_compilation() -> _Guard:
    """Return a guard in which compiled functions run as they were written.

    Compiled code calls neither hooks nor function modes.

    Raises:
        RuntimeError: The caller itself is being compiled.
    """
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and it takes a second to import
        return contextlib.nullcontext()
    if torch.compiler.is_compiling():  # this function is itself traced
        raise RuntimeError(_IN_COMPILED_CODE)
    try:
        return cast(_Guard, torch.compiler.set_stance("force_eager"))
    except RuntimeError as error:
        raise RuntimeError(_IN_COMPILED_CODE) from error


def own_paths(root: torch.nn.Module) -> Iterator[tuple[str, str, torch.nn.Module]]:
    """Yield all modules in a root under all paths, each with its path without wrappers.

    A path without wrappers is that of the state dict.
    """
    stack: list[tuple[str, str, torch.nn.Module, frozenset[int]]] = [("", "", root, frozenset())]
    while stack:
        path, own, module, above = stack.pop()
        yield path, own, module
        wrapped = _wrapped(module)
        inside = above | {id(module)}
        below = [
            (_join(path, name), own if child is wrapped else _join(own, name), child, inside)
            for name, child in list(module._modules.items())
            if child is not None and id(child) not in inside
        ]
        stack.extend(reversed(below))


def own_names(root: torch.nn.Module) -> dict[str, str]:
    """Return the names of all parameters and buffers without what wrappers insert."""
    return {
        _join(path, name): _join(own, name)
        for path, own, module in own_paths(root)
        for kind in (module._parameters, module._buffers)
        for name, tensor in list(kind.items())
        if tensor is not None
    }


def reshard(module: torch.nn.Module) -> None:
    """Make FSDP2 modules hold their shards, which are the parameters that last."""
    fsdp = sys.modules.get("torch.distributed.fsdp")
    if fsdp is not None:
        for each in module.modules():
            if isinstance(each, fsdp.FSDPModule):
                each.reshard()


def _wrapped(module: torch.nn.Module) -> torch.nn.Module | None:
    """Return the module that a wrapper wraps, or None for other modules."""
    children = module._modules
    inserted = (*_INSERTED, "module") if isinstance(module, _PARALLEL) else _INSERTED
    return next((children[name] for name in inserted if name in children), None)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
