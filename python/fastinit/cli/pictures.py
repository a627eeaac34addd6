"""``--plot`` and ``--html``: pictures of a report, in files that appear whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from fastinit.checkpoints.atomic_file import write_whole
from fastinit.plots.figure import check_matplotlib
from fastinit.plots.report import Report

PlotOption = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="PATH",
        help="Draw charts into this file: .png, .svg or .pdf. It needs matplotlib.",
        show_default=False,
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="PATH",
        help="Write charts and tables to this HTML file, which needs no other and no network.",
        show_default=False,
    ),
]


def check_paths(plot: Path | None, html: Path | None) -> None:
    """Check what can be checked before the work.

    Raises:
        ModuleNotFoundError: matplotlib is needed, and not installed.
        ValueError: the name does not say a format that matplotlib writes, or there is no such
            folder.
    """
    if plot is not None:
        check_matplotlib()
        from matplotlib.backend_bases import FigureCanvasBase

        known = FigureCanvasBase.get_supported_filetypes()
        if _format(plot) not in known:
            raise ValueError(f"--plot {plot} does not end in one of .{', .'.join(sorted(known))}")
    for path in (plot, html):
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"{path} is in a folder that does not exist; make {path.parent} first")


def write(report: Report, plot: Path | None, html: Path | None) -> None:
    """Write the pictures of a report that are asked for.

    Raises:
        ValueError: there is nothing to plot.
    """
    if plot is not None:
        if not report.charts():
            raise ValueError(f"--plot {plot} has nothing to draw here; pass --html for a page")
        from matplotlib.figure import Figure

        content = io.BytesIO()
        drawn = report.plot(Figure(layout="constrained"))
        drawn.savefig(content, format=_format(plot))
        write_whole(plot, content.getvalue())
    if html is not None:
        report.html(html)


def _format(path: Path) -> str:
    return path.suffix.removeprefix(".").casefold()
