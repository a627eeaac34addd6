"""Exit codes, errors, progress bars and output that the commands share."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import typer

from fastinit.native.cpu import set_num_threads

FAILED, WRONG, INTERRUPTED = 1, 2, 130  # exit codes; the last is the shell's for SIGINT
MOST = 50  # lines of findings that are printed without --all

# Arguments of Python at the beginning of a message (elsewhere, they may be fields of a file), and
# the flags that they are here; the device, anywhere; and what only a program can do.
_FLAGS = {
    "seed": "--seed",
    "dtype": "--dtype",
    "only": "--only",
    "max_shard_size": "--shard-size",
    "architecture": "--architecture",
    "depth": "--depth",
    "initializer": "--init",
    "layer": "--layer",
    "normalization": "--normalization",
    "optimizer": "--optimizer",
    "sigma_b": "--sigma-b",
    "width": "--width",
}
_ARGUMENT = re.compile(rf"({'|'.join(_FLAGS)})=('[^']*'|\S+)")
_DEVICE = re.compile(r"device='?([^'\s]*)'?")
_HINT = re.compile(r"\w+=\S+ \((--[^)]+)\)")  # "force=True (--force)"
_TO_PASS = re.compile(r"\b(architecture|depth)=(?=[,;)]|$)")  # "pass depth="
_PROGRAMS_ONLY = re.compile(
    r",? or pass out=[^;]*|; or pass a function$|, or an initializer object$"
)


def print_json(data: Any) -> None:
    """Print data on one line."""
    typer.echo(json.dumps(data, ensure_ascii=False))


def in_words_of_the_shell(message: str) -> str:
    """Return the message of an error with flags in the places of Python's arguments."""
    if found := _ARGUMENT.match(message):
        message = f"{_FLAGS[found[1]]} {found[2].strip(chr(39))}{message[found.end() :]}"
    message = _TO_PASS.sub(r"--\1", message).replace("pass activation=,", "pass ACTIVATION,")
    return _PROGRAMS_ONLY.sub("", _DEVICE.sub(r"--device \1", _HINT.sub(r"\1", message)))


@contextlib.contextmanager
def errors(interrupted: str = "interrupted") -> Iterator[None]:
    """Turn errors in the arguments, of the disk, of memory or of a GPU into one line and a code."""
    try:
        yield
    except typer.Exit:  # which is a RuntimeError
        raise
    except (
        OSError,
        TypeError,
        ValueError,
        RuntimeError,
        MemoryError,
        ModuleNotFoundError,
    ) as error:
        text = error.strerror if isinstance(error, OSError) and error.filename is None else None
        typer.echo(f"fastinit: error: {in_words_of_the_shell(text or str(error))}", err=True)
        raise typer.Exit(WRONG) from None
    except KeyboardInterrupt:
        typer.echo(f"fastinit: {interrupted}", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextlib.contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Draw with at most this many threads; None for the default."""
    if threads is None:
        yield
        return
    set_num_threads(threads)
    try:
        yield
    finally:
        set_num_threads(None)


@contextlib.contextmanager
def progress(doing: str, total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Return what to call with the bytes that are done: it moves a bar if stderr is a terminal."""
    if quiet or not sys.stderr.isatty():
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


def without_bits(one: str, other: str) -> tuple[str, str]:
    """Return two values of a mismatch without the bits in brackets, if they read differently."""
    short = one.partition(" (")[0], other.partition(" (")[0]
    return short if short[0] != short[1] else (one, other)
