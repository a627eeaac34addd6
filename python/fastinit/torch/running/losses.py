"""The loss of an output, or a stand-in for one, which is differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from fastinit.checks import type_of
from fastinit.initializers import Normal, Uniform
from fastinit.probes.arguments import check_loss

Loss = Callable[[Any], torch.Tensor] | str | None
"""From a model's output to a scalar, or the name of such a function; None for what fits."""

_CAUSAL = ("CausalLM", "LMHead", "DoubleHeads")  # in the names of transformers' classes


def signal_of(output: Any) -> torch.Tensor:
    """Return the tensor that counts of an output: logits, else the first that is floating-point.

    Raises:
        TypeError: There is none.
    """
    for name in ("logits", "last_hidden_state"):
        if isinstance(found := getattr(output, name, None), torch.Tensor):
            return found
    waiting = [output]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, torch.Tensor) and each.is_floating_point():
            return each
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, (tuple, list)):
            waiting += each
    raise TypeError(f"the model returns {type_of(output)} without floating-point tensors")


def scalar_of(
    model: torch.nn.Module, batch: Any, output: Any, loss: Loss
) -> tuple[torch.Tensor, bool]:
    """Return what is differentiated, and whether that is a loss.

    Raises:
        TypeError: The output has no floating-point tensor, or ``loss`` is of the wrong type.
        ValueError: ``loss`` is not a known name, or returns no scalar.
    """
    check_loss(loss)
    if callable(loss):
        found = loss(output)
        if not isinstance(found, torch.Tensor) or found.numel() != 1:
            raise ValueError("loss returns no scalar; return a tensor with one element")
        return found.sum(), True
    own = getattr(output, "loss", None)
    if loss is None and isinstance(own, torch.Tensor):
        return own.sum(), True
    signal = signal_of(output)
    if loss == "cross_entropy" or (loss is None and _are_logits(output, signal)):
        return _cross_entropy(model, batch, signal), True
    normal = Normal()(tuple(signal.shape), seed=0, name="gradient")
    return (signal * torch.from_numpy(normal).to(signal)).sum(), False


def _are_logits(output: Any, signal: torch.Tensor) -> bool:
    """Whether an output says that it has logits of classes."""
    found = getattr(output, "logits", None)
    return found is signal and signal.ndim in (2, 3) and signal.shape[-1] > 1


def _cross_entropy(model: torch.nn.Module, batch: Any, logits: torch.Tensor) -> torch.Tensor:
    """Return the loss for the next tokens of a language model, else for classes that are drawn.

    Classes are on the last axis, those of images (N, C, H, W) on axis 1.
    """
    classes = logits.movedim(1, -1) if logits.ndim > 3 else logits
    tokens = batch.get("input_ids") if isinstance(batch, dict) else None
    is_causal = any(each in type(model).__name__ for each in _CAUSAL)
    if is_causal and isinstance(tokens, torch.Tensor) and tokens.shape == classes.shape[:-1]:
        classes, targets = classes[:, :-1], tokens[:, 1:].to(classes.device)
    else:
        drawn = Uniform(0.0, 1.0)(tuple(classes.shape[:-1]), seed=0, name="classes")
        targets = torch.from_numpy(drawn).to(classes.device).mul(classes.shape[-1]).long()
    return F.cross_entropy(classes.flatten(0, -2), targets.flatten())
