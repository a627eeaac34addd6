"""State that a run of a model leaves as it was: values, modes, random numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, without the fused attention that bypasses its modules."""
    with _modes(model):
        model.eval()
        yield


@contextlib.contextmanager
def without_dropout(model: nn.Module) -> Iterator[None]:
    """Leave a model in its mode but for dropout, without the fused attention as in ``evaluating``.

    Attention that applies dropout itself, and recurrent layers, are in evaluation mode as well.
    """
    with _modes(model):
        for module in model.modules():
            is_dropout = isinstance(module, nn.modules.dropout._DropoutNd)
            if is_dropout or any("drop" in name for name in vars(module)):
                module.training = False
        yield


@contextlib.contextmanager
def _modes(model: nn.Module) -> Iterator[None]:
    """Restore the mode of each module, and have no fused attention meanwhile."""
    modes = {module: module.training for module in model.modules()}
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for module, mode in modes.items():
            module.training = mode


@contextlib.contextmanager
def unchanged(model: nn.Module, *, parameters: bool = False) -> Iterator[None]:
    """Restore buffers, torch's random numbers and, if asked for, parameters afterwards."""
    buffers = [
        (module, name, tensor, None if tensor is None else tensor.clone())
        for module in model.modules()
        for name, tensor in module._buffers.items()
    ]
    kept = [(each, each.detach().clone()) for each in model.parameters()] if parameters else []
    devices = sorted({each.device.index or 0 for each in model.parameters() if each.is_cuda})
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        with torch.no_grad():
            for module, name, tensor, value in buffers:
                module._buffers[name] = tensor
                if tensor is not None and value is not None:
                    tensor.copy_(value)
            for parameter, values in kept:
                parameter.copy_(values)
