"""Tables, paragraphs and reports as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import typer

from fastinit.folding import Column, folded_rows
from fastinit.plots import terminal
from fastinit.plots.report import Report


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns that fit the terminal are not folded."""
    from rich.console import Console

    console = Console(highlight=False)
    head, lines = folded_rows(columns, rows, console.width)
    for line in terminal.styled_table(head, lines, ascii_only=console.options.ascii_only):
        console.print(line, no_wrap=True, crop=False)


def print_report(report: Report) -> None:
    """Print the summary of a report; a file gets each sentence on one line."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print(report, crop=False, soft_wrap=not console.is_terminal)


def print_text(text: str) -> None:
    """Print a paragraph; a terminal gets it folded at spaces, a file on one line."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        text = textwrap.fill(text, console.width, break_long_words=False, break_on_hyphens=False)
    typer.echo(text)
