"""The table of ``guide.json``, which docs/guide.md shows."""

from __future__ import annotations

import math
import statistics
from typing import Any

from benchmarks.tables.text import NONE, Entries, Report, Rows, seconds, table, where

FILE = "guide.json"
LIBRARIES = ("fastinit", "anyinit", "torch")
_TITLES = {"fastinit": "fastinit", "anyinit": "AnyInit", "torch": "torch"}  # in sentences


def headline(report: Report) -> Rows:  # noqa: ARG001
    """Return no row: starts are not compared by their speed alone."""
    return []


def section(report: Report) -> str:
    """Return the section with all figures."""
    settings = report["settings"]
    conditions = (
        f"{where(report)} The start that fastinit recommends for a model, that of AnyInit, and "
        f"torch's own. The growth error is the larger of |ln growth| of signals and of gradients "
        f"per layer, block or step of time; the loss is that after {settings['steps']} steps, a "
        f"mean over {settings['seeds']} seeds, with the standard error; the time is the "
        "processor's. `python -m benchmarks.guide`"
    )
    return "\n\n".join(["## Starts compared with AnyInit", conditions, overview(report)])


def overview(report: Report) -> str:
    """Return the table: growth errors, losses and times; then failures, versions and the date."""
    results: Entries = report["results"]
    head = ["model", "growth error: fastinit", "AnyInit", "torch"]
    head += ["loss: fastinit", "AnyInit", "torch", "time: fastinit", "AnyInit"]
    rows = []
    for model in dict.fromkeys(each["model"] for each in results):
        entries = [_entry(results, model, library) for library in LIBRARIES]
        cells = [*map(_error, entries), *map(_loss, entries), *map(_time, entries[:2])]
        rows.append([model, *cells])
    facts = report["environment"]
    used = (("AnyInit", "anyinit"), ("torch", "torch"), ("transformers", "transformers"))
    versions = ", ".join(f"{name} {facts['versions'][package]}" for name, package in used)
    measured = f"{versions}, {report['settings']['seeds']} seeds, {facts['date'][:10]}."
    return "\n\n".join([table(head, rows), *_failures(results), *_large(report), measured])


def _large(report: Report) -> list[str]:
    """Return a sentence about the times of a large model, if it was measured."""
    if "large" not in report:
        return []
    found = report["large"]
    own, theirs = (seconds(found["seconds"][each]["median"]) for each in LIBRARIES[:2])
    millions = round(found["parameters"] / 1e6)
    return [f"A transformer of {millions} M parameters takes {own}, with AnyInit {theirs}."]


def _entry(results: Entries, model: str, library: str) -> dict[str, Any]:
    return next(each for each in results if (each["model"], each["library"]) == (model, library))


def _error(entry: dict[str, Any]) -> str:
    return NONE if entry.get("failure") else f"{entry['error']:.2f}"


def _loss(entry: dict[str, Any]) -> str:
    if entry.get("failure"):
        return NONE
    losses = entry["losses"]
    error = statistics.stdev(losses) / math.sqrt(len(losses)) if len(losses) > 1 else math.nan
    return f"{statistics.mean(losses):.3f} ± {error:.3f}"


def _time(entry: dict[str, Any]) -> str:
    return NONE if entry.get("failure") else seconds(entry["seconds"]["median"])


def _failures(results: Entries) -> list[str]:
    return [
        f"{_TITLES[each['library']]} fails on {each['model']}: `{each['failure']}`."
        for each in results
        if each.get("failure")
    ]
