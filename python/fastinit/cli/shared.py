"""What the commands share: their common options, errors, progress and tables."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Model = Annotated[
    str,
    typer.Argument(
        help="A built-in model, a manifest (JSON), a safetensors file or index, or a config.json.",
        show_default=False,
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        help="A built-in recipe or a JSON file; else the model's own, else default.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="From 0 to 2**64 - 1.")]
DtypeOption = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        help="Of all floats; else the recipe's or manifest's, or float32.",
        show_default=False,
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        help="Only tensors whose names match: * for anything but dots, ** for anything.",
        show_default=False,
    ),
]

_MOST = 50  # findings
FAILED, WRONG, INTERRUPTED = 1, 2, 130  # exit codes; the last as a shell has it for SIGINT


def print_json(data: Any) -> None:
    """Data on one line."""
    typer.echo(json.dumps(data, ensure_ascii=False))


@contextlib.contextmanager
def errors(interrupted: str = "interrupted") -> Iterator[None]:
    """Turn errors of what was asked for, or of the disk, into one line and an exit code."""
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
    """What to call with the bytes that are done: a bar on a terminal, nothing without one."""
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
    """A table of columns, (title, whether its cells are numbers), as wide as the terminal."""
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
    """A name and below it what is to be said of it, for as many as one reads."""
    for name, text in found[:_MOST]:
        typer.echo(f"{name}\n    {text}")
    if len(found) > _MOST:
        typer.echo(f"and {len(found) - _MOST:,} more; --json has all")


def bytes_text(size: int) -> str:
    """A size as a person reads it."""
    for factor, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size} bytes"
