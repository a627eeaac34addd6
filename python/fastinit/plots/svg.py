"""Charts as SVG: text and lines in the color of the page, so that it suits dark and light ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from html import escape

from fastinit.plots import grids, style
from fastinit.plots.axis import Axis, axis_of
from fastinit.plots.chart import Chart, HeatMap, LineChart, Mask, Series
from fastinit.plots.elements import FAINT, LETTER, WIDTH, svg, text

_HEIGHT = 230.0  # of the area in which lines are
_LEFT, _RIGHT, _TOP, _BOTTOM = 68.0, 14.0, 30.0, 44.0
_LINE = 18.0  # of the legend
_SAMPLE, _BETWEEN = 30.0, 18.0  # the line of an entry of the legend, and the gap to the next
_CLEAR = 8.0  # between the legend and the lines, and between labels and the axis
_MOST_MARKERS = 12  # per series
_LONGEST_LABEL = 44  # letters
_SIZE = 4.0  # of a marker
_THEORY = "theory"


def draw(chart: Chart) -> str:
    """Return a chart as an SVG element.

    Example:
        >>> from fastinit.plots.chart import LineChart, Series
        >>> from fastinit.plots.svg import draw
        >>> draw(LineChart("Loss", "step", "loss", (Series("a", (0, 1), (2.0, 1.0)),)))[:18]
        '<svg xmlns="http:/'
    """
    if isinstance(chart, HeatMap):
        return grids.heat_map(chart)
    return grids.mask(chart) if isinstance(chart, Mask) else _lines(chart)


def _lines(chart: LineChart) -> str:
    legend = list(_legend(chart.series))
    rows = 1 + max((row for _, row, _, _ in legend), default=-1)
    top = _TOP + _LINE * rows + _CLEAR
    area = _Area(chart, top)
    parts = [text(_LEFT, 18, chart.title, weight="bold"), *_entries(legend), *area.frame(chart)]
    parts += area.bars(chart)
    colored = [each for each in chart.series if not each.is_theory]
    for number, each in enumerate(colored):
        parts += area.line(each, number)
    for each in chart.series:
        if each.is_theory:
            parts += area.theory(each)
    return svg(top + _HEIGHT + _BOTTOM, chart.title, parts)


Entry = tuple[str, int, float, int | None]  # label, row, left, number of the series or theory


def _legend(series: Sequence[Series]) -> Iterator[Entry]:
    """Yield where each entry of the legend is; theory has one."""
    labels: list[tuple[str, int | None]] = []
    for each in series:
        if not each.is_theory:
            labels.append((each.label, len(labels)))
    labels += [(each, None) for each in dict.fromkeys(s.label for s in series if s.is_theory)]
    row, left = 0, _LEFT
    for label, number in labels:
        short = label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
        wide = _SAMPLE + LETTER * len(short)
        if left > _LEFT and left + wide > WIDTH:
            row, left = row + 1, _LEFT
        yield short, row, left, number
        left += wide + _BETWEEN


def _entries(legend: list[Entry]) -> Iterator[str]:
    for label, row, left, number in legend:
        y = _TOP + _LINE * row + 6
        if number is None:
            yield _path(f"M{left} {y}h24", "currentColor", style.THEORY, 1.2)
        else:
            yield _path(f"M{left} {y}h24", style.color(number), style.dashes(number), 1.8)
            yield _marker(left + 12, y, number, "")
        yield text(left + _SAMPLE, y + 4, label)


class _Area:
    """The area of the lines, which knows where a point is."""

    def __init__(self, chart: LineChart, top: float) -> None:
        self._top, self._width = top, WIDTH - _LEFT - _RIGHT
        xs = [x for each in chart.series for x in each.x] + list(chart.edges)
        bands = itertools.chain.from_iterable(each.band or () for each in chart.series)
        ys = [y for each in chart.series for y in each.y] + list(chart.bars)
        ys += [0.0] if chart.bars else []
        self._x = _tight(xs)
        self._y = axis_of([*ys, *itertools.chain.from_iterable(bands)], chart.may_be_log)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        right, up = self._x.place(x), self._y.place(y)
        return _LEFT + self._width * right, self._top + _HEIGHT * (1 - up)

    def frame(self, chart: LineChart) -> Iterator[str]:
        """Yield grid lines, ticks and labels of the axes."""
        bottom = self._top + _HEIGHT
        for value, label in self._y.ticks():
            y = self._at(self._x.low, value)[1]
            yield _path(f"M{_LEFT} {y:.1f}h{self._width}", "currentColor", (), 1, FAINT)
            yield text(_LEFT - _CLEAR, y + 4, label, anchor="end")
        for value, label in self._x.ticks():
            x = self._at(value, self._y.low)[0]
            yield _path(f"M{x:.1f} {bottom}v4", "currentColor", (), 1)
            yield text(x, bottom + 17, label, anchor="middle")
        yield _path(f"M{_LEFT} {bottom}h{self._width}", "currentColor", (), 1)
        yield text(_LEFT + self._width / 2, bottom + 36, chart.x_label, anchor="middle")
        middle = self._top + _HEIGHT / 2
        yield text(13, middle, chart.y_label, anchor="middle", turned=True)

    def bars(self, chart: LineChart) -> Iterator[str]:
        """Yield the bars of a histogram."""
        for height, low, high in zip(
            chart.bars, chart.edges[:-1], chart.edges[1:], strict=bool(chart.bars)
        ):
            left, bottom = self._at(low, 0.0)
            right, top = self._at(high, height)
            where = f'x="{left:.2f}" y="{top:.1f}"'
            size = f'width="{right - left:.2f}" height="{bottom - top:.1f}"'
            yield f'<rect {where} {size} fill="{style.color(0)}" opacity="0.5"/>'

    def line(self, series: Series, number: int) -> Iterator[str]:
        """Yield a line, its band and its markers, each of which names its point."""
        if series.band is not None:
            yield self._band(series, number)
        points = [self._at(x, y) for x, y in zip(series.x, series.y, strict=True)]
        yield _path(_steps(points), style.color(number), style.dashes(number), 1.8)
        for k in _chosen(len(points)):
            x, y = points[k]
            if math.isfinite(y):
                said = f"{series.label}, {series.x[k]:.6g}: {series.y[k]:.4g}"
                yield _marker(x, y, number, said)

    def theory(self, series: Series) -> Iterator[str]:
        """Yield the line of what is expected."""
        points = [self._at(x, y) for x, y in zip(series.x, series.y, strict=True)]
        yield _path(_steps(points), "currentColor", style.THEORY, 1.2)

    def _band(self, series: Series, number: int) -> str:
        low, high = series.band or ((), ())
        there = [self._at(x, y) for x, y in zip(series.x, high, strict=True)]
        back = [self._at(x, y) for x, y in zip(series.x, low, strict=True)]
        outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in there + back[::-1] if math.isfinite(y))
        return f'<polygon points="{outline}" fill="{style.color(number)}" opacity="0.2"/>'


def _tight(values: Sequence[float]) -> Axis:
    """Return an axis that ends at the outermost values."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    is_whole = all(each == int(each) for each in values)
    if high == low:
        low, high = low - 0.5, low + 0.5
    return Axis(low, high, is_log=False, is_whole=is_whole)


def _chosen(count: int) -> list[int]:
    """Return the indices of the points that have markers, the first and the last among them."""
    if count <= _MOST_MARKERS:
        return list(range(count))
    return [round(k * (count - 1) / (_MOST_MARKERS - 1)) for k in range(_MOST_MARKERS)]


def _steps(points: Sequence[tuple[float, float]]) -> str:
    """Return the path through points, interrupted where one is nowhere."""
    found, is_down = [], False
    for x, y in points:
        if math.isfinite(y):
            found.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}")
        is_down = math.isfinite(y)
    return "".join(found)


def _path(
    steps: str, color: str, dashes: Sequence[float], wide: float, opacity: float = 1.0
) -> str:
    dashed = f' stroke-dasharray="{" ".join(f"{each:g}" for each in dashes)}"' if dashes else ""
    seen = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<path d="{steps}" fill="none" stroke="{color}" stroke-width="{wide:g}"{dashed}{seen}/>'


def _marker(x: float, y: float, number: int, said: str) -> str:
    """Return the marker of a series at a point, which says its value where a pointer rests."""
    shapes = {
        "circle": "m-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z",
        "square": "m-{r} -{r}h{d}v{d}h-{d}z",
        "triangle": "m0 -{d}l{d} {t}h-{f}z",
        "diamond": "m0 -{d}l{d} {d}l-{d} {d}l-{d} -{d}z",
        "cross": "m-{r} -{r}l{d} {d}m0 -{d}l-{d} {d}",
        "down": "m0 {d}l{d} -{t}h-{f}z",
    }
    kind = style.marker(number)
    r = _SIZE if kind in ("circle", "square", "cross") else 0.7 * _SIZE
    sizes = {"r": f"{0.85 * r:g}", "d": f"{1.7 * r:g}", "t": f"{2.9 * r:g}", "f": f"{3.4 * r:g}"}
    steps = f"M{x:.1f} {y:.1f}" + shapes[kind].format(**sizes)
    told = f"<title>{escape(said)}</title>" if said else ""
    color = style.color(number)
    return f'<path d="{steps}" fill="{color}" stroke="{color}" stroke-width="1.4">{told}</path>'
