"""What comparisons of starts and checks of widths look like: loss curves, spreads, slopes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fastinit.plots.chart import Chart, HeatMap, LineChart, Series
from fastinit.plots.page import Page
from fastinit.tables import Table

if TYPE_CHECKING:
    from fastinit.torch.training.compare_report import CompareReport, Run
    from fastinit.torch.training.coord_report import CoordReport, CoordRow

_MOST_POINTS = 200  # of a loss curve
_RMS = "root mean square"


def comparison(report: CompareReport, told: Sequence[str], table: Table) -> Page:
    """Return the page of a comparison."""
    groups: dict[str, list[Run]] = {}
    for run in report.runs:
        groups.setdefault(run.start, []).append(run)
    seeds = len(report.runs) // len(groups)
    return Page(
        title=f"{len(groups)} starts, {report.steps} steps",
        subtitle=f"The mean over {seeds} seeds; areas are from the lowest to the highest. "
        + "; ".join(told),
        verdicts=None,
        charts=tuple(_of_runs(groups)),
        tables=(("Training", table),),
    )


def _of_runs(groups: dict[str, list[Run]]) -> Iterator[Chart]:
    curves = [_curve(name, [run.losses for run in runs]) for name, runs in groups.items()]
    yield LineChart("training loss", "step", "loss", tuple(curves), may_be_log=True)
    for title, field in (("first", "first"), ("last", "last")):
        lines = [
            _curve(name, [[getattr(g, field) for g in run.gradients] for run in runs], is_log=True)
            for name, runs in groups.items()
        ]
        title = f"gradients at the {title} step, parameter by parameter"
        yield LineChart(title, "parameter", _RMS, tuple(lines), may_be_log=True)


def _curve(name: str, runs: Sequence[Sequence[float]], *, is_log: bool = False) -> Series:
    """Return the mean of runs and the area between them; a long curve in means of its parts."""
    parts = 1 if is_log else max(1, -(-len(runs[0]) // _MOST_POINTS))
    lines = [
        [sum(run[k : k + parts]) / len(run[k : k + parts]) for k in range(0, len(run), parts)]
        for run in runs
    ]
    points = list(zip(*lines, strict=True))
    band = None
    if len(runs) > 1:
        band = [min(each) for each in points], [max(each) for each in points]
    x = range(1, 1 + len(runs[0]), parts)
    return Series(name, x, [sum(each) / len(each) for each in points], band=band)


def coordinates(report: CoordReport, table: Table) -> Page:
    """Return the page of a coordinate check."""
    last = [row for row in report.rows if row.step == report.steps]
    widths = ", ".join(map(str, report.widths))
    return Page(
        title=f"Outputs over widths, after {report.steps} steps",
        subtitle=f"Widths {widths}. Flat lines are right: neither outputs nor their changes may "
        f"grow with the width. A slope within {report.tolerance:g} of 0 is flat.",
        verdicts=report.verdicts,
        charts=(
            _over_widths("outputs", report, last, [row.rms for row in last]),
            _over_widths("changes of outputs", report, last, [row.change for row in last]),
            _slopes(report),
        ),
        tables=(("Slopes of logarithms", table),),
    )


def _over_widths(
    title: str, report: CoordReport, rows: Sequence[CoordRow], values: Sequence[Sequence[float]]
) -> LineChart:
    x = [math.log2(width) for width in report.widths]
    lines = [Series(row.layer, x, each) for row, each in zip(rows, values, strict=True)]
    return LineChart(title, "log2 of the width", _RMS, tuple(lines), may_be_log=True)


def _slopes(report: CoordReport) -> HeatMap:
    """Return the slope of each layer's output after each number of steps."""
    layers = tuple(dict.fromkeys(row.layer for row in report.rows))
    steps = range(report.steps + 1)
    found = {(row.layer, row.step): row.slope for row in report.rows}
    slopes = [[found[layer, step] for step in steps] for layer in layers]
    return HeatMap(
        "slope of the output over the width, by step",
        layers,
        tuple(map(str, steps)),
        tuple(tuple(max(-1.0, min(1.0, 2 * each)) for each in row) for row in slopes),
        tuple(tuple(f"{each:+.2f}" for each in row) for row in slopes),
    )
