"""Profiles of several starts, compared."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from fastinit.guide.pages import label, page_of
from fastinit.guide.profile import Profile
from fastinit.plots.page import Page
from fastinit.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NUMBERS = ("forward", "theory", "backward", "theory", "dead", "saturated")


@dataclasses.dataclass(frozen=True, repr=False)
class Propagation:
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

    def plot(self, figure: Figure | None = None) -> Figure:
        """Draw signals, gradients and correlations, layer by layer, beside theory.

        Args:
            figure: a figure of matplotlib to draw into; None for a new one of pyplot.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        return self.page().figure(figure)

    def html(self, path: str | os.PathLike[str]) -> None:
        """Write charts, verdicts and tables to an HTML file that needs no other, nor a network.

        Raises:
            OSError: it cannot be written.
        """
        self.page().write(path)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"profiles": [each.to_dict() for each in self.profiles]}

    def __str__(self) -> str:
        return "\n".join([self.table().text(), *self.verdicts()])

    def __repr__(self) -> str:
        shown = self.table().screen("print() shows all", ("theory",))
        return "\n".join([shown, *self.verdicts()])

    def _repr_html_(self) -> str:
        return self.page().fragment()

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
