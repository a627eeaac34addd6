"""``fastinit verify``: compare a checkpoint with what its plan draws."""

from __future__ import annotations

from collections.abc import Hashable

import typer

from fastinit.checkpoints.read import open_checkpoint
from fastinit.checkpoints.verify import (
    DIFFERS,
    DRAWN,
    FOREIGN,
    HEADER_CHANGED,
    VERIFIED,
    Checked,
    Verification,
)
from fastinit.cli.groups import print_tensors
from fastinit.cli.options import Checkpoint, DeviceOption, Every, Json, Quiet, Threads
from fastinit.cli.shared import (
    FAILED,
    MOST,
    errors,
    limited,
    print_json,
    progress,
    without_bits,
)
from fastinit.cli.tables import print_text
from fastinit.folding import Column
from fastinit.plans import files
from fastinit.tables import plural

_CODES = {VERIFIED: 0, DIFFERS: FAILED, FOREIGN: 3, HEADER_CHANGED: 4}
_MEANINGS = {
    VERIFIED: "verified",
    DIFFERS: "NOT verified: not all as drawn",
    FOREIGN: "NOT verified: foreign, since it carries no plan of fastinit",
    HEADER_CHANGED: "NOT verified: header changed after fastinit wrote it",
}


def verify(
    path: Checkpoint,
    device: DeviceOption = "cpu",
    threads: Threads = None,
    every: Every = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Draw a checkpoint again, and compare every bit.

    The plan is in the files; the digests there are not trusted. A tensor is as drawn, differs, is
    missing, or is unknown, if no plan names it.

    \b
    Examples:
      fastinit verify gpt2.safetensors
      fastinit verify llama --all
      fastinit verify llama/model.safetensors.index.json --json

    Exit codes: 0 verified; 1 tensors differ; 2 wrong usage or an error; 3 foreign: there is no
    plan to compare with; 4 the header was changed, but no tensor.
    """  # noqa: D301
    with (
        errors(),
        limited(threads),
        progress("verifying", open_checkpoint(path).size, quiet) as advance,
    ):
        found = files.verify(path, device=device, progress=advance)
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        _report(found, every)
    if found.verdict != VERIFIED:
        raise typer.Exit(_CODES[found.verdict])


def _report(found: Verification, every: bool) -> None:
    print_tensors(
        [each for each in found.tensors if each.status != DRAWN],
        [Column("Status"), Column("How")],
        name=lambda each: each.name,
        key=_kind,
        cells=_cells,
        every=every,
        most=MOST,
    )
    for problem in found.problems:
        print_text(problem)
    counts = ", ".join(f"{count:,} {status}" for status, count in found.counts.items() if count)
    print_text(f"{found.path}: {counts}: {_MEANINGS[found.verdict]}")


def _kind(each: Checked) -> Hashable:
    return each.status, each.reason, each.mismatch is None


def _cells(group: list[Checked]) -> tuple[str, str]:
    first = group[0]
    places = [each.mismatch for each in group if each.mismatch is not None]
    if not places:
        return first.status, first.reason or ""
    count = sum(place.count for place in places)
    there, drawn = without_bits(places[0].right, places[0].left)
    where = f"first {list(places[0].index)}: {there}, drawn {drawn}"
    return first.status, f"{plural(count, 'element')}; {where}"
