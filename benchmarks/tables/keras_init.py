"""The table of ``keras_init.json``."""

from __future__ import annotations

from benchmarks.tables.text import (
    NONE,
    Entries,
    Report,
    Rows,
    line,
    median,
    seconds,
    table,
    threads,
    times,
    where,
)

FILE = "keras_init.json"
_HEADLINE = "he_normal"


def headline(report: Report) -> Rows:
    """Return the row of the README: all weights of a model that is built."""
    results: Entries = report["results"]
    own, theirs = _both(results, _HEADLINE, "weights")
    name = f"Keras model of {_millions(results)} M parameters, `{_HEADLINE}`"
    return [line(name, own, "Keras", theirs)]


def section(report: Report) -> str:
    """Return the section with all figures."""
    results: Entries = report["results"]
    conditions = (
        f"{where(report)} Medians with {threads(report['settings']['threads'][0])}, on Keras's "
        f"backend {report['settings']['backend']}: a transformer of {_millions(results)} M "
        "parameters, all of whose kernels have one initializer. Its weights are drawn by `init_`, "
        "and by Keras's initializers. Most of the time in which the model is built in "
        "`accelerate()` is Keras's own. `python -m benchmarks.keras_init`"
    )
    rows = [
        [f"`{task}`", *_cells(results, task, "weights"), *_cells(results, task, "model")]
        for task in dict.fromkeys(each["task"] for each in results)
    ]
    head = ["", "weights: fastinit", "Keras", "speedup"]
    head += ["building: `accelerate()`", "Keras", "speedup"]
    title = "## fastinit.keras compared with keras.initializers"
    return "\n\n".join([title, conditions, table(head, rows)])


def _millions(results: Entries) -> int:
    return round(int(results[0]["values"]) / 1e6)


def _both(results: Entries, task: str, part: str) -> tuple[float | None, float | None]:
    own, theirs = (
        median(results, task=task, part=part, library=who) for who in ("fastinit", "keras")
    )
    return own, theirs


def _cells(results: Entries, task: str, part: str) -> list[str]:
    own, theirs = _both(results, task, part)
    if own is None or theirs is None:
        return [NONE, NONE, NONE]
    return [seconds(own), seconds(theirs), times(theirs, own)]
