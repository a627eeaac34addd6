"""The table of ``ports.json``."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.text import NONE, Report, Rows, table, where

FILE = "ports.json"
MODELS = {
    **{
        "znver2": "Zen 2",
        "znver3": "Zen 3",
        "znver4": "Zen 4",
        "znver5": "Zen 5",
        "haswell": "Haswell",
    },
    **{"skylake": "Skylake", "icelake-server": "Ice Lake", "alderlake": "Golden Cove"},
}
OF_THIS_MACHINE = "znver5"


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
        "is the limit of Zen 5 divided by the measured cycles. "
        "Wide truncations have rare branches, which have no limit. `python -m benchmarks.ports`"
    )
    conditions += _attainable(report)
    head = ["", "instructions", "spills", "measured", "share", *MODELS.values()]
    rows = [_row(each) for each in report["results"]]
    return "\n\n".join(["## CPU: the budget of each kernel", conditions, table(head, rows)])


def _attainable(report: Report) -> str:
    """Return sentences on what the shares say, with the rate of chains where it was measured."""
    share, cycles = next(
        (each["limits"][OF_THIS_MACHINE] / each["measured"], each["measured"])
        for each in report["results"]
        if (each["draw"], each["dtype"], each["instruction_set"]) == ("uniform", "float32", "avx2")
    )
    text = (
        f"\n\nNo order of the instructions makes a kernel more than 1 / share times as fast: "
        f"float32 uniforms with AVX2, four fifths of which are Philox, take {cycles:.2f} cycles, "
        f"and {cycles * share:.2f} at the limit, {1 / share:.2f} times as fast."
    )
    rate = report["environment"].get("xors_per_cycle")
    if rate is not None:
        text += (
            f" Processors do not reach the limit with dependent instructions: twelve chains of "
            f"xors side by side execute {rate:.2f} of them per cycle, where there are units for 4."
        )
    return text


def _row(entry: dict[str, Any]) -> list[str]:
    limits, modeled = entry["limits"], entry["modeled"]
    limit = limits.get(OF_THIS_MACHINE)
    return [
        f"{entry['draw']} {entry['dtype']} ({entry['instruction_set']})",
        f"{entry['instructions']:.1f}" if "instructions" in entry else NONE,
        f"{entry['spills']:.2f}" if "spills" in entry else NONE,
        f"{entry['measured']:.2f}",
        f"{limit / entry['measured']:.2f}" if limit else NONE,
        *(_cell(limits.get(name), modeled.get(name)) for name in MODELS),
    ]


def _cell(limit: float | None, modeled: float | None) -> str:
    if limit is None:
        return NONE
    return f"{limit:.2f}" if modeled is None else f"{limit:.2f} ({modeled:.2f})"
