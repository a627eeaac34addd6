"""The report of ``lsuv_``, and the chart that it shares with that of ``balance_``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastinit.plots.chart import Chart, LineChart, numbered
from fastinit.plots.report import DataReport
from fastinit.plots.summary import Summary
from fastinit.tables import Table

CALLS = "layer, in the order of the calls"
"""The label of axes that count layers, whose names are in the table."""


@dataclass(frozen=True, slots=True)
class LsuvRow:
    """The result for one layer.

    Attributes:
        layer: The qualified name of the module. Projections of an attention module have ``.q``,
            ``.k`` or ``.v`` appended.
        before: The variance of its output when the model first called it, with all layers before
            it settled. NaN if it was never called.
        after: The final variance.
        rounds: The number of times that its weight was rescaled.
        note: What was unusual, or "".
    """

    layer: str
    before: float
    after: float
    rounds: int
    note: str


@dataclass(frozen=True, slots=True, repr=False)
class LsuvReport(DataReport):
    """The result of ``lsuv_``.

    Attributes:
        rows: One row per layer, in the order of the model's calls.
        forwards: The number of times that the whole model ran.
    """

    rows: tuple[LsuvRow, ...]
    forwards: int

    def summary(self) -> Summary:
        """Return a row per layer, and the number of passes."""
        numbers = ("before", "after", "rounds")
        rows = [
            [row.layer, cell(row.before), cell(row.after), str(row.rounds), row.note]
            for row in self.rows
        ]
        table = Table(("layer", *numbers, "note"), rows, frozenset(numbers), frozenset(("layer",)))
        count = "1 forward pass" if self.forwards == 1 else f"{self.forwards} forward passes"
        return Summary(
            title="Layer-sequential unit variance",
            subtitle="The variance of each layer's output before and after its weight is scaled.",
            tables=(("Layers, in the order of the calls", table.without_empty("note")),),
            notes=(count,),
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return variances before and after, layer by layer."""
        called = [row for row in self.rows if not math.isnan(row.after)]
        return (before_and_after("variances of outputs", "variance", called, "before", "after"),)


def before_and_after(
    title: str, y_label: str, rows: Sequence[Any], before: str, after: str
) -> LineChart:
    """Return a chart of two fields of rows of a report, layer by layer."""
    lines = {
        "before": [getattr(row, before) for row in rows],
        "after": [getattr(row, after) for row in rows],
    }
    return numbered(title, CALLS, y_label, lines)


def cell(number: float) -> str:
    """Return a figure as tables show it; "" of NaN."""
    return "" if math.isnan(number) else f"{number:.4g}"
