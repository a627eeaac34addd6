"""The table of ``growth.json``."""

from __future__ import annotations

from benchmarks.tables.text import Entries, Report, Rows, seconds, table, where

FILE = "growth.json"
_TASKS = {"vocabulary": "`resize_vocabulary` to {words:,} words", "upcycle": "`upcycle`, {experts}"}
_PLACES = {"memory": "from the page cache", "disk": "from the disk"}
_NOTE = (
    "What is read lies in the page cache, or on the disk alone, for fastinit and the copy alike. A "
    "copy finds no digests."
)


def headline(report: Report) -> Rows:  # noqa: ARG001
    """Return no row: the ratio depends on the disk as much as on fastinit."""
    return []


def section(report: Report) -> str:
    """Return the section: each task beside copies of its file."""
    conditions = (
        f"{where(report)} Plans from Llama-3.2-1B in bfloat16, in whole processes that compare "
        "the digests of the source, write the file with digests and wait for the disk; beside them "
        "copies of the written file by the same writer. `python -m benchmarks.growth`"
    )
    settings = report["settings"]
    names = {"experts": f"{settings['experts']} experts", "words": settings["words"]}
    rows = [
        _row(task, title.format(**names), report["results"])
        for task, title in _TASKS.items()
        if any(each["task"] == task for each in report["results"])
    ]
    head = ["", "file", "memory beyond the imports"]
    for place in _PLACES.values():
        head += [f"{place}: fastinit", "copy", "rate, of that"]
    return "\n\n".join(["## Plans from checkpoints", conditions, table(head, rows), _NOTE])


def _row(task: str, title: str, results: Entries) -> list[str]:
    found = {(each["reading"], each["library"]): each for each in results if each["task"] == task}
    own = found["memory", "fastinit"]
    row = [title, f"{own['size'] / 1e9:.1f} GB", f"{own['bytes']['median'] / 1e6:.0f} MB"]
    for reading in _PLACES:
        row += [seconds(found[reading, each]["seconds"]["median"]) for each in ("fastinit", "copy")]
        row.append(f"{found[reading, 'fastinit']['ratio']:.2f}")
    return row
