"""The base of all reports, which print, show themselves, are drawn, written and kept as data."""

from __future__ import annotations

import abc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from fastinit import records
from fastinit.plots import figure as figures
from fastinit.plots import terminal
from fastinit.plots.chart import Chart
from fastinit.plots.page import Page
from fastinit.plots.summary import Summary
from fastinit.tables import Table, on_screen, terminal_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console, ConsoleOptions
    from rich.text import Text


class Report(abc.ABC):
    """A result for people and programs.

    ``print`` shows a summary as wide as the terminal, with colors by ``rich.print``; a notebook
    shows the page by itself. A subclass says what was found in ``summary``, ``charts`` and
    ``details``.
    """

    __slots__ = ()

    @abc.abstractmethod
    def summary(self) -> Summary:
        """Return the title, tables and verdicts, which ``print`` shows."""

    def charts(self) -> tuple[Chart, ...]:
        """Return the charts, which ``plot`` and pages show."""
        return ()

    def details(self) -> tuple[tuple[str, Table], ...]:
        """Return further tables with their captions, which pages fold away."""
        return ()

    @abc.abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as JSON has it."""

    def page(self) -> Page:
        """Return the summary, charts and details as a page."""
        return Page(self.summary(), self.charts(), self.details())

    def plot(self, figure: Figure | None = None) -> Figure:
        """Draw the charts with matplotlib.

        Args:
            figure: a figure to draw into; None for a new one of pyplot.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
            ValueError: the report has no charts.
        """
        return figures.draw(self.charts(), figure)

    def html(self, path: str | os.PathLike[str]) -> None:
        """Write a page to an HTML file that needs no other, nor a network.

        The file appears whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        self.page().write(path)

    def __str__(self) -> str:
        return terminal.plain(self.summary(), terminal_size().columns)

    def __repr__(self) -> str:
        return on_screen(str(self))

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        return terminal.styled(self.summary(), options)

    def _repr_html_(self) -> str:
        return self.page().fragment()


class DataReport(Report):
    """A report that is a dataclass of numbers, texts, tuples and further dataclasses."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; NaN and infinities are as in ``fastinit.records``."""
        return records.to_data(self)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return the report that ``to_dict`` described.

        Raises:
            ValueError: A field is missing or unknown.
        """
        return records.from_data(cls, data)
