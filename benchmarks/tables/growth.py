"""The table of ``growth.json``."""

from __future__ import annotations

from benchmarks.tables.text import Entries, Report, Rows, seconds, table, where

FILE = "growth.json"
_TASKS = {"vocabulary": "`resize_vocabulary` to {words:,} words", "upcycle": "`upcycle`, {experts}"}
_NOTE = (
    "A copy finds no digests. The fastest one finds the file in the page cache, since it has just "
    "been verified; the others read it from the disk, while the source of fastinit is small and "
    "stays in the cache."
)


def headline(report: Report) -> Rows:  # noqa: ARG001
    """Return no row: the ratio depends on the disk as much as on fastinit."""
    return []


def section(report: Report) -> str:
    """Return the section: each task beside copies of its file."""
    conditions = (
        f"{where(report)} Plans from Llama-3.2-1B in bfloat16, in whole processes that find the "
        "digests of the source, write the file with digests and wait for the disk; beside them "
        "copies of the written file by the same writer. `python -m benchmarks.growth`"
    )
    settings = report["settings"]
    names = {"experts": f"{settings['experts']} experts", "words": settings["words"]}
    rows = [
        _row(task, title.format(**names), report["results"])
        for task, title in _TASKS.items()
        if any(each["task"] == task for each in report["results"])
    ]
    head = ["", "file", "fastinit, median", "memory beyond the imports"]
    head += ["copy, median", "rate, of that", "copy, fastest", "rate, of that"]
    return "\n\n".join(["## Plans from checkpoints", conditions, table(head, rows), _NOTE])


def _row(task: str, title: str, results: Entries) -> list[str]:
    own, copy = (each for each in results if each["task"] == task)
    fastest, taken = copy["seconds"]["minimum"], own["seconds"]["median"]
    return [
        title,
        f"{own['size'] / 1e9:.1f} GB",
        seconds(taken),
        f"{own['bytes']['median'] / 1e6:.0f} MB",
        seconds(copy["seconds"]["median"]),
        f"{own['ratio']:.2f}",
        seconds(fastest),
        f"{fastest / taken:.2f}",
    ]
