"""A progress bar, where there is a terminal and ``rich``."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(
    title: str, unit: str, total: int, wanted: bool | None
) -> Iterator[Callable[[], None]]:
    """Show a progress bar where one is wanted; yield what advances it by one unit.

    Args:
        title: what is before the bar.
        unit: what is counted.
        total: how many of these there are.
        wanted: None means yes if standard error is a terminal and ``rich`` is installed.
    """
    if wanted is None:
        wanted = sys.stderr.isatty() and importlib.util.find_spec("rich") is not None
    if not wanted:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(unit)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)
