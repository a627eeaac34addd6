"""The command line: ``fastinit init`` and ``fastinit info``."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from fastinit import native
from fastinit.checkpoints import Saved
from fastinit.plan import Plan

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help, whose examples keep their lines
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(native.info()["version"])
        raise typer.Exit


@app.callback()
def _fastinit(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Initial weights of neural networks, with the same bits on every machine.

    \b
    Examples:
      fastinit init gpt2 --out gpt2.safetensors
      fastinit info
    """  # noqa: D301  (\b is a character: click keeps the lines after it)


@app.command()
def init(
    model: Annotated[str, typer.Argument(help="A built-in model, or a manifest (JSON file).")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write.")],
    seed: Annotated[int, typer.Option(help="From 0 to 2**64 - 1.")] = 0,
    dtype: Annotated[
        str | None, typer.Option(help="Of all floats; else the manifest's, or float32.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="A built-in recipe or a JSON file; else that named like the model."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: _Json = False,
) -> None:
    """Draw a model by its recipe into a safetensors file.

    \b
    Examples:
      fastinit init gpt2 --out gpt2.safetensors
      fastinit init gpt2 --out gpt2.safetensors --seed 1 --dtype bfloat16 --force
      fastinit init my-model.json --recipe gpt2 --out my-model.safetensors --json
    """  # noqa: D301
    with _errors():
        plan = Plan(model, recipe, seed=seed, dtype=dtype)
        began = time.perf_counter()
        with _progress(sum(each.size for each in plan.tensors)) as advance:
            saved = plan.save(out, force=force, progress=advance)
        seconds = time.perf_counter() - began
    if as_json:
        facts = {"model": plan.manifest.model, "recipe": plan.recipe.name, "seed": plan.seed}
        typer.echo(json.dumps(facts | {"rules": plan.explain().by_rule()} | saved.to_dict()))
    else:
        _report(plan, saved, seconds)


@app.command()
def info(as_json: _Json = False) -> None:
    """Show what this installation is and what it uses here.

    \b
    Examples:
      fastinit info
      fastinit info --json
    """  # noqa: D301
    facts = native.info()
    if as_json:
        typer.echo(json.dumps(facts))
        return
    table = Table(box=None, show_header=False)
    for key, value in facts.items():
        table.add_row(key, ", ".join(value) if isinstance(value, list) else str(value))
    Console().print(table)


def _report(plan: Plan, saved: Saved, seconds: float) -> None:
    """What was drawn by which rule, and what became of it."""
    fields = ("pattern", "parameters", "elements", "distribution")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Pattern", overflow="fold")
    table.add_column("Tensors", justify="right")
    table.add_column("Elements", justify="right")
    table.add_column("Distribution", overflow="fold")
    rows = plan.explain().by_rule()
    for row in rows:
        table.add_row(*(rows.cell(row, field) for field in fields))
    Console().print(table)
    rate = f"{saved.size / 1e6:.1f} MB in {seconds:.2f} s, {saved.size / seconds / 1e6:.0f} MB/s"
    typer.echo(f"{saved.path}: {len(saved.digests)} tensors, {rate}")
    typer.echo(f"digest {saved.digest}")


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Turn errors of what was asked for, or of the disk, into one line and an exit code."""
    try:
        yield
    except (OSError, TypeError, ValueError) as error:
        typer.echo(f"fastinit: error: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("fastinit: interrupted; no file was written", err=True)
        raise typer.Exit(130) from None  # as a shell has it for SIGINT


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """What to call with the bytes that are done: a bar on a terminal, nothing without one."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("drawing", total=total)
        yield lambda size: bar.advance(task, size)
