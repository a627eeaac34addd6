"""The table of ``adapters.json``."""

from __future__ import annotations

from benchmarks.tables.text import Report, Rows, line, median, seconds, table, where

FILE = "adapters.json"
_KINDS = {"fastinit": "fastinit", "peft": "peft, a whole SVD", "peft, niter 4": "peft, niter 4"}


def headline(report: Report) -> Rows:
    """Return the row of the README: PiSSA beside peft's default."""
    own, theirs = (median(report["results"], library=who) for who in ("fastinit", "peft"))
    return [line(f"PiSSA, {_problem(report)}", own, "peft", theirs)]


def section(report: Report) -> str:
    """Return the section: seconds and errors."""
    conditions = (
        f"{where(report)} Medians. The principal part of a weight as an adapter (PiSSA), "
        f"{_problem(report)}. The error is the norm of what the adapter leaves, divided by the "
        "least that this rank allows. `python -m benchmarks.adapters`"
    )
    rows = [
        [
            _KINDS[each["library"]],
            seconds(each["seconds"]["median"]),
            seconds(each["seconds"]["minimum"]),
            seconds(each["seconds"]["maximum"]),
            f"{each['error']:.4f}",
        ]
        for each in report["results"]
    ]
    head = ["", "median", "minimum", "maximum", "error"]
    notes = [*report["notes"], "peft's randomized SVD has other bits in each process."]
    return "\n\n".join(["## Adapters", conditions, table(head, rows), " ".join(notes)])


def _problem(report: Report) -> str:
    size, rank = report["settings"]["size"], report["settings"]["rank"]
    return f"{size} x {size} at rank {rank}"
