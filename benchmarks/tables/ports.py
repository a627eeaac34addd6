"""The table of ``ports.json``."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.text import NONE, Report, Rows, table, where

FILE = "ports.json"
PROCESSORS = (
    *("Zen 2", "Zen 3", "Zen 4", "Zen 5", "Haswell", "Skylake", "Ice Lake"),
    "Golden Cove",
)
OF_THIS_MACHINE = "Zen 5"


def headline(report: Report) -> Rows:  # noqa: ARG001
    """Return no rows of the README: cycles are for developers."""
    return []


def section(report: Report) -> str:
    """Return the section, with one row per kernel."""
    conditions = (
        f"{where(report)} Cycles per value with one thread in the nearest cache, the clock taken "
        "from a chain of additions beside it. A limit is the time that the instructions take of "
        "all vector units together, by llvm-mca's tables; after it, in parentheses, is what its "
        "simulation takes; it has no Zen 5, whose limit is Zen 4's, halved for AVX-512. The share "
        "is the limit of Zen 5 divided by the measured cycles, which alone have the rare branches "
        "of wide truncations and tails. `python -m benchmarks.ports`"
    )
    head = ["", "instructions", "spills", "measured", "share", *PROCESSORS]
    rows = [_row(each) for each in report["results"]]
    texts = [conditions, _attainable(report), *report["notes"], table(head, rows)]
    return "\n\n".join(["## CPU: the budget of each kernel", *texts])


def _attainable(report: Report) -> str:
    """Return sentences on what the shares say, with the rate of chains where it was measured."""
    found = {
        (each["draw"], each["dtype"]): each
        for each in report["results"]
        if each["instruction_set"] == "avx2" and OF_THIS_MACHINE in each["limits"]
    }
    shown = {
        "float32 uniforms": found["uniform", "float32"],
        "float32 normals": found["normal", "float32"],
        "bfloat16 normals": found["normal", "bfloat16"],
        "normals truncated to 2 sigmas": found["truncated center", "float32"],
    }
    times = ", ".join(f"{name} {1 / _share(each):.2f}" for name, each in shown.items())
    highest = max(_share(each) for each in found.values() if "instructions" in each)
    text = (
        f"No order of the instructions makes a kernel more than 1 / share times as fast; with AVX2 "
        f"these are: {times}. No loop over AVX2 reaches a share of more than {highest:.2f}."
    )
    rate = report["environment"].get("xors_per_cycle")
    if rate is not None:
        text += (
            f" Processors do not reach the limit with dependent instructions: twelve chains of "
            f"xors side by side execute {rate:.2f} of them per cycle, where there are units for 4."
        )
    return text


def _share(entry: dict[str, Any]) -> float:
    return float(entry["limits"][OF_THIS_MACHINE] / entry["measured"])


def _row(entry: dict[str, Any]) -> list[str]:
    limits, modeled = entry["limits"], entry["modeled"]
    return [
        f"{entry['draw']} {entry['dtype']} ({entry['instruction_set']})",
        f"{entry['instructions']:.1f}" if "instructions" in entry else NONE,
        f"{entry['spills']:.2f}" if "spills" in entry else NONE,
        f"{entry['measured']:.2f}",
        f"{_share(entry):.2f}" if OF_THIS_MACHINE in limits else NONE,
        *(_cell(limits.get(name), modeled.get(name)) for name in PROCESSORS),
    ]


def _cell(limit: float | None, modeled: float | None) -> str:
    if limit is None:
        return NONE
    return f"{limit:.2f}" if modeled is None else f"{limit:.2f} ({modeled:.2f})"
