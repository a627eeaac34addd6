"""Numbers that say what a tensor is like: its size, its variety, its dead and saturated units."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from fastinit.torch.shards.dtensor import is_distributed

_BOUNDED = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "hard_tanh": (-1.0, 1.0)}
_EDGE = 0.01  # of the range at each end is saturated
_NEAR = 1e-3  # of a mean square, below which a difference of two squares is not exact
_IMAGES = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.GroupNorm)


def rms(tensor: torch.Tensor | None) -> float:
    """Return the root mean square of a tensor, of a DTensor's local part; NaN of none."""
    if tensor is None or not tensor.numel() or tensor.is_meta:
        return math.nan
    values = local(tensor)
    precision = torch.float64 if values.dtype == torch.float64 else torch.float32
    root = math.sqrt(values.numel())
    found = float(torch.linalg.vector_norm(values, dtype=precision)) / root
    if 0 < found < math.inf:
        return found
    largest = float(values.abs().max())  # its square may overflow or underflow
    if not 0 < largest < math.inf:
        return largest
    return largest * float(torch.linalg.vector_norm(values.double() / largest)) / root


def local(tensor: Any) -> torch.Tensor:
    """Return a tensor without its history; of a DTensor the part of this process."""
    found = tensor.to_local() if is_distributed(tensor) else tensor
    detached: torch.Tensor = found.detach()
    return detached


def spread(values: torch.Tensor, size: float) -> float:
    """Return how much the inputs of a batch differ, 0 only if not at all; NaN of a single one.

    Args:
        values: a tensor whose first axis is the batch.
        size: its root mean square.
    """
    if values.ndim < 2 or len(values) < 2 or not math.isfinite(size):
        return math.nan
    mean = values.mean(dim=0, keepdim=True)
    square = size**2 - rms(mean) ** 2
    if square > _NEAR * size**2:
        return math.sqrt(square)
    if are_alike(values):
        return 0.0
    return rms(values - mean)


def saturated(values: torch.Tensor, activation: str | None) -> float:
    """Return the fraction of values at the edges of a bounded activation, else NaN."""
    if activation not in _BOUNDED:
        return math.nan
    low, high = _BOUNDED[activation]
    edge = _EDGE * (high - low)
    center = 0.5 * (low + high)
    return float(((values - center).abs() >= 0.5 * (high - low) - edge).float().mean())


def alive(values: torch.Tensor, axis: int) -> torch.Tensor:
    """Return which channels are not 0 everywhere."""
    others = [k for k in range(values.ndim) if k != axis % values.ndim]
    if not others:
        return values != 0
    return (values.amax(others) > 0) | (values.amin(others) < 0)  # 10 times as fast as any()


def channel_axis(module: nn.Module, output: torch.Tensor) -> int | None:
    """Return the axis of the channels that a module writes; None of one that keeps those it reads.

    Convolutions and batch norms have them after the batch; linear layers, transformers' Conv1D,
    embeddings and recurrent layers last.
    """
    if isinstance(module, nn.modules.conv._ConvNd):
        return output.ndim - 1 - len(module.kernel_size)
    if isinstance(module, _IMAGES):
        return 1 if output.ndim > 1 else 0
    return -1 if next(module.parameters(recurse=False), None) is not None else None


def are_alike(values: torch.Tensor) -> bool:
    """Return whether all rows of a matrix are equal."""
    if values.ndim < 2 or len(values) < 2 or not bool((values[0] == values[1]).all()):
        return False
    return bool((values == values[:1]).all())
