"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from fastinit.checks import finite

Optimizer = str | Callable[[list[dict[str, Any]]], torch.optim.Optimizer]
"""A name, or a function from parameter groups to an optimizer."""

_NAMED: dict[str, Callable[[list[dict[str, Any]]], torch.optim.Optimizer]] = {
    "sgd": lambda groups: torch.optim.SGD(groups),
    "momentum": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "adam": lambda groups: torch.optim.Adam(groups),
    "adamw": lambda groups: torch.optim.AdamW(groups),
}


def optimizer_of(optimizer: Optimizer, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return an optimizer of parameter groups that have their learning rates.

    Raises:
        ValueError: The name is not known.
    """
    check_optimizer(optimizer)
    return optimizer(groups) if callable(optimizer) else _NAMED[optimizer](groups)


def check_optimizer(optimizer: Optimizer, lr: float = 1.0) -> None:
    """Check an optimizer and a learning rate.

    Raises:
        TypeError: The learning rate is not a number.
        ValueError: The name is not known, or the learning rate is not positive.
    """
    if not callable(optimizer) and optimizer not in _NAMED:
        raise ValueError(
            f"optimizer={optimizer!r} is not known; pass one of {', '.join(_NAMED)}, or a function "
            "from parameter groups to an optimizer"
        )
    if finite(lr, "lr") <= 0:
        raise ValueError(f"lr={lr} is not positive; pass a learning rate above 0")
