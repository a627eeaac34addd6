"""The report of ``balance_``."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from fastinit import json_files, records
from fastinit.plots.chart import Chart, numbered
from fastinit.plots.report import Report
from fastinit.plots.summary import Summary
from fastinit.recipes.recipe import Recipe
from fastinit.tables import Table, listed
from fastinit.torch.balancing.report import CALLS, before_and_after, cell


@dataclasses.dataclass(frozen=True)
class BalanceRow:
    """A layer.

    Attributes:
        layer: its qualified name; queries, keys and values of an attention have ``.q``, ``.k`` or
            ``.v`` appended, layers of a recurrent module ``.l0`` and so on.
        parameter: the qualified name of its weight.
        scale: the factor on the weight; of channels, the geometric mean.
        before: the variance of its output before, with all layers before it balanced; NaN if it was
            never called.
        after: the final variance; of channels, the one farthest from the target.
        gradient_before: the growth of the variance of the gradient on its way back through the
            layer and the activation before it; NaN where it was not measured.
        gradient_after: the final growth.
        note: what is unusual, and why one scale cannot help; or "".
        is_expected: whether the variances are expectations over the weights; else they are measured
            on weights that are drawn.
    """

    layer: str
    parameter: str
    scale: float
    before: float
    after: float
    gradient_before: float = math.nan
    gradient_after: float = math.nan
    note: str = ""
    is_expected: bool = False


@dataclasses.dataclass(frozen=True, repr=False)
class BalanceReport(Report):
    """The result of ``balance_``.

    Attributes:
        rows: one per layer, in the order of the model's calls.
        passes: the number of times that the model ran.
        inputs: what it ran on: "the batch", or what synthetic inputs were.
        recipe: the recipe that draws the balanced model, without the batch: for ``init_``,
            ``materialize_`` and ``fastinit.Plan`` with the same seed.
    """

    rows: tuple[BalanceRow, ...]
    passes: int
    inputs: str
    recipe: Recipe

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; NaN and infinities are as in ``fastinit.records``."""
        return {
            "rows": [records.to_data(each) for each in self.rows],
            "passes": self.passes,
            "inputs": self.inputs,
            "recipe": self.recipe.to_dict(),
        }

    @staticmethod
    def from_dict(data: Any) -> BalanceReport:
        """Return the report that ``to_dict`` described.

        Raises:
            ValueError: A field is missing or unknown.
        """
        found = json_files.fields(data, ("rows", "passes", "inputs", "recipe"))
        rows = tuple(
            records.from_data(BalanceRow, each) for _, each in json_files.items(found, "rows")
        )
        recipe = Recipe.from_dict(found["recipe"])
        return BalanceReport(rows, found["passes"], found["inputs"], recipe)

    def summary(self) -> Summary:
        """Return a row per layer, and what the model ran on."""
        passes = "1 pass" if self.passes == 1 else f"{self.passes} passes"
        return Summary(
            title="Balanced layers",
            subtitle="The variance of each layer's output before and after its weight is scaled.",
            tables=(("Layers, in the order of the calls", self._table()),),
            notes=(f"{passes} on {self.inputs}{self._expected()}",),
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return variances before and after, layer by layer, and the scales."""
        called = [row for row in self.rows if not math.isnan(row.after)]
        charts = [before_and_after("variances of outputs", "variance", called, "before", "after")]
        if any(not math.isnan(row.gradient_after) for row in called):
            title = "growth of gradients, backward through each layer"
            charts.append(
                before_and_after(title, "factor", called, "gradient_before", "gradient_after")
            )
        scales = {"scale": [row.scale for row in called]}
        return (*charts, numbered("scales of weights", CALLS, "factor", scales))

    def _table(self) -> Table:
        has_gradients = any(not math.isnan(row.gradient_after) for row in self.rows)
        fields = ["scale", "before", "after"]
        fields += ["gradient_before", "gradient_after"] * has_gradients
        titles = [each.replace("_", " ") for each in fields]
        cells = [
            [row.layer, *(cell(getattr(row, each)) for each in fields), row.note]
            for row in self.rows
        ]
        columns = ("layer", *titles, "note")
        found = Table(columns, cells, frozenset(titles), frozenset(("layer",)))
        return found.without_empty("note")

    def _expected(self) -> str:
        """Say what of the variances are expectations."""
        if not any(row.is_expected for row in self.rows):
            return ""
        called = [row for row in self.rows if not math.isnan(row.after)]
        measured = [row.layer for row in called if not row.is_expected]
        rest = f", but measured on drawn weights in {listed(measured)}" if measured else ""
        return f"; variances in expectation over the weights{rest}"
