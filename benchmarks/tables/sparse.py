"""The tables of ``sparse.json``."""

from __future__ import annotations

from benchmarks.tables.text import Report, Rows, line, median, rate, seconds, table, where

FILE = "sparse.json"


def headline(report: Report) -> Rows:
    """Exact counts beside torch's."""
    results = report["results"]
    size = report["settings"]["size"]
    return [
        line(
            f"`sparse(({size}, {size}), 0.9)`",
            median(results, task="dense", what="sparse"),
            "torch",
            median(results, task="dense", library="torch"),
        )
    ]


def section(report: Report) -> str:
    """Dense arrays with zeros, and sparse formats."""
    results, settings = report["results"], report["settings"]
    conditions = (
        f"{where(report)} Medians of {settings['repeats']}. `python -m benchmarks.sparse` "
        f"{' '.join(report['notes'])}"
    )
    rows = [
        [
            f"{each['library']} {each['what']}",
            " x ".join(map(str, each["shape"])),
            seconds(each["seconds"]["median"]),
            rate(each["values_per_second"]),
        ]
        for each in results
        if "seconds" in each
    ]
    memory = next(each for each in results if each["task"] == "memory")
    notes = (
        f"CSR took {memory['anonymous_bytes'] / 1e6:.1f} MB beyond its result of "
        f"{memory['result_bytes'] / 1e6:.1f} MB."
    )
    head = ["", "shape", "seconds", "10^9 elements/s"]
    return "\n\n".join(["## Sparse", conditions, table(head, rows), notes])
