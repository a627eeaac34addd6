"""What a probed model looks like: charts of its signals, weights and attention."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fastinit.plots.chart import Chart, LineChart, Series
from fastinit.plots.page import Page
from fastinit.tables import Table

if TYPE_CHECKING:
    from fastinit.torch.probing.report import ProbeReport, ProbeRow, ProbeStack

_RMS = "root mean square"


def page_of(report: ProbeReport, tables: Sequence[tuple[str, Table]]) -> Page:
    """Return the page of a report."""
    loss = "" if report.loss is None else f" The loss is {report.loss:.4g}."
    if report.expected_loss is not None:
        loss += (
            f" Equal probabilities would give ln({report.classes}) = {report.expected_loss:.4g}."
        )
    return Page(
        title="Signals and gradients, module by module",
        subtitle="Root mean squares of what modules return in one forward pass, and of the "
        f"gradients that reach that in one backward pass, in the order of the calls.{loss}",
        verdicts=report.verdicts,
        charts=tuple(_charts(report)),
        tables=tuple(tables),
    )


def _charts(report: ProbeReport) -> Iterator[Chart]:
    rows = {row.name: row for row in report.rows}
    for stack in report.stacks:
        yield from _of_stack(stack, [rows[name] for name in stack.names])
    calls = [row for row in report.rows if row.name]
    yield _by_number(
        "signals, module by module",
        "call",
        _RMS,
        {
            "output": [row.output_rms for row in calls],
            "difference between inputs": [row.varies for row in calls],
            "gradient at the output": [row.gradient_rms for row in calls],
        },
    )
    fractions = {
        "dead": [row.dead for row in calls],
        "saturated": [row.saturated for row in calls],
    }
    known = {
        name: [each for each in values if not math.isnan(each)]
        for name, values in fractions.items()
    }
    if any(value > 0 for values in known.values() for value in values):
        yield _by_number("dead and saturated units", "activation", "fraction", known)
    if report.attention:
        yield _by_number(
            "attention",
            "attention",
            "entropy, and std of logits",
            {
                "entropy, 1 where all keys are equal": [each.entropy for each in report.attention],
                "standard deviation of logits": [each.logit_std for each in report.attention],
            },
        )
    yield from _of_weights(report)


def _of_stack(stack: ProbeStack, rows: list[ProbeRow]) -> Iterator[Chart]:
    signals = {
        "output": [row.output_rms for row in rows],
        "gradient at the output": [row.gradient_rms for row in rows],
    }
    title = f"{stack.title}: signal x {stack.signal:.3g}, gradient x {stack.gradient:.3g} per block"
    yield _by_number(title, "block", _RMS, signals)


def _of_weights(report: ProbeReport) -> Iterator[Chart]:
    weights = [each for each in report.weights if len(each.shape) > 1]
    if not weights:
        return
    ratios = {"gradient to weight": [each.gradient_to_weight for each in weights]}
    for optimizer in weights[0].update_to_weight:
        ratios[f"update to weight, {optimizer}"] = [
            each.update_to_weight.get(optimizer, math.nan) for each in weights
        ]
    yield _by_number("matrices", "matrix", _RMS, {"weight": [each.rms for each in weights]})
    yield _by_number("gradients and updates of matrices", "matrix", "ratio", ratios)


def _by_number(title: str, x_label: str, y_label: str, lines: dict[str, list[float]]) -> LineChart:
    series = tuple(
        Series(label, range(1, 1 + len(values)), values) for label, values in lines.items()
    )
    return LineChart(title, x_label, y_label, series, may_be_log=y_label != "fraction")
