"""The table of ``models.json``."""

from __future__ import annotations

from benchmarks.tables.text import Report, Rows, line, median, table, where

FILE = "models.json"
NOTES = (
    "A rate is the number of values over the median seconds. Compare rates within one run only.",
    "The time of fastinit includes planning, and its values do not depend on memory or threads.",
    "Before each timing in fresh memory, the same work is done once and its memory is freed (for "
    "transformers, as much memory is set to 1). Otherwise the host of a virtual machine may take "
    "seconds to find a gigabyte of pages, and not for every library alike.",
    "transformers draws with torch in one thread, and its constructor initializes every layer.",
)


def headline(report: Report) -> Rows:
    """Return the rows of the README: a model in fresh memory, compared with transformers."""
    task, rows = report["results"][0]["task"], report["results"]
    own, theirs = (
        median(rows, library=who, memory="fresh") for who in ("fastinit", "transformers")
    )
    return [line(f"{task}, `Plan.init()`", own, "transformers", theirs)]


def section(report: Report) -> str:
    """Return the section on touched and on fresh memory."""
    results = report["results"]
    conditions = (
        f"{where(report)} Medians of {report['settings']['repeats']} runs for the "
        f"{results[0]['values']} values of {results[0]['task']}. `python -m benchmarks.models`"
    )
    rows = []
    for memory, other in (("touched", "memset"), ("fresh", "memset"), ("fresh", "transformers")):
        own, theirs = (median(results, library=who, memory=memory) for who in ("fastinit", other))
        rows.append(line(f"{memory} memory", own, other, theirs))
    ratio = report["ratios"]["fresh / limit"]
    notes = (
        "Touched memory has been written before; fresh memory is new. In fresh memory fastinit "
        f"takes {ratio:.2f} times as long as the slower of `memset` in fresh memory and fastinit "
        "in touched memory, because the kernel first sets every page to zero, on the same "
        "processors that then draw. " + " ".join(NOTES)
    )
    shown = table(["", "fastinit", "compared with", "speedup"], rows)
    return "\n\n".join(["## A whole model in memory", conditions, shown, notes])
