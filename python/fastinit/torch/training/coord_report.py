"""The report of ``coord_check``."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from fastinit import records
from fastinit.plots.page import Page
from fastinit.plots.report import Report
from fastinit.tables import Table, on_screen
from fastinit.torch.training.coord_rows import CoordRow, fault
from fastinit.torch.training.pages import coordinates


@dataclasses.dataclass(frozen=True)
class CoordReport(Report):
    """What the width of a model changes.

    Attributes:
        widths: the widths.
        steps: the number of steps.
        rows: one per layer and step, in the order of the model's calls.
        tolerance: the largest slope that is flat.
        verdicts: which layers break the rule that outputs keep their size, and changes theirs.
    """

    widths: tuple[int, ...]
    steps: int
    rows: tuple[CoordRow, ...]
    tolerance: float
    verdicts: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every layer is flat."""
        return not self.verdicts

    @property
    def broken(self) -> tuple[str, ...]:
        """The layers that are not flat, in the order of the model's calls."""
        return tuple(dict.fromkeys(row.layer for row in self.rows if fault(row, self.tolerance)))

    def assert_flat(self) -> None:
        """Raise an error if a layer is not flat, as a test of a model may.

        Raises:
            AssertionError: There are verdicts; the message has all of them.
        """
        if self.verdicts:
            raise AssertionError("; ".join(self.verdicts))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; NaN and infinities are as in ``fastinit.records``."""
        return records.to_data(self)

    @staticmethod
    def from_dict(data: Any) -> CoordReport:
        """Return the report that ``to_dict`` described.

        Raises:
            ValueError: A field is missing or unknown.
        """
        return records.from_data(CoordReport, data)

    def page(self) -> Page:
        """Return the charts and tables, of which ``plot`` and ``html`` make pictures."""
        return coordinates(self.widths, self.rows, self.tolerance, self.verdicts, self._table())

    def _table(self) -> Table:
        titles = ("slope at start", "slope", "slope of change")
        first = {row.layer: row for row in self.rows if row.step == 0}
        cells = [
            [row.layer, *map(_cell, (first[row.layer].slope, row.slope, row.change_slope))]
            for row in self.rows
            if row.step == self.steps
        ]
        return Table(("layer", *titles), cells, frozenset(titles))

    def __repr__(self) -> str:
        return on_screen(str(self))

    def __str__(self) -> str:
        """Return the slopes of each layer after the last step, and the verdicts."""
        widths = ", ".join(map(str, self.widths))
        told = self.verdicts or (f"flat within {self.tolerance:g}",)
        return "\n".join([self._table().text(), "", f"widths {widths}; {self.steps} steps", *told])


def _cell(number: float) -> str:
    return "" if math.isnan(number) else f"{number:+.2f}"
