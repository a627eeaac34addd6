"""The table of ``models.json``."""

from __future__ import annotations

from benchmarks.tables.text import Report, Rows, line, median, table, where

FILE = "models.json"


def headline(report: Report) -> Rows:
    """A whole model in new memory, beside transformers."""
    task, rows = report["results"][0]["task"], report["results"]
    own, theirs = (
        median(rows, library=who, memory="fresh") for who in ("fastinit", "transformers")
    )
    return [line(f"{task}, `Plan.init()`", own, "transformers", theirs)]


def section(report: Report) -> str:
    """Memory that has been written before, and new memory."""
    results = report["results"]
    conditions = (
        f"{where(report)} Median of {report['settings']['repeats']}, {results[0]['values']} values "
        f"({results[0]['task']}). `python -m benchmarks.models`"
    )
    rows = []
    for memory, other in (("touched", "memset"), ("fresh", "memset"), ("fresh", "transformers")):
        own, theirs = (median(results, library=who, memory=memory) for who in ("fastinit", other))
        rows.append(line(f"{memory} memory", own, other, theirs))
    ratio = report["ratios"]["fresh / limit"]
    notes = (
        f"New memory takes {ratio:.2f} times the larger of its own `memset` and the draw into "
        "memory that is there: the kernel sets every page to zero first, on the same processors "
        "that then draw. " + " ".join(report["notes"])
    )
    shown = table(["", "fastinit", "beside", ""], rows)
    return "\n\n".join(["## A whole model in memory", conditions, shown, notes])
