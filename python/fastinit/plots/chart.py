"""Charts, as data: what is drawn, without how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """Points that a line joins; a point that is NaN or infinite interrupts it.

    Attributes:
        label: what the legend calls it.
        x: the horizontal coordinates.
        y: the vertical ones.
        is_theory: whether it is an expectation: a dashed line in the color of text, without
            markers.
        band: the lowest and the highest value at each point, drawn as an area; None for none.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    is_theory: bool = False
    band: tuple[Sequence[float], Sequence[float]] | None = None


@dataclass(frozen=True)
class LineChart:
    """Lines over a common axis.

    Attributes:
        title: the title.
        x_label: what the horizontal axis is.
        y_label: what the vertical axis is.
        series: the lines, in the order of the legend.
        may_be_log: whether the vertical axis is logarithmic where values differ by large factors.
        bars: the height of each bar of a histogram behind the lines; empty for none.
        edges: the edges of the bars, one more than these.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    may_be_log: bool = False
    bars: Sequence[float] = ()
    edges: Sequence[float] = ()


def numbered(
    title: str,
    x_label: str,
    y_label: str,
    lines: Mapping[str, Sequence[float]],
    *,
    may_be_log: bool = True,
) -> LineChart:
    """Return a chart of lines over the numbers of layers, calls or weights, from 1.

    Lines whose values are all NaN are left out.

    Example:
        >>> from fastinit.plots.chart import numbered
        >>> numbered("Signals", "layer", "rms", {"output": [1.0, 0.5]}).series[0].x
        range(1, 3)
    """
    series = tuple(
        Series(label, range(1, 1 + len(values)), values)
        for label, values in lines.items()
        if not all(map(math.isnan, values))
    )
    return LineChart(title, x_label, y_label, series, may_be_log)


@dataclass(frozen=True)
class HeatMap:
    """Cells of a table, colored by a value and with a text in each.

    Attributes:
        title: the title.
        rows: the titles of the rows.
        columns: the titles of the columns.
        values: for each row its values, from -1 to 1; 0 is neutral.
        texts: for each row its texts.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    texts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Mask:
    """The positions of a matrix that are not 0, as dark cells.

    Attributes:
        title: the title.
        x_label: what the columns are.
        y_label: what the rows are.
        rows: for each row, whether each element is not 0.
    """

    title: str
    x_label: str
    y_label: str
    rows: tuple[tuple[bool, ...], ...]


Chart = LineChart | HeatMap | Mask
