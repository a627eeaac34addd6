"""The table of ``checkpoints.json``."""

from __future__ import annotations

from benchmarks.tables.text import Report, Rows, line, median, seconds, table, where

FILE = "checkpoints.json"


def headline(report: Report) -> Rows:
    """A model into a file, beside constant data."""
    results = report["results"]
    note = next(each["note"] for each in results if each["task"] == "save").partition(",")[0]
    own, constant = (median(results, task="save", library=who) for who in ("fastinit", "constant"))
    return [line(f"{note} to a file, digests, fsync", own, "constant data", constant)]


def section(report: Report) -> str:
    """One row a measurement."""
    conditions = (
        f"{where(report)} Medians. `python -m benchmarks.checkpoints` {' '.join(report['notes'])}"
    )
    rows = []
    for each in report["results"]:
        size = each.get("size")
        rate = size / each["seconds"]["median"] / 1e9 if size else None
        rows.append(
            [
                f"{each['task']}: {each['library']}, {each['note'].partition(';')[0]}",
                seconds(each["seconds"]["median"]),
                f"{rate:.2f} GB/s" if rate else "",
                f"{each['bytes']['median'] / 1e6:.0f} MB" if "bytes" in each else "",
            ]
        )
    head = ["", "seconds", "rate", "memory beyond the imports"]
    return "\n\n".join(["## Files", conditions, table(head, rows)])
