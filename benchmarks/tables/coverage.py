"""The tables of ``coverage.json``."""

from __future__ import annotations

import statistics
from collections import defaultdict

from benchmarks.tables.text import Entries, Report, Rows, table, where

FILE = "coverage.json"
NOTES = (
    "A recorded plan is right if it draws, bit for bit, the state dict of the model that the same "
    "code builds in `accelerate`, both where all tensors are recorded without memory and where "
    "small ones have it.",
    "Its distributions are right if no tensor fails a test against torch's own construction: "
    "tensors that do not depend on the seed must have the same bits; for the others, the "
    "distributions, means and standard deviations are compared as those of two samples. The "
    "probability that any test fails by chance is at most 1e-6 in total.",
)
LARGE = "large"


def headline(report: Report) -> Rows:  # noqa: ARG001
    """Return no rows: the README has times."""
    return []


def section(report: Report) -> str:
    """Return the section on recorded models, with all exceptions."""
    models = [each for each in report["results"] if each["group"] != LARGE]
    large = [each for each in report["results"] if each["group"] == LARGE]
    parts = ["## Recorded models", f"{where(report)} `python -m benchmarks.coverage`"]
    if models:
        parts += [_groups(models), " ".join(report["notes"]), *_exceptions(models)]
    if report["left_out"]:
        parts.append(_left_out(report["left_out"]))
    if large:
        parts += [
            "Configurations of large models, each recorded in a process of its own. Seconds and "
            "peak memory are beyond the imports; the seconds of a CPU are those of the process, "
            "on a machine that did other work, too. `python -m benchmarks.coverage --large`",
            _large(large),
        ]
    return "\n\n".join(parts)


def is_right(entry: dict[str, object]) -> bool:
    """Return whether a model's plan draws the bits and the distributions of its code."""
    return not (entry.get("error") or entry.get("different") or entry.get("faults"))


def _groups(models: Entries) -> str:
    groups: dict[str, Entries] = defaultdict(list)
    for each in models:
        groups[each["group"]].append(each)
    rows = []
    for name, entries in groups.items():
        compared = [each for each in entries if "error" not in each]
        rows.append(
            [
                name,
                str(len(entries)),
                str(sum(not each["different"] for each in compared)),
                str(sum(not each["faults"] for each in compared)),
                str(sum(each["tensors"] for each in compared)),
                str(sum(each["tests"] for each in compared)),
                f"{statistics.median(each['seconds'] for each in compared):.2f}",
            ]
        )
    head = ["", "models", "same bits", "same distributions", "tensors", "tests", "seconds"]
    return table(head, rows)


def _exceptions(models: Entries) -> list[str]:
    rows = [
        f"- {each['group']}, {each['model']}: {_reason(each)}"
        for each in models
        if not is_right(each)
    ]
    return ["Exceptions:", "\n".join(rows)] if rows else []


def _reason(entry: dict[str, object]) -> str:
    if "error" in entry:
        return str(entry["error"])
    found: list[str] = []
    different, faults = entry["different"], entry["faults"]
    assert isinstance(different, dict)
    assert isinstance(faults, dict)
    for what, names in different.items():
        found.append(f"other bits ({what}) of {_listed(list(names))}")
    for name, reason in list(faults.items())[:3]:
        found.append(f"{name} ({reason})")
    return "; ".join(found)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _left_out(left_out: Entries) -> str:
    reasons: dict[str, list[str]] = defaultdict(list)
    for each in left_out:
        reasons[f"{each['library']}: {each['reason']}"].append(each["what"])
    rows = [f"- {reason}: {', '.join(names)}" for reason, names in sorted(reasons.items())]
    return "\n".join(["Models that cannot be built, or need sizes that are not known:", "", *rows])


def _large(entries: Entries) -> str:
    rows = [
        [each["model"], *("–" for _ in range(4)), each["error"]]  # noqa: RUF001
        if "error" in each
        else [
            each["model"],
            f"{each['parameters'] / 1e9:.2f}",
            str(each["tensors"]),
            f"{each['seconds']:.2f}",
            f"{each['cpu_seconds']:.2f}",
            f"{each['bytes'] / 1e6:.0f}",
        ]
        for each in entries
    ]
    return table(["", "10^9 parameters", "tensors", "seconds", "of a CPU", "MB"], rows)
