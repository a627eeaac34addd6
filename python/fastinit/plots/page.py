"""Reports as pages: one HTML file that needs nothing else, or a part of a notebook."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from fastinit import checks, package
from fastinit.checkpoints.atomic_file import write_whole
from fastinit.plots import svg
from fastinit.plots.chart import Chart
from fastinit.plots.summary import Summary
from fastinit.tables import Table

_MOST_VERDICTS = 8  # that are not folded
_MOST_ROWS = 40  # of a table in a notebook
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;
  margin: 0 auto; max-width: 1200px; padding: 24px; color: #1b1f24; background: #ffffff; }
@media (prefers-color-scheme: dark) { body { color: #e6e9ed; background: #14171c; } }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; }
footer { margin-top: 32px; font-size: 13px; opacity: 0.7; }
"""
_PARTS = """
.fastinit .verdicts { padding: 0; margin: 16px 0; list-style: none; }
.fastinit .verdicts li { margin: 6px 0; padding: 6px 12px; border-left: 4px solid #e67110; }
.fastinit .verdicts li.ok { border-left-color: #2b7553; }
.fastinit .charts { display: grid; gap: 24px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.fastinit summary { cursor: pointer; margin: 12px 0; }
.fastinit .table { overflow-x: auto; }
.fastinit table { border-collapse: collapse; font-size: 13px; }
.fastinit th, .fastinit td { padding: 3px 10px; font-variant-numeric: tabular-nums; }
.fastinit tbody tr { border-top: 1px solid rgba(128, 128, 128, 0.3); }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Page:
    """A report, to be shown in a browser or a notebook.

    Attributes:
        summary: its title, tables and verdicts.
        charts: its charts.
        details: further tables with their captions, which open at a click.
    """

    summary: Summary
    charts: tuple[Chart, ...]
    details: tuple[tuple[str, Table], ...]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which appears whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        write_whole(checks.path(path, "path"), self.html().encode())

    def html(self) -> str:
        """Return the page, which is HTML and XML at once."""
        version = f"{package.NAME} {package.version()}"
        title = escape(self.summary.title)
        return (
            '<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" lang="en">\n<head>\n'
            '<meta charset="utf-8"/>\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
            f'<link rel="icon" href="data:,"/>\n<title>{title}</title>\n'
            f'<style>{_STYLE}{_PARTS}</style>\n</head>\n<body class="fastinit">\n'
            f"<h1>{title}</h1>\n{_paragraph(self.summary.subtitle)}{self._content(None)}"
            f"<footer>{escape(version)}</footer>\n</body>\n</html>\n"
        )

    def fragment(self) -> str:
        """Return the page as a part of a notebook, with the first and last rows of its tables."""
        head = f"<p><strong>{escape(self.summary.title)}</strong></p>"
        head += _paragraph(self.summary.subtitle)
        shown = self._content(_MOST_ROWS)
        return f'<div class="fastinit"><style>{_PARTS}</style>{head}{shown}</div>'

    def _content(self, most: int | None) -> str:
        parts = [*_verdicts(self.summary.verdicts), *map(_paragraph, self.summary.notes)]
        if self.charts:
            drawn = "".join(f"<div>{svg.draw(each)}</div>\n" for each in self.charts)
            parts.append(f'<div class="charts">\n{drawn}</div>')
        parts += [_table(caption, each, most) for caption, each in self.summary.tables]
        for caption, table in self.details:
            parts.append(_folded(caption, _table("", table, most)))
        return "\n".join(parts) + "\n"


def _verdicts(verdicts: tuple[str, ...] | None) -> Iterator[str]:
    """Yield the list of verdicts, folded if it is long; nothing where nothing is judged."""
    if verdicts is None:
        return
    said = [f"<li>{escape(each)}</li>" for each in verdicts]
    said = said or ['<li class="ok">Nothing is wrong.</li>']
    found = f'<ul class="verdicts">{"".join(said)}</ul>'
    is_long = len(said) > _MOST_VERDICTS
    yield _folded(f"{len(said)} verdicts", found) if is_long else found


def _table(caption: str, table: Table, most: int | None) -> str:
    return f'<div class="table">{table.html(caption, most)}</div>'


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n" if text else ""


def _folded(title: str, content: str) -> str:
    """Return content that opens at a click on its title."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"
