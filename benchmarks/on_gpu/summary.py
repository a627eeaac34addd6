"""The page of a run: what passed, and each figure beside its limit and its peer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.on_gpu import limits, sweep
from benchmarks.on_gpu.session import Session
from benchmarks.tables import fills
from benchmarks.tables.text import NONE, Rows, seconds, table, times

PEERS = ("torch", "cupy", "jax")
Figures = Mapping[str, Mapping[str, Mapping[str, Any]]]  # by task and library


@dataclass(frozen=True)
class Goal:
    """A number that a figure must reach."""

    title: str
    least: float
    value: Callable[[Figures, limits.Processor | None], float | None]


def _share(task: str) -> Callable[[Figures, limits.Processor | None], float | None]:
    def value(found: Figures, _: limits.Processor | None) -> float | None:
        return found[task]["fastinit"]["share"] if "fastinit" in found.get(task, {}) else None

    return value


def _speedup(task: str) -> Callable[[Figures, limits.Processor | None], float | None]:
    def value(found: Figures, _: limits.Processor | None) -> float | None:
        return _ratio(found.get(task, {}), "torch")

    return value


def _of_issue(found: Figures, processor: limits.Processor | None) -> float | None:
    own = found.get("normal bfloat16", {}).get("fastinit")
    if own is None or processor is None:
        return None
    ceiling = min(processor.lanes / 35, processor.bandwidth / 2)
    return float(own["values_per_second"]) / ceiling


def _model_to_tensor(found: Figures, _: limits.Processor | None) -> float | None:
    rates = [found.get(task, {}).get("fastinit") for task in ("model", "normal bfloat16")]
    if None in rates:
        return None
    model, tensor = (float(each["values_per_second"]) for each in rates if each)
    return model / tensor


GOALS = (
    Goal("uniform float32, share of `cudaMemset`'s rate", 0.90, _share("uniform float32")),
    Goal("normal float32, share of `cudaMemset`'s rate", 0.80, _share("normal float32")),
    Goal("normal bfloat16, share of the rate of 35 instructions per value", 0.85, _of_issue),
    Goal("model in one call, speedup over torch's loop", 3.0, _speedup("model")),
    Goal("model in one call, rate divided by that of one tensor", 0.95, _model_to_tensor),
    Goal("1024 x orthogonal 64, speedup over torch", 20.0, _speedup("1024 x orthogonal 64")),
)


def page(session: Session, steps: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page in Markdown."""
    card = session.card
    parts = [f"# fastinit on {card.name} (sm_{card.architecture})", _steps(steps)]
    path = session.out / "cuda.json"
    if path.exists():
        report = json.loads(path.read_text())
        found = _by_task(report)
        processor = measured(session, report)
        parts += ["## Goals", _goals(found, processor), "## Figures", _figures(found, processor)]
    swept = sweep.rates(session)
    if swept:
        parts += ["## Variants", _variants(swept)]
    path = session.out / fills.FILE
    if path.exists():
        parts += ["## Threads of the CPU", fills.by_threads(json.loads(path.read_text()))]
    return "\n\n".join(parts) + "\n"


def measured(session: Session, report: Mapping[str, Any]) -> limits.Processor | None:
    """Return this GPU with the clock that it reports and the rate of ``cudaMemset``."""
    facts = report["environment"]["gpu"]
    stores = [each for each in report["results"] if each["library"] == "cudaMemset"]
    if not stores or not facts.get("clock"):
        return None
    return limits.Processor(
        session.card.name,
        limits.counted_for(session.card.architecture),
        facts["multiprocessors"],
        facts["clock"],
        max(each["bytes_per_second"] for each in stores),
    )


def _steps(steps: Mapping[str, Mapping[str, Any]]) -> str:
    rows: Rows = [
        [name, each["status"], f"{each['seconds']:.0f} s", _one_line(each["note"])]
        for name, each in steps.items()
    ]
    return table(["step", "", "took", ""], rows)


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")[:300]


def _goals(found: Figures, processor: limits.Processor | None) -> str:
    rows: Rows = []
    for goal in GOALS:
        value = goal.value(found, processor)
        cells = [NONE, NONE] if value is None else [f"{value:.2f}", _met(value >= goal.least)]
        rows.append([goal.title, f"{goal.least:g}", *cells])
    return table(["", "at least", "measured", ""], rows)


def _met(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def _figures(found: Figures, processor: limits.Processor | None) -> str:
    expected = limits.predictions(processor) if processor else {}
    rows: Rows = []
    for task, each in found.items():
        own = each.get("fastinit")
        cells = [NONE] * 4
        if own:
            rate, limit = own["bytes_per_second"], expected.get(task)
            cells = [seconds(own["seconds"]["median"]), f"{rate / 1e9:.0f}"]
            cells += [f"{100 * own['share']:.0f} %", NONE if limit is None else _near(rate, limit)]
        rows.append([task, *cells, *(times_of(each, peer) for peer in PEERS)])
    head = ["", "fastinit", "GB/s", "of `cudaMemset`", "predicted GB/s (reached)"]
    return table([*head, *(f"speedup over {peer}" for peer in PEERS)], rows)


def _near(rate: float, limit: float) -> str:
    verdict = "" if rate >= limits.LEAST * limit else ", **refuted**"
    return f"{limit / 1e9:.0f} ({100 * rate / limit:.0f} %{verdict})"


def times_of(each: Mapping[str, Mapping[str, Any]], peer: str) -> str:
    """Return the speedup over a peer as a cell."""
    median = {name: found["seconds"]["median"] for name, found in each.items()}
    return times(median.get(peer), median.get("fastinit"))


def _ratio(each: Mapping[str, Mapping[str, Any]], peer: str) -> float | None:
    if peer not in each or "fastinit" not in each:
        return None
    return float(each[peer]["seconds"]["median"] / each["fastinit"]["seconds"]["median"])


def _variants(found: Mapping[str, Mapping[str, float]]) -> str:
    names = list(dict.fromkeys(name for rates in found.values() for name in rates))
    rows: Rows = []
    for task, rates in found.items():
        base = rates.get(sweep.DEFAULT)
        best = max(rates, key=lambda name: rates[name])
        cells = [_relative(rates.get(name), base) for name in names]
        rows.append([task, best, *cells])
    return table(["rate, default = 1", "best", *names], rows)


def _relative(rate: float | None, base: float | None) -> str:
    return NONE if rate is None or not base else f"{rate / base:.3f}"


def _by_task(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in report["results"]:
        found.setdefault(each["task"], {})[each["library"]] = each
    return found
