"""The tables of ``sparse.json``."""

from __future__ import annotations

from benchmarks.tables.text import Report, Rows, line, median, rate, seconds, table, where

FILE = "sparse.json"
NOTES = (
    "The dense tasks fill a float32 array that has been written before; torch's sparse_ is also "
    "given an existing tensor, and makes its zeros column by column.",
    "scipy.sparse.random draws a number of nonzeros for the whole matrix instead of one per "
    "column, and its values are uniform. By default it uses a RandomState; with rng= it uses a "
    "Generator.",
    "Compare ratios within one run only.",
)


def headline(report: Report) -> Rows:
    """Return the rows of the README: exact counts, compared with torch."""
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
    """Return the section on dense arrays with zeros and on sparse formats."""
    results, settings = report["results"], report["settings"]
    conditions = (
        f"{where(report)} Medians of {settings['repeats']} runs. `python -m benchmarks.sparse`"
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
    memory_note = (
        f"Making the CSR array took {memory['anonymous_bytes'] / 1e6:.1f} MB beyond the result of "
        f"{memory['result_bytes'] / 1e6:.1f} MB."
    )
    head = ["", "shape", "seconds", "10^9 elements/s"]
    notes = " ".join([*NOTES, memory_note])
    return "\n\n".join(["## Sparse weights", conditions, table(head, rows), notes])
