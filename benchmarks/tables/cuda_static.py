"""The tables of ``cuda_static.json``."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.text import NONE, Entries, Report, Rows, table

FILE = "cuda_static.json"
SHOWN = "sm_90"  # in docs/cuda.md
_DTYPES = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")


def headline(report: Report) -> Rows:  # noqa: ARG001
    """Return no rows, because these figures are not measurements."""
    return []


def section(report: Report) -> str:
    """Return the section, with every kernel and architecture."""
    facts = report["environment"]
    conditions = (
        f"{facts['nvcc']}, {facts['date'][:10]}; the module takes "
        f"{facts['library_bytes'] / 1e6:.1f} MB. Machine instructions per value in the main loop: "
        "the minimum and, if it differs, the maximum, in which the lanes of a warp together take "
        "every branch of the loop. Registers and bytes of stack are per thread, and bytes of "
        "shared memory per block; each is the maximum over the architectures. "
        "`python -m benchmarks.cuda_static`"
    )
    architectures = _architectures(report["results"])
    rows = []
    for kernel in dict.fromkeys(each["kernel"] for each in report["results"]):
        found = {e["architecture"]: e for e in report["results"] if e["kernel"] == kernel}
        first = next(iter(found.values()))
        most = [
            max(each[key] for each in found.values())
            for key in ("registers", "stack", "spills", "shared")
        ]
        cells = [_per_value(found.get(each)) for each in architectures]
        rows.append([_name(first), *cells, *map(str, most)])
    head = ["", *architectures, "registers", "stack", "spills", "shared"]
    return "\n\n".join(["## CUDA: compiled kernels", conditions, table(head, rows)])


def overview(report: Report) -> str:
    """Return a table for one architecture, with a row per distribution and a column per dtype."""
    entries = [each for each in report["results"] if each["architecture"] == SHOWN]
    draws = dict.fromkeys(each["draw"] for each in entries if each["draw"])
    rows = []
    for draw in draws:
        found = {each["dtype"]: each for each in entries if each["draw"] == draw}
        rows.append([draw, *(_per_value(found.get(dtype)) for dtype in _DTYPES)])
    return table([SHOWN, *_DTYPES], rows)


def _architectures(results: Entries) -> list[str]:
    return sorted({each["architecture"] for each in results}, key=lambda name: int(name[3:]))


def _name(entry: dict[str, Any]) -> str:
    if entry["draw"]:
        return f"{entry['draw']} {entry['dtype']}"
    return f"`{entry['kernel'].partition('(')[0]}`"


def _per_value(entry: dict[str, Any] | None) -> str:
    if entry is None or entry["per_value"] is None:
        return NONE
    fewest, most = (f"{entry[key]:.1f}" for key in ("per_value", "per_value_most"))
    return fewest if fewest == most else f"{fewest} to {most}"
