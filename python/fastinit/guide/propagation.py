"""Profiles of several starts, compared."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastinit.guide.pages import label, page_of
from fastinit.guide.profile import Profile
from fastinit.plots.page import Page
from fastinit.plots.report import Report
from fastinit.tables import Table

_NUMBERS = ("forward", "theory", "backward", "theory", "dead", "saturated")


@dataclasses.dataclass(frozen=True, repr=False)
class Propagation(Report):
    """Profiles of activations and initializers; ``print`` and notebooks compare them.

    Attributes:
        profiles: one per activation and initializer, in order.
    """

    profiles: tuple[Profile, ...]

    def table(self) -> Table:
        """Return a row per profile: growth per layer, dead and saturated units of the last."""
        titles = ("activation", "initializer", *_NUMBERS)
        return Table(titles, [*map(_cells, self.profiles)], frozenset(_NUMBERS))

    def page(self) -> Page:
        """Return the charts and tables, of which ``plot`` and ``html`` make pictures."""
        return page_of(self.profiles, self.table())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"profiles": [each.to_dict() for each in self.profiles]}

    def __str__(self) -> str:
        return "\n".join([self.table().text(), *self.verdicts()])

    def __repr__(self) -> str:
        shown = self.table().screen("print() shows all", ("theory",))
        return "\n".join([shown, *self.verdicts()])

    def verdicts(self) -> list[str]:
        """Return what is wrong with each, in words."""
        return [
            f"{each.activation.name}, {label(each)}: {said}"
            for each in self.profiles
            for said in each.verdicts
        ]


def _cells(profile: Profile) -> list[str]:
    last = profile.layers[-1]
    growths = profile.forward, profile.forward_theory, profile.backward, profile.backward_theory
    cells = [f"{each:.3g}" for each in (*growths, last.dead, last.saturated)]
    return [profile.activation.name, label(profile), *cells]
