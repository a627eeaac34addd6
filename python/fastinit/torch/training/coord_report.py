"""The report of ``coord_check``."""

from __future__ import annotations

import dataclasses
import math

from fastinit.plots.chart import Chart
from fastinit.plots.report import DataReport
from fastinit.plots.summary import Summary
from fastinit.tables import Table, plural
from fastinit.torch.training.charts import coordinates
from fastinit.torch.training.coord_rows import CoordRow, fault


@dataclasses.dataclass(frozen=True, repr=False)
class CoordReport(DataReport):
    """The changes that the width of a model makes.

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

    def summary(self) -> Summary:
        """Return the slopes of each layer after the last step, and the verdicts."""
        widths = ", ".join(map(str, self.widths))
        flat = () if self.verdicts else (f"All slopes are within {self.tolerance:g} of 0.",)
        return Summary(
            title=f"Outputs over widths {widths}, after {plural(self.steps, 'step')}",
            subtitle="Flat lines are right: neither outputs nor their changes may grow with the "
            f"width. A slope within {self.tolerance:g} of 0 is flat.",
            tables=(("Slopes of logarithms", self._table()),),
            notes=flat,
            verdicts=self.verdicts,
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return outputs and their changes over widths, and the slopes of each step."""
        return coordinates(self.widths, self.rows)

    def _table(self) -> Table:
        titles = ("slope at start", "slope", "slope of change")
        first = {row.layer: row for row in self.rows if row.step == 0}
        cells = [
            [row.layer, *map(_cell, (first[row.layer].slope, row.slope, row.change_slope))]
            for row in self.rows
            if row.step == self.steps
        ]
        return Table(("layer", *titles), cells, frozenset(titles), frozenset(("layer",)))


def _cell(number: float) -> str:
    return "" if math.isnan(number) else f"{number:+.2f}"
