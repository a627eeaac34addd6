"""``fastinit diff``: compare two checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastinit import checkpoints
from fastinit.checkpoints.read import open_checkpoint
from fastinit.cli.shared import FAILED, Json, errors, print_findings, print_json, progress


def diff(
    left: Annotated[Path, typer.Argument(help="A safetensors file, an index or a folder.")],
    right: Annotated[Path, typer.Argument(help="The file, index or folder to compare it with.")],
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
    with errors(), progress("comparing", open_checkpoint(left).size) as advance:
        found = checkpoints.diff(left, right, progress=advance)
    if as_json:
        print_json(found.to_dict())
    else:
        _report(found)
    if not found.ok:
        raise typer.Exit(FAILED)


def _report(found: checkpoints.Comparison) -> None:
    findings = []
    for each in found.differences:
        place = each.mismatch
        first = f"\n    first {list(place.index)}: {place.left} and {place.right}" if place else ""
        findings.append((each.name, each.reason + first))
    print_findings(findings)
    typer.echo(f"{found.equal:,} tensors are equal, {len(found.differences):,} differ")
