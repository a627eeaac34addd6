"""``fastinit verify``: compare a checkpoint with what its plan draws."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastinit.checkpoints.read import open_checkpoint
from fastinit.checkpoints.verify import DRAWN, Verification
from fastinit.cli.shared import FAILED, Json, errors, print_findings, print_json, progress
from fastinit.plans import files


def verify(
    path: Annotated[Path, typer.Argument(help="A safetensors file, an index or a folder.")],
    as_json: Json = False,
) -> None:
    """Draw a checkpoint again, and compare every bit.

    The plan is in the files; the digests there are not trusted. A tensor is as drawn, differs, is
    missing, or is unknown, if no plan names it.

    \b
    Examples:
      fastinit verify gpt2.safetensors
      fastinit verify llama
      fastinit verify llama/model.safetensors.index.json --json

    \b
    Exit codes: 0 all as drawn, 1 not all, 2 wrong usage or an error.
    """  # noqa: D301
    with errors(), progress("verifying", open_checkpoint(path).size) as advance:
        found = files.verify(path, progress=advance)
    if as_json:
        print_json(found.to_dict())
    else:
        _report(found)
    if not found.ok:
        raise typer.Exit(FAILED)


def _report(found: Verification) -> None:
    findings = []
    for each in found.tensors:
        text = each.reason or ""
        if (place := each.mismatch) is not None:
            text = (
                f"{place.count:,} of its elements\n"
                f"    first {list(place.index)}: {place.right}, drawn {place.left}"
            )
        if each.status != DRAWN:
            findings.append((each.name, f"{each.status}: {text}"))
    print_findings(findings)
    for problem in found.problems:
        typer.echo(problem)
    counts = ", ".join(f"{count:,} {status}" for status, count in found.counts.items() if count)
    typer.echo(f"{found.path}: {counts}: {'verified' if found.ok else 'NOT verified'}")
