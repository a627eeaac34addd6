"""Charts in a figure of matplotlib, in the colors of its style for text and background."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.plots import style
from fastinit.plots.axis import axis_of
from fastinit.plots.chart import Chart, HeatMap, LineChart, Mask

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 2
_INCHES = (6.4, 4.2)  # of a chart
_MARKERS = {
    **{"circle": "o", "square": "s", "triangle": "^", "diamond": "D"},
    **{"cross": "x", "down": "v"},
}
_MOST_MARKERS = 12
_LETTERS, _SAMPLE = 76, 7  # of a line of the legend, and what the sample of a line takes of them
_ROW = 14.0  # points of a line of the legend


def check_matplotlib() -> None:
    """Check that matplotlib can be imported.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how to install it.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "plots need matplotlib, which is not installed; run: pip install matplotlib (the "
            "HTML report does without)"
        ) from None


def draw(charts: tuple[Chart, ...], figure: Figure | None = None) -> Figure:
    """Draw charts side by side into a figure; None for a new one of pyplot.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: the report has no charts.
    """
    check_matplotlib()
    if not charts:
        raise ValueError("this report has no charts to draw; html(path) writes its tables")
    if figure is None:
        from matplotlib import pyplot

        figure = pyplot.figure(layout="constrained")
    columns = min(_COLUMNS, len(charts))
    rows = math.ceil(len(charts) / columns)
    figure.set_size_inches(_INCHES[0] * columns, _INCHES[1] * rows)
    axes = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for chart, each in zip(charts, axes[: len(charts)], strict=True):
        each.set_title(chart.title, loc="left")
        if isinstance(chart, HeatMap):
            _heat_map(chart, each)
        elif isinstance(chart, Mask):
            _mask(chart, each)
        else:
            _lines(chart, each)
    for each in axes[len(charts) :]:
        each.remove()
    return figure


def _lines(chart: LineChart, axes: Axes) -> None:
    if chart.bars:
        axes.stairs(chart.bars, chart.edges, fill=True, color=style.color(0), alpha=0.5)
    number = 0
    for each in chart.series:
        if each.is_theory:
            ink = _ink()
            axes.plot(each.x, each.y, color=ink, linestyle=(0, style.THEORY), linewidth=1, zorder=3)
            axes.lines[-1].set_label(each.label)
            continue
        color, dashes = style.color(number), style.dashes(number)
        if each.band is not None:
            axes.fill_between(each.x, *each.band, color=color, alpha=0.2, linewidth=0)
        axes.plot(
            each.x,
            each.y,
            color=color,
            linestyle=(0, dashes) if dashes else "-",
            marker=_MARKERS[style.marker(number)],
            markevery=max(1, math.ceil(len(each.x) / _MOST_MARKERS)),
            markersize=5,
            label=each.label,
        )
        number += 1
    _scale(chart, axes)
    if all(x == int(x) for each in chart.series for x in each.x):
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.grid(axis="y", alpha=0.3)
    handles: dict[str, Any] = {}
    for line in axes.lines:
        handles.setdefault(str(line.get_label()), line)
    if handles:
        _legend(handles, axes)


def _legend(handles: dict[str, Any], axes: Axes) -> None:
    """Put the legend between the title and the lines, which it never covers."""
    columns = min(len(handles), max(1, _LETTERS // (max(map(len, handles)) + _SAMPLE)))
    axes.legend(
        handles.values(),
        handles.keys(),
        fontsize="small",
        ncols=columns,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        frameon=False,
        borderaxespad=0.2,
    )
    rows = math.ceil(len(handles) / columns)
    axes.set_title(axes.get_title(loc="left"), loc="left", pad=8.0 + _ROW * rows)


def _scale(chart: LineChart, axes: Axes) -> None:
    """Give the vertical axis the range that it has in SVG."""
    bands = [value for each in chart.series for side in each.band or () for value in side]
    values = [value for each in chart.series for value in each.y] + bands + list(chart.bars)
    axis = axis_of([*values, *([0.0] if chart.bars else [])], chart.may_be_log)
    if axis.is_log:
        axes.set_yscale("log")
    axes.set_ylim(axis.low, axis.high)


def _heat_map(chart: HeatMap, axes: Axes) -> None:
    from matplotlib.colors import to_rgba

    cells = [[style.shade(value) for value in row] for row in chart.values]
    axes.imshow(
        np.array([[to_rgba(color, opacity) for color, opacity in row] for row in cells]),
        aspect="auto",
        interpolation="nearest",
    )
    for k, row in enumerate(chart.texts):
        for n, words in enumerate(row):
            axes.text(n, k, words, ha="center", va="center")
    axes.set_xticks(range(len(chart.columns)), chart.columns, rotation=30, ha="right")
    axes.set_yticks(range(len(chart.rows)), chart.rows)


def _mask(chart: Mask, axes: Axes) -> None:
    from matplotlib.colors import to_rgba

    shown = np.zeros((len(chart.rows), len(chart.rows[0]), 4))
    shown[np.array(chart.rows)] = to_rgba(style.color(0))
    axes.imshow(shown, interpolation="nearest")
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)


def _ink() -> str:
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])
