"""Profiles of several starts, compared."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from typing import Any

from fastinit.guide.propagation import signal_charts
from fastinit.guide.propagation.profile import LayerSignal, Profile
from fastinit.plots.chart import Chart
from fastinit.plots.report import Report
from fastinit.plots.summary import Summary
from fastinit.tables import Table

_NUMBERS = ("forward", "theory", "backward", "theory", "dead", "saturated")


@dataclasses.dataclass(frozen=True, repr=False)
class Propagation(Report):
    """Profiles of activations and initializers, which compare them.

    Attributes:
        profiles: one per activation and initializer, in order.

    Example:
        >>> import fastinit
        >>> found = fastinit.propagate("relu", "torch", depth=20, width=64)
        >>> found.table().titles[:3]
        ('activation', 'initializer', 'forward')
        >>> found.verdicts()[0][:57]
        "relu, torch's default: the mean square of the signal shri"
    """

    profiles: tuple[Profile, ...]

    def table(self) -> Table:
        """Return a row per profile: growth per layer, dead and saturated units of the last."""
        titles = ("activation", "initializer", *_NUMBERS)
        return Table(titles, [*map(_cells, self.profiles)], frozenset(_NUMBERS))

    def summary(self) -> Summary:
        """Return the growth per layer of each profile, and what is wrong."""
        names = dict.fromkeys(each.activation.name for each in self.profiles)
        return Summary(
            title=f"{', '.join(names)}: signals in {len(self.profiles[0].layers)} layers",
            subtitle="Mean squares of signals forward and of gradients backward in a network of "
            "random weights. Theory is that of infinite width, given the layer before.",
            tables=(("Growth per layer, and the last layer", self.table()),),
            verdicts=tuple(self.verdicts()),
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return signals, gradients, correlations and units, layer by layer, beside theory."""
        by_activation = groupby(self.profiles, key=lambda each: each.activation.name)
        return signal_charts.charts_of({name: list(each) for name, each in by_activation})

    def details(self) -> tuple[tuple[str, Table], ...]:
        """Return a table of all layers of each profile."""
        return tuple(map(_of_layers, self.profiles))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; NaN and infinities are as in ``fastinit.records``."""
        return {"profiles": [each.to_dict() for each in self.profiles]}

    def verdicts(self) -> list[str]:
        """Return what is wrong with each, in words."""
        return [
            f"{each.activation.name}, {each.label}: {said}"
            for each in self.profiles
            for said in each.verdicts
        ]


def _cells(profile: Profile) -> list[str]:
    last = profile.layers[-1]
    growths = profile.forward, profile.forward_theory, profile.backward, profile.backward_theory
    cells = [f"{each:.3g}" for each in (*growths, last.dead, last.saturated)]
    return [profile.activation.name, profile.label, *cells]


def _of_layers(profile: Profile) -> tuple[str, Table]:
    rows = [
        [f"{getattr(layer, field):.4g}" for field in LayerSignal.__dataclass_fields__]
        for layer in profile.layers
    ]
    titles = [field.replace("_", " ") for field in LayerSignal.__dataclass_fields__]
    caption = f"{profile.activation.name}, {profile.label}"
    return caption, Table(titles, rows, frozenset(titles))
