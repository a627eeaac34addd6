"""``fastinit diff``: compare two checkpoints."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated

import typer

from fastinit import checkpoints
from fastinit.checkpoints.diff import Pair
from fastinit.checkpoints.read import open_checkpoint
from fastinit.cli.groups import print_tensors
from fastinit.cli.options import Checkpoint, Every, Json, Quiet, Threads
from fastinit.cli.shared import (
    FAILED,
    MOST,
    errors,
    limited,
    print_json,
    progress,
    without_bits,
)
from fastinit.folding import Column
from fastinit.tables import plural


def diff(
    left: Checkpoint,
    right: Annotated[
        Path,
        typer.Argument(
            metavar="OTHER",
            help="The file, index or folder to compare it with.",
            show_default=False,
        ),
    ],
    threads: Threads = None,
    every: Every = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compare two checkpoints, tensor by tensor and bit by bit.

    They may be from any source. Tensors are matched by name, not by the file that they are in.

    \b
    Examples:
      fastinit diff one.safetensors other.safetensors
      fastinit diff llama-in-one-file.safetensors llama-in-shards --json

    \b
    Exit codes: 0 they are equal, 1 they differ, 2 wrong usage or an error.
    """  # noqa: D301
    with (
        errors(),
        limited(threads),
        progress("comparing", open_checkpoint(left).size, quiet) as advance,
    ):
        found = checkpoints.diff(left, right, progress=advance)
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        _report(found, every)
    if not found.ok:
        raise typer.Exit(FAILED)


def _report(found: checkpoints.Comparison, every: bool) -> None:
    print_tensors(
        found.differences,
        [Column("How")],
        name=lambda each: each.name,
        key=_kind,
        cells=_cells,
        every=every,
        most=MOST,
    )
    typer.echo(f"{found.equal:,} tensors are equal, {len(found.differences):,} differ")


def _kind(each: Pair) -> Hashable:
    return each.reason if each.mismatch is None else None


def _cells(group: list[Pair]) -> tuple[str]:
    places = [each.mismatch for each in group if each.mismatch is not None]
    if not places:
        return (group[0].reason,)
    count = sum(place.count for place in places)
    one, other = without_bits(places[0].left, places[0].right)
    return (f"{plural(count, 'element')}; first {list(places[0].index)}: {one} and {other}",)
