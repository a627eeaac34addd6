"""The table of ``torch_init.json``."""

from __future__ import annotations

from benchmarks.tables.text import (
    NONE,
    Entries,
    Report,
    Rows,
    median,
    seconds,
    table,
    threads,
    times,
    where,
)

FILE = "torch_init.json"


def headline(report: Report) -> Rows:
    """Return the rows of the README: the most used functions, and models."""
    results: Entries = report["results"]
    rows = []
    for task, part in (
        ("trunc_normal_", "large"),
        ("kaiming_uniform_", "large"),
        *((task, "model") for task in _tasks(results, "model")),
    ):
        own, theirs = (
            median(results, task=task, part=part, library=who) for who in ("fastinit", "torch")
        )
        if own is not None and theirs is not None:
            name = (
                f"{task}, built in `accelerate()`" if part == "model" else f"`{task}`, 8192 x 8192"
            )
            rows.append([name, seconds(own), f"torch {seconds(theirs)}", times(theirs, own)])
    return rows


def section(report: Report) -> str:
    """Return the section, with one table for the functions and one for the models."""
    results: Entries = report["results"]
    conditions = (
        f"{where(report)} Medians with {threads(report['settings']['threads'][0])}; torch fills "
        "with one. `python -m benchmarks.torch_init`"
    )
    parts = ["## fastinit.torch compared with torch.nn.init", conditions]
    rows = []
    for task in _tasks(results, "large"):
        shape = next(each["shape"] for each in results if each["task"] == task)
        cells = [" x ".join(map(str, shape))]
        for part in ("large", "small"):
            cells += _cells(results, task, part)
        rows.append([f"`{task}`", *cells])
    head = ["", "shape", "fastinit", "torch", "speedup"]
    head += ["64 x 64: fastinit", "torch", "speedup"]
    parts.append(table(head, rows))
    rows = []
    for task in _tasks(results, "model"):
        rows.append(
            [
                task,
                *_cells(results, task, "model"),
                *(_seconds(results, task, who) for who in ("memset", "touch", "draw")),
                _share(results, task),
            ]
        )
    if rows:
        parts.append(
            "The models are built by transformers in fresh memory. For comparison, `memset` sets "
            "as much fresh memory to 0, *pages alone* writes one value per page of as much fresh "
            "memory, and *draw* draws as many normals into memory that has been written before. "
            "The system zeroes a page when a thread first writes to it, on that thread's processor "
            "and before its values are drawn, so a model takes the sum of these two at least. The "
            "last column is this sum divided by the time with `accelerate()`."
        )
        head = ["", "with `accelerate()`", "torch", "speedup"]
        head += ["`memset`, fresh memory", "pages alone", "draw, touched memory", "share"]
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def _tasks(results: Entries, part: str) -> list[str]:
    return list(dict.fromkeys(each["task"] for each in results if each["part"] == part))


def _median(results: Entries, task: str, part: str, library: str) -> float | None:
    return median(results, task=task, part=part, library=library)


def _cells(results: Entries, task: str, part: str) -> list[str]:
    own, theirs = (
        median(results, task=task, part=part, library=who) for who in ("fastinit", "torch")
    )
    if own is None or theirs is None:
        return [NONE, NONE, NONE]
    return [seconds(own), seconds(theirs), times(theirs, own)]


def _share(results: Entries, task: str) -> str:
    own, pages, draw = (
        _median(results, task, "model", library) for library in ("fastinit", "touch", "draw")
    )
    return NONE if own is None or pages is None or draw is None else f"{(pages + draw) / own:.2f}"


def _seconds(results: Entries, task: str, library: str) -> str:
    found = _median(results, task, "model", library)
    return NONE if found is None else seconds(found)
