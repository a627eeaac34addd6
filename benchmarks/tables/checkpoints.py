"""The table of ``checkpoints.json``."""

from __future__ import annotations

from benchmarks.tables.text import Report, Rows, line, median, seconds, table, where

FILE = "checkpoints.json"
NOTES = (
    "Every run writes a new file and waits for the disk (fsync). The file is removed, and the "
    "removal is written, before the next run.",
    "Disks and virtual machines are noisy. Compare ratios within one run only.",
)


def headline(report: Report) -> Rows:
    """Return the rows of the README: a model in a file, compared with constant data."""
    results = report["results"]
    note = next(each["note"] for each in results if each["task"] == "save").partition(",")[0]
    own, constant = (median(results, task="save", library=who) for who in ("fastinit", "constant"))
    return [line(f"{note} to a file, with digests and fsync", own, "constant data", constant)]


def section(report: Report) -> str:
    """Return the section, with one row per measurement."""
    conditions = f"{where(report)} Medians. `python -m benchmarks.checkpoints`"
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
    return "\n\n".join(["## Checkpoint files", conditions, table(head, rows), " ".join(NOTES)])
