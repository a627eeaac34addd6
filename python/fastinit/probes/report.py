"""The report of ``probe``: signals, weights, attention and stacks of a model, and verdicts."""

from __future__ import annotations

import dataclasses
import math

from fastinit.plots.chart import Chart
from fastinit.plots.report import DataReport
from fastinit.plots.summary import Summary
from fastinit.probes.charts import charts_of
from fastinit.probes.rows import ProbeAttention, ProbeRow, ProbeStack, ProbeWeight
from fastinit.tables import Table


@dataclasses.dataclass(frozen=True, repr=False)
class ProbeReport(DataReport):
    """The signals and gradients of a model.

    Attributes:
        rows: one per module with weights, activation and repeated block, in the order of the calls.
        output_rms: the root mean square of the model's output.
        loss: the loss; None where what is differentiated is not one.
        verdicts: what is wrong, and what to do; empty where nothing is.
        weights: one per parameter, in the model's order.
        attention: one per call of an attention.
        stacks: blocks that follow each other.
        classes: the number of classes of the cross-entropy that the loss is; None if it is none.
        ranks: the number of processes over which the figures are pooled.

    Example:
        >>> import fastinit.torch, torch
        >>> from fastinit.torch import ProbeReport
        >>> report = fastinit.torch.probe(torch.nn.Linear(4, 2), torch.ones(3, 4))
        >>> str(ProbeReport.from_dict(report.to_dict())) == str(report)
        True
    """

    rows: tuple[ProbeRow, ...]
    output_rms: float
    loss: float | None
    verdicts: tuple[str, ...]
    weights: tuple[ProbeWeight, ...] = ()
    attention: tuple[ProbeAttention, ...] = ()
    stacks: tuple[ProbeStack, ...] = ()
    classes: int | None = None
    ranks: int = 1

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.verdicts

    @property
    def expected_loss(self) -> float | None:
        """The cross-entropy of equal probabilities, ln(classes); None without classes."""
        return None if self.classes is None else math.log(self.classes)

    def assert_healthy(self) -> None:
        """Raise an error if anything is wrong, as a test of a model may.

        Raises:
            AssertionError: there are verdicts; the message has all of them.
        """
        if self.verdicts:
            raise AssertionError("; ".join(self.verdicts))

    def summary(self) -> Summary:
        """Return a row per layer, activation and block, attention, the loss and the verdicts."""
        tables = [("Modules, in the order of the calls", self._table())]
        if self.attention:
            tables.append(("Attention", self._attention_table()))
        return Summary(
            title="Signals and gradients, module by module",
            subtitle="Root mean squares of what modules return in one forward pass, and of the "
            "gradients that reach that in one backward pass, in the order of the calls.",
            tables=tuple(tables),
            notes=self._loss(),
            verdicts=self.verdicts,
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return signals, gradients, weights and attention, module by module."""
        return charts_of(self.rows, self.stacks, self.attention, self.weights)

    def _table(self) -> Table:
        fields = ("input_rms", "output_rms", "dead", "saturated", "gradient_rms", "weight_rms")
        titles = ("in", "out", "dead", "saturated", "gradient", "weight")
        cells = [
            [row.label, row.kind, *(_cell(getattr(row, field)) for field in fields)]
            for row in self.rows
        ]
        return Table(("layer", "kind", *titles), cells, frozenset(titles), frozenset(("layer",)))

    def _loss(self) -> tuple[str, ...]:
        if self.loss is None:
            return ()
        equal = self.expected_loss
        beside = "" if equal is None else f"; ln({self.classes}) is {equal:.4g}"
        return (f"loss {self.loss:.4g}{beside}",)

    def _attention_table(self) -> Table:
        titles = ("entropy", "logit std", "heads", "keys")
        cells = [
            [each.name, _cell(each.entropy), _cell(each.logit_std), str(each.heads), str(each.keys)]
            for each in self.attention
        ]
        name = "attention"
        return Table((name, *titles), cells, frozenset(titles), frozenset((name,)))


def _cell(number: float) -> str:
    return "" if math.isnan(number) else f"{number:.3g}"
