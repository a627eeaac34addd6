"""Heat maps and masks as SVG."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from fastinit.plots import style
from fastinit.plots.chart import HeatMap, Mask
from fastinit.plots.elements import LETTER, WIDTH, svg, text

_TOP = 34.0
_CELL = 30.0  # the height of a row of a heat map
_WIDEST_TITLE = 200.0  # of a row
_LINE = 14.0  # of the titles of columns
_MARGIN = 46.0  # around a mask


def heat_map(chart: HeatMap) -> str:
    """Return a heat map."""
    left = min(_WIDEST_TITLE, 14 + LETTER * max(map(len, chart.rows)))
    wide = min((WIDTH - left - 8) / len(chart.columns), 120.0)
    folded = [_folded(each, wide) for each in chart.columns]
    top = _TOP + _LINE * max(map(len, folded)) + 6
    parts = [text(8, 18, chart.title, weight="bold")]
    for k, lines in enumerate(folded):
        for n, line in enumerate(reversed(lines)):
            middle = left + wide * (k + 0.5)
            parts.append(text(middle, top - 8 - _LINE * n, line, anchor="middle"))
    for k, (title, values, texts) in enumerate(
        zip(chart.rows, chart.values, chart.texts, strict=True)
    ):
        y = top + _CELL * k
        parts.append(text(left - 8, y + _CELL / 2 + 4, title, anchor="end"))
        for n, (value, words) in enumerate(zip(values, texts, strict=True)):
            color, opacity = style.shade(value)
            x = left + wide * n
            parts.append(
                f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{wide - 2:.1f}" '
                f'height="{_CELL - 2:g}" rx="3" fill="{color}" fill-opacity="{opacity:.3f}" '
                'stroke="currentColor" stroke-opacity="0.2"/>'
            )
            parts.append(text(x + wide / 2, y + _CELL / 2 + 4, words, anchor="middle"))
    return svg(top + _CELL * len(chart.rows) + 8, chart.title, parts)


def mask(chart: Mask) -> str:
    """Return a mask: a path of a run of cells per row, without a border between cells."""
    columns = len(chart.rows[0])
    size = min((WIDTH - 2 * _MARGIN) / columns, 300.0 / len(chart.rows), 12.0)
    wide, high = size * columns, size * len(chart.rows)
    steps = "".join(_runs(chart, size))
    frame = f'x="{_MARGIN:g}" y="{_TOP:g}" width="{wide:.2f}" height="{high:.2f}"'
    parts = [
        text(_MARGIN, 18, chart.title, weight="bold"),
        f'<path d="{steps}" fill="{style.color(0)}"/>',
        f'<rect {frame} fill="none" stroke="currentColor" stroke-opacity="0.4"/>',
        text(_MARGIN + wide / 2, _TOP + high + 18, chart.x_label, anchor="middle"),
        text(_MARGIN - 12, _TOP + high / 2, chart.y_label, anchor="middle", turned=True),
    ]
    return svg(_TOP + high + 28, chart.title, parts)


def _runs(chart: Mask, size: float) -> Iterator[str]:
    for number, row in enumerate(chart.rows):
        column = 0
        for is_set, run in itertools.groupby(row):
            length = len(list(run))
            if is_set:
                x, y = _MARGIN + size * column, _TOP + size * number
                yield f"M{x:.2f} {y:.2f}h{size * length:.2f}v{size:.2f}h{-size * length:.2f}z"
            column += length


def _folded(title: str, wide: float) -> list[str]:
    """Return the title of a column in lines that are not wider than it, as far as it can be cut."""
    most = max(int(wide / LETTER) - 1, 6)
    lines = [""]
    for part in title.replace("_", "_\0").replace("(", "\0(").replace(" ", " \0").split("\0"):
        if lines[-1] and len(lines[-1] + part) > most:
            lines.append("")
        lines[-1] += part
    return [line if len(line) <= most else line[: most - 1] + "…" for line in lines]
