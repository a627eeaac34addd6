"""Training runs, of which a report of ``compare`` is made."""

from __future__ import annotations

import dataclasses
import math
import statistics

_WINDOW = 10  # steps over which the training loss is averaged


@dataclasses.dataclass(frozen=True)
class Gradient:
    """The gradient of a parameter.

    Attributes:
        name: the qualified name of the parameter.
        first: its root mean square at the first step.
        last: that at the last step.
    """

    name: str
    first: float
    last: float


@dataclasses.dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        start: the name of the start.
        seed: the seed of the start and of the order of the data.
        losses: the training loss at each step, before it.
        test_loss: the loss on held-out data after the last step.
        accuracy: the fraction of held-out data whose class is right; NaN without classes.
        gradients: of each parameter.
    """

    start: str
    seed: int
    losses: tuple[float, ...]
    test_loss: float
    accuracy: float
    gradients: tuple[Gradient, ...]

    @property
    def final_loss(self) -> float:
        """The mean training loss of the last 10 steps."""
        return statistics.fmean(self.losses[-_WINDOW:])

    def steps_to(self, loss: float) -> float:
        """Return the number of steps until the mean loss of 10 steps is that low; inf if never."""
        for step in range(1, len(self.losses) + 1):
            if statistics.fmean(self.losses[max(0, step - _WINDOW) : step]) <= loss:
                return float(step)
        return math.inf
