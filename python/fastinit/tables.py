"""Tables of text cells as plain text and as HTML, cut to what can be seen at once; and counts."""

from __future__ import annotations

import html
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from fastinit.folding import Column, folded_rows

_GAP, _LEFT_OUT = "  ", "..."
_NARROWEST = 8  # characters to which a column may be cut
_MOST_HTML_ROWS = 40
_LONGEST_LINE = 60  # characters of an HTML cell that is not wrapped
_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))


@dataclass(frozen=True)
class Table:
    """Rows of text under titles.

    Attributes:
        titles: the titles of the columns; all "" for a table without.
        rows: the cells of each row.
        numbers: the titles of columns that are aligned to the right and not folded.
        names: the titles of columns whose cells are folded after dots, as names of modules are.
    """

    titles: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def without_empty(self, title: str) -> Table:
        """Return the table without a column, if all of its cells are empty."""
        place = list(self.titles).index(title)
        return self if any(row[place] for row in self.rows) else self._without(title)

    def columns(self) -> list[Column]:
        """Return the columns, as folding takes them."""
        return [
            Column(
                title,
                "number" if title in self.numbers else "name" if title in self.names else "text",
            )
            for title in self.titles
        ]

    def folded(self, width: int) -> tuple[list[str], list[str]]:
        """Return the lines of the titles, none without them, and those of the rows."""
        head, body = folded_rows(self.columns(), self.rows, width)
        return head if any(self.titles) else [], body

    def text(self) -> str:
        """Return all rows, one line each."""
        widths = self._widths()
        return "\n".join(self._line(line, widths) for line in (self.titles, *self.rows))

    def screen(self, how_to_see_all: str, optional: Sequence[str] = ()) -> str:
        """Return the first and the last rows, as many and as wide as the terminal has room for.

        Args:
            how_to_see_all: What to call for the rows that are left out.
            optional: Columns to leave out where the terminal is too narrow, in this order; cells
                are shortened only where that is not enough.
        """
        size = terminal_size()
        first, last = _cut(len(self.rows), size.lines - 5)
        rows = [*self.rows[:first], *self.rows[len(self.rows) - last :]]
        table = Table(self.titles, rows, self.numbers, self.names)
        for title in optional:
            if sum(table._widths()) + len(_GAP) * (len(table.titles) - 1) > size.columns:
                table = table._without(title)
        widths = _fitted(table._widths(), size.columns)
        lines = [_shortened(line, widths) for line in (table.titles, *table.rows)]
        shown = [table._line(line, widths) for line in lines]
        if left_out := len(self.rows) - len(rows):
            note = f"... {left_out:,} more rows; {how_to_see_all} ..."
            shown.insert(1 + first, note[: size.columns])
        return "\n".join(shown)

    def html(self, caption: str, most: int | None = _MOST_HTML_ROWS) -> str:
        """Return the first and the last rows, at most this many, as HTML; None for all rows.

        The table has the colors of its page.
        """
        heading = f"<p>{html.escape(caption)}</p>" if caption else ""
        if not self.rows:
            return f"<div>{heading}</div>"
        first, last = _cut(len(self.rows), len(self.rows) if most is None else most)
        body = [self._html_row("td", row) for row in self.rows[:first]]
        if left_out := len(self.rows) - first - last:
            cell = f'<td colspan="{len(self.titles)}">... {left_out:,} more rows ...</td>'
            body.append(f"<tr>{cell}</tr>")
        body += [self._html_row("td", row) for row in self.rows[len(self.rows) - last :]]
        head = f"<thead>{self._html_row('th', self.titles)}</thead>" if any(self.titles) else ""
        return f"<div>{heading}<table>{head}<tbody>{''.join(body)}</tbody></table></div>"

    def _widths(self) -> list[int]:
        lines = (self.titles, *self.rows)
        return [max(map(len, column)) for column in zip(*lines, strict=True)]

    def _without(self, title: str) -> Table:
        kept = [k for k, each in enumerate(self.titles) if each != title]
        rows = [[row[k] for k in kept] for row in self.rows]
        return Table([self.titles[k] for k in kept], rows, self.numbers, self.names)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        aligned = [
            cell.rjust(width) if title in self.numbers else cell.ljust(width)
            for cell, width, title in zip(cells, widths, self.titles, strict=True)
        ]
        return _GAP.join(aligned).rstrip()

    def _html_row(self, tag: str, cells: Sequence[str]) -> str:
        row = ""
        for title, cell in zip(self.titles, cells, strict=True):
            side = "right" if title in self.numbers else "left"
            wrapping = "nowrap" if len(cell) <= _LONGEST_LINE else "normal"
            style = f"text-align: {side}; white-space: {wrapping}"
            row += f'<{tag} style="{style}">{html.escape(cell)}</{tag}>'
        return f"<tr>{row}</tr>"


def terminal_size() -> os.terminal_size:
    """Return the columns and lines of the terminal; 100 and 24 where there is none."""
    return shutil.get_terminal_size((100, 24))


def on_screen(text: str) -> str:
    """Return the first and the last lines of a report, as many as the terminal has room for."""
    lines = text.splitlines()
    first, last = _cut(len(lines), terminal_size().lines - 3)
    if left_out := len(lines) - first - last:
        note = f"... {left_out:,} more lines; print() shows all ..."
        return "\n".join([*lines[:first], note, *lines[len(lines) - last :]])
    return text


def _cut(count: int, most: int) -> tuple[int, int]:
    """Return how many rows of ``count`` are shown from the beginning, and from the end."""
    room = max(most, 5)
    if count <= room:
        return count, 0
    last = room // 3
    return room - last - 1, last


def _fitted(widths: list[int], columns: int) -> list[int]:
    """Return widths of which the largest are reduced until they fit, if they can."""
    room = columns - len(_GAP) * (len(widths) - 1)
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _shortened(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell if len(cell) <= width else _without_middle(cell, width - len(_LEFT_OUT))
        for cell, width in zip(cells, widths, strict=True)
    ]


def _without_middle(text: str, kept: int) -> str:
    last = kept // 2
    return f"{text[: kept - last]}{_LEFT_OUT}{text[len(text) - last :]}"


def count_text(count: int) -> str:
    """Return a count in three digits and a unit, as "124 M"; a small one exactly.

    Example:
        >>> from fastinit.tables import count_text
        >>> count_text(124_439_808), count_text(8_030_261_248), count_text(4096)
        ('124 M', '8.03 B', '4,096')
    """
    for factor, unit in _UNITS:
        if count >= max(factor, 10_000):
            value = count / factor
            return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"
    return f"{count:,}"


def bytes_text(size: int) -> str:
    """Return a size in bytes in readable form.

    Example:
        >>> from fastinit.tables import bytes_text
        >>> bytes_text(8_030_261_248), bytes_text(512)
        ('8.03 GB', '512 bytes')
    """
    for factor, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size} bytes"


def listed(texts: Sequence[str], most: int = 10) -> str:
    """Return the first of some texts for a message, and how many more there are.

    Example:
        >>> from fastinit.tables import listed
        >>> listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, as "1 tensor" and "2 tensors"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
