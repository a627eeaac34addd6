"""The parameters of a model: their values, gradients and first updates, whole on every rank."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from fastinit.probes.rows import ProbeWeight
from fastinit.probes.updates import is_updated, update_to_weight
from fastinit.torch.probing.measures import are_alike, rms
from fastinit.torch.shards.dtensor import is_distributed

Optimizer = Callable[[list[torch.Tensor], float], torch.optim.Optimizer]

_OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": lambda tensors, lr: torch.optim.SGD(tensors, lr=lr),
    "adam": lambda tensors, lr: torch.optim.Adam(tensors, lr=lr),
    "muon": lambda tensors, lr: torch.optim.Muon(tensors, lr=lr, weight_decay=0.0),
}


def weights_of(
    model: nn.Module, gradients: Mapping[str, torch.Tensor | None], rates: Mapping[str, float]
) -> tuple[ProbeWeight, ...]:
    """Return what each parameter is like; those of a DTensor are gathered one at a time."""
    with torch.no_grad():
        return tuple(
            _weight(name, whole(parameter), whole(gradients.get(name)), rates)
            for name, parameter in model.named_parameters()
        )


def whole(tensor: Any) -> Any:
    """Return a tensor as it is on one process, without its history."""
    if tensor is None:
        return None
    return (tensor.full_tensor() if is_distributed(tensor) else tensor).detach()


def _weight(
    name: str,
    values: torch.Tensor,
    gradient: torch.Tensor | None,
    rates: Mapping[str, float],
) -> ProbeWeight:
    size = rms(values) if values.is_floating_point() else math.nan
    updates = {}
    for optimizer, rate in rates.items() if gradient is not None else ():
        if is_updated(optimizer, values.ndim):
            update = rms(_update(_OPTIMIZERS[optimizer], gradient, rate))
            updates[optimizer] = update_to_weight(update, size)
    is_alike = size > 0 and are_alike(values)
    return ProbeWeight(name, tuple(values.shape), size, rms(gradient), is_alike, updates)


def _update(optimizer: Optimizer, gradient: torch.Tensor | None, rate: float) -> torch.Tensor:
    """Return what the first step adds to a weight: without weight decay, what it makes of 0."""
    assert gradient is not None
    update = nn.Parameter(torch.zeros_like(gradient))
    update.grad = gradient
    with torch.enable_grad():
        optimizer([update], rate).step()
    return update.detach()
