"""Tables of text cells in a given width: cells fold where people would fold them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_GAP = 2  # columns between cells
_INDENT = 2  # of the second and later lines of a cell
_LEAST = 12  # columns that a cell keeps, however narrow the terminal is

Holds = Literal["name", "text", "number"]

# Where a cell may be folded: names after the dots between their parts and after bars, texts after
# spaces, bars and the bracket of an initializer. Numbers are not folded.
_FOLDS = {
    "name": re.compile(r"(?<=[\w*})\\]\.)(?=[\w*({])|(?<=[|/ ])"),
    "text": re.compile(r"(?<=[ |])(?!x )|(?<=\w\()(?=\w)"),  # 64 x 3 x 7: after each x
}


@dataclass(frozen=True)
class Column:
    """The title of a column, and what its cells hold."""

    title: str
    holds: Holds = "text"


def folded_rows(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int
) -> tuple[list[str], list[str]]:
    """Return the lines of the titles and those of the rows, without spaces at their ends.

    Args:
        columns: the columns.
        rows: the cells of each row.
        width: the width to which cells are folded, as far as they can be.
    """
    table = [[column.title for column in columns], *rows]
    widths = _widths(columns, table, width - _GAP * (len(columns) - 1))
    head, *body = (_lines(columns, widths, row) for row in table)
    return head, [line for row in body for line in row]


def _widths(columns: Sequence[Column], table: Sequence[Sequence[str]], room: int) -> list[int]:
    """Narrow, step by step, the column whose folding adds the fewest lines to the table."""
    cells = list(zip(*table, strict=True))
    widths = [max(map(len, each)) for each in cells]
    if sum(widths) <= room:
        return widths
    folds = [k for k, column in enumerate(columns) if column.holds != "number"]
    words = {k: _longest_word(cells[k], columns[k].holds) for k in folds}
    counts = [dict.fromkeys(each, 1) for each in cells]  # the lines of each cell at its width

    def narrowed(k: int) -> dict[str, int]:
        return {cell: len(folded(cell, widths[k] - 1, columns[k].holds)) for cell in counts[k]}

    def height(k: int, lines: dict[str, int]) -> int:
        every = (lines if k == each else counts[each] for each in range(len(columns)))
        lists = ([of[cell] for cell in each] for of, each in zip(every, cells, strict=True))
        return sum(map(max, zip(*lists, strict=True)))

    for least in (words, dict.fromkeys(folds, _LEAST)):  # words are folded where nothing else helps
        while sum(widths) > room and any(widths[k] > least[k] for k in folds):
            trials = {k: narrowed(k) for k in folds if widths[k] > least[k]}
            chosen = min(trials, key=lambda k: (height(k, trials[k]), -widths[k]))
            counts[chosen] = trials[chosen]
            widths[chosen] -= 1
    return widths


def _longest_word(cells: Sequence[str], holds: Holds) -> int:
    """Return the width below which a word would be folded."""
    return max(
        len(piece.rstrip()) + (_INDENT if k else 0)
        for cell in cells
        for k, piece in enumerate(_pieces(cell, holds))
    )


def _pieces(cell: str, holds: Holds) -> list[str]:
    """Return the pieces between which a cell may be folded."""
    return _FOLDS[holds].split(cell)


def _lines(columns: Sequence[Column], widths: list[int], row: Sequence[str]) -> list[str]:
    cells = []
    for column, width, cell in zip(columns, widths, row, strict=True):
        if column.holds == "number":
            cells.append([cell.rjust(width)])
        else:
            cells.append([line.ljust(width) for line in folded(cell, width, column.holds)])
    lines = []
    for parts in itertools.zip_longest(*cells):
        filled = (part or " " * width for part, width in zip(parts, widths, strict=True))
        lines.append((" " * _GAP).join(filled).rstrip())
    return lines


def folded(cell: str, width: int, holds: Holds) -> list[str]:
    """Return the lines of a cell; the second and later ones are indented."""
    if len(cell) <= width:
        return [cell]
    lines = [""]
    for piece in _pieces(cell, holds):
        if len((lines[-1] + piece).rstrip()) > width and lines[-1].strip():
            lines.append(" " * _INDENT)
        lines[-1] += piece
        while len(lines[-1].rstrip()) > width:  # a word that is longer than a line
            lines[-1:] = [lines[-1][:width], " " * _INDENT + lines[-1][width:]]
    return [line.rstrip() for line in lines]
