"""Profiles: signals and gradients of a network, layer by layer."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from fastinit import json_files
from fastinit.guide.activations.activation import Activation
from fastinit.guide.named import title_of
from fastinit.initializers import Initializer


@dataclasses.dataclass(frozen=True)
class LayerSignal:
    """A layer of a simulated network, and what theory says of it.

    Theory is that of infinite width, given the signal of the layer before (of gradients, of the
    layer after). It is NaN where it does not apply.

    Attributes:
        layer: its number, from 1.
        q: the mean square of its pre-activations, over units and inputs.
        q_theory: what theory says.
        correlation: of the pre-activations of two inputs, on average.
        correlation_theory: what theory says.
        mean: the mean of its activations.
        dead: the fraction of units whose slope is 0 for all inputs.
        saturated: the fraction of values whose slope is below 1 % of the activation's largest.
        gradient: the mean square of the gradient at its pre-activations; 1 in the last layer.
        gradient_theory: what theory says.
    """

    layer: int
    q: float
    q_theory: float
    correlation: float
    correlation_theory: float
    mean: float
    dead: float
    saturated: float
    gradient: float
    gradient_theory: float


@dataclasses.dataclass(frozen=True)
class Profile:
    """The effect of an initializer on signals and gradients.

    Attributes:
        activation: the activation.
        initializer: the initializer.
        layers: the layers, in order.
        singular_values: of the Jacobian from the first to the last pre-activations, for the first
            input, largest first, and 0 where float64 cannot tell them from it; None where they were
            not asked for.
        verdicts: what is wrong, with a remedy; empty where nothing is.
    """

    activation: Activation
    initializer: Initializer
    layers: tuple[LayerSignal, ...]
    singular_values: tuple[float, ...] | None = None
    verdicts: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name of the initializer in tables and charts."""
        return title_of(self.initializer)

    @property
    def forward(self) -> float:
        """The factor by which the mean square of the signal grows per layer."""
        return growth([each.q for each in self.layers])

    @property
    def backward(self) -> float:
        """The factor by which the mean square of the gradient grows per layer, backward."""
        return growth([each.gradient for each in reversed(self.layers)])

    @property
    def forward_theory(self) -> float:
        """The value of ``forward`` by theory; NaN where it does not apply."""
        return _mean_ratio(
            [each.q_theory for each in self.layers], [each.q for each in self.layers]
        )

    @property
    def backward_theory(self) -> float:
        """The value of ``backward`` by theory; NaN where it does not apply."""
        backward = self.layers[::-1]
        return _mean_ratio([b.gradient_theory for b in backward], [b.gradient for b in backward])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; NaN and infinities are as in ``fastinit.records``."""
        figures = ("forward", "forward_theory", "backward", "backward_theory")
        found: dict[str, Any] = json_files.encoded(
            {
                "activation": self.activation.name,
                "initializer": self.initializer.to_dict(),
                **{each: getattr(self, each) for each in figures},
                "verdicts": self.verdicts,
                "singular_values": self.singular_values,
                "layers": [dataclasses.asdict(each) for each in self.layers],
            }
        )
        return found


def growth(values: Sequence[float]) -> float:
    """Return the factor per step of a sequence, by its first and last value; NaN from 0."""
    if len(values) < 2:
        return 1.0
    if not values[0] or math.isnan(values[-1]):
        return math.nan
    return float((values[-1] / values[0]) ** (1 / (len(values) - 1)))


def _mean_ratio(expected: list[float], found: list[float]) -> float:
    """Return the geometric mean of what was expected of each step over what was before it."""
    if len(found) < 2:
        return 1.0
    ratios = [
        after / before if before else math.nan
        for after, before in zip(expected[1:], found, strict=False)
    ]
    if any(math.isnan(each) or each < 0 for each in ratios):
        return math.nan
    if not all(ratios):
        return 0.0
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
