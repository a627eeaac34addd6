"""Options, errors, progress bars and tables that the commands share."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of tables.")]
Model = Annotated[
    str,
    typer.Argument(
        help="A built-in model, or the path of a manifest (JSON), a safetensors file, an index, "
        "a config.json of transformers, or a folder with one of the last three.",
        show_default=False,
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        help="A built-in recipe or a JSON file.  [default: the model's own, else default]",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="An integer from 0 to 2**64 - 1.")]
DtypeOption = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        help="The dtype of all floating-point tensors.  [default: the recipe's, else the "
        "manifest's, else float32]",
        show_default=False,
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        help="Only tensors whose names match this pattern: * stands for anything without dots, "
        "** for anything.",
        show_default=False,
    ),
]

_MOST = 50  # findings that are printed
FAILED, WRONG, INTERRUPTED = 1, 2, 130  # exit codes; the last is the shell's for SIGINT


def print_json(data: Any) -> None:
    """Print data on one line."""
    typer.echo(json.dumps(data, ensure_ascii=False))


@contextlib.contextmanager
def errors(interrupted: str = "interrupted") -> Iterator[None]:
    """Turn errors in the arguments or of the disk into one line and an exit code."""
    try:
        yield
    except (OSError, TypeError, ValueError, ModuleNotFoundError) as error:
        text = error.strerror if isinstance(error, OSError) and error.filename is None else None
        typer.echo(f"fastinit: error: {text or error}", err=True)
        raise typer.Exit(WRONG) from None
    except KeyboardInterrupt:
        typer.echo(f"fastinit: {interrupted}", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextlib.contextmanager
def progress(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Return what to call with the bytes that are done: it moves a bar if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress as bars
    from rich.console import Console

    with bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=24),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda size: bar.advance(task, size)


def print_table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as wide as the terminal; a column is (title, whether its cells are numbers)."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title, is_number in columns:
        justify = "right" if is_number else "left"
        table.add_column(title, justify=justify, no_wrap=is_number, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def print_findings(found: Sequence[tuple[str, str]]) -> None:
    """Print names, each with a text below it; only the first ones, if there are many."""
    for name, text in found[:_MOST]:
        typer.echo(f"{name}\n    {text}")
    if len(found) > _MOST:
        typer.echo(f"and {len(found) - _MOST:,} more; --json prints all")


def bytes_text(size: int) -> str:
    """Return a size in readable form."""
    for factor, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size} bytes"
