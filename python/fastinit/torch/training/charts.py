"""Charts of comparisons of starts and of checks of widths: loss curves, spreads, slopes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fastinit.plots.chart import Chart, HeatMap, LineChart, Series
from fastinit.torch.training.coord_rows import CoordRow
from fastinit.torch.training.runs import Run

_MOST_POINTS = 200  # of a loss curve
_RMS = "root mean square"


def comparison(all_runs: Sequence[Run]) -> tuple[Chart, ...]:
    """Return the charts of a comparison."""
    groups: dict[str, list[Run]] = {}
    for run in all_runs:
        groups.setdefault(run.start, []).append(run)
    return tuple(_of_runs(groups))


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


def coordinates(sizes: Sequence[int], rows: Sequence[CoordRow]) -> tuple[Chart, ...]:
    """Return the charts of a coordinate check."""
    steps = max(row.step for row in rows)
    last = [row for row in rows if row.step == steps]
    return (
        _over_widths("outputs", sizes, last, [row.rms for row in last]),
        _over_widths("changes of outputs", sizes, last, [row.change for row in last]),
        _slopes(rows, steps),
    )


def _over_widths(
    title: str, sizes: Sequence[int], rows: Sequence[CoordRow], values: Sequence[Sequence[float]]
) -> LineChart:
    x = [math.log2(width) for width in sizes]
    lines = [Series(row.layer, x, each) for row, each in zip(rows, values, strict=True)]
    return LineChart(title, "log2 of the width", _RMS, tuple(lines), may_be_log=True)


def _slopes(rows: Sequence[CoordRow], last: int) -> HeatMap:
    """Return the slope of each layer's output after each number of steps."""
    layers = tuple(dict.fromkeys(row.layer for row in rows))
    steps = range(last + 1)
    found = {(row.layer, row.step): row.slope for row in rows}
    slopes = [[found[layer, step] for step in steps] for layer in layers]
    return HeatMap(
        "slope of the output over the width, by step",
        layers,
        tuple(map(str, steps)),
        tuple(tuple(max(-1.0, min(1.0, 2 * each)) for each in row) for row in slopes),
        tuple(tuple(f"{each:+.2f}" for each in row) for row in slopes),
    )
