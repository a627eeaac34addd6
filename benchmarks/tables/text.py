"""Markdown tables, and numbers with their units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NONE = "–"  # noqa: RUF001  (a dash, as the table shows it)

Report = dict[str, Any]
Entries = list[dict[str, Any]]
Rows = list[list[str]]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose other columns are numbers."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def where(report: Report) -> str:
    """Return the machine, the date and all versions."""
    facts = report["environment"]
    versions = ", ".join(f"{name} {value}" for name, value in facts["versions"].items() if value)
    return (
        f"{facts['processor']} ({facts['instruction_set']}), {facts['date'][:10]}, "
        f"Python {facts['python']}, {versions}."
    )


def threads(count: int) -> str:
    """Return the number of threads in words."""
    return "1 thread" if count == 1 else f"{count} threads"


def rate(values_per_second: float | None) -> str:
    """Return a rate in 10^9 values/s, without the unit."""
    if values_per_second is None:
        return NONE
    billions = values_per_second / 1e9
    return f"{billions:.2f}" if billions >= 0.1 else f"{billions:.3f}"


def times(own: float | None, other: float | None) -> str:
    """Return how many times as fast ``own`` is as ``other``, from their rates."""
    if own is None or other is None:
        return NONE
    ratio = own / other
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x"


def median(results: Entries, **fields: Any) -> float | None:
    """Return the median seconds of the first entry with these fields."""
    for each in results:
        if all(each.get(name) == value for name, value in fields.items()):
            return float(each["seconds"]["median"])
    return None


def line(name: str, own: float | None, peer: str, theirs: float | None) -> list[str]:
    """Return a row of seconds of fastinit and of a peer, and the speedup."""
    return [
        name,
        NONE if own is None else seconds(own),
        f"{peer} {NONE if theirs is None else seconds(theirs)}".strip(),
        times(theirs, own),
    ]


def seconds(value: float) -> str:
    """Return seconds with a suitable unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"
