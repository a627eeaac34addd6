"""Reports that users may plot, write as HTML and see in notebooks."""

from __future__ import annotations

import abc
import os
from typing import TYPE_CHECKING

from fastinit.plots.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Report(abc.ABC):
    """A report of which ``page`` has the charts and tables."""

    @abc.abstractmethod
    def page(self) -> Page:
        """Return the charts and tables, of which ``plot`` and ``html`` make pictures."""

    def plot(self, figure: Figure | None = None) -> Figure:
        """Draw the charts with matplotlib.

        Args:
            figure: a figure of matplotlib to draw into; None for a new one of pyplot.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        return self.page().figure(figure)

    def html(self, path: str | os.PathLike[str]) -> None:
        """Write charts, verdicts and tables to an HTML file that needs no other, nor a network.

        Raises:
            OSError: it cannot be written.
        """
        self.page().write(path)

    def _repr_html_(self) -> str:
        return self.page().fragment()
