"""First updates of weights: for which optimizers and learning rates, and how large they are."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fastinit.checks import finite

OPTIMIZERS = ("sgd", "adam", "muon")
"""Those whose first update is measured, with torch's defaults and no weight decay."""

Rates = float | Mapping[str, float] | None
"""A learning rate for all optimizers, or by the name of the optimizer."""


def rates_of(lr: Rates) -> dict[str, float]:
    """Return the learning rate of each optimizer that is wanted.

    Raises:
        TypeError: a rate is not a number.
        ValueError: a rate is not positive, or an optimizer is not known.
    """
    if lr is None:
        return {}
    given = dict(lr) if isinstance(lr, Mapping) else dict.fromkeys(OPTIMIZERS, lr)
    for name, rate in given.items():
        if name not in OPTIMIZERS:
            raise ValueError(f"lr has {name!r}; the optimizers are {', '.join(OPTIMIZERS)}")
        if finite(rate, "lr") <= 0:
            raise ValueError(f"lr={rate} is not positive; pass a learning rate above 0")
    return {name: float(rate) for name, rate in given.items()}


def is_updated(optimizer: str, ndim: int) -> bool:
    """Return whether an optimizer updates weights of this number of axes: Muon only matrices."""
    return optimizer != "muon" or ndim == 2


def update_to_weight(update: float, size: float) -> float:
    """Return the rms of an update over that of a weight; infinite for a weight of 0."""
    if size:
        return update / size
    return math.inf if update else 0.0
