"""Summaries: the part of a report that is text."""

from __future__ import annotations

from dataclasses import dataclass

from fastinit.tables import Table


@dataclass(frozen=True)
class Summary:
    """A report without its charts.

    Attributes:
        title: the title.
        tables: the tables, each with its caption.
        subtitle: what the figures are, which pages say below the title.
        notes: sentences about the figures.
        verdicts: what is wrong, in words; None where nothing is judged.
    """

    title: str
    tables: tuple[tuple[str, Table], ...]
    subtitle: str = ""
    notes: tuple[str, ...] = ()
    verdicts: tuple[str, ...] | None = None
