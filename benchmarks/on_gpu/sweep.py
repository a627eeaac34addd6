"""Variants of the kernels: numbers of csrc/cuda/tuning.h, and what each of them draws."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.on_gpu.build import build_variant
from benchmarks.on_gpu.session import FAILED, Session, StopError, measured

DEFAULT = "default"
FILLS, MATRICES = "large,small", "orthogonal,batch"
TASKS = "uniform float32,normal float32,truncated_normal float32,normal bfloat16"
SIZE = str(1 << 28)  # bytes of a tensor: most of the time goes to checking it
PER_VARIANT = 20.0  # seconds that one measurement may take


@dataclass(frozen=True)
class Variant:
    """Numbers that are not the default ones, and the parts of ``benchmarks.cuda`` to measure."""

    name: str
    tuning: tuple[str, ...]
    parts: str = FILLS


VARIANTS = (
    Variant("threads-128", ("FILL_THREADS=128", "FILL_BLOCKS=8")),
    Variant("threads-512", ("FILL_THREADS=512", "FILL_BLOCKS=2")),
    Variant("blocks-3", ("FILL_BLOCKS=3",)),
    Variant("in-flight-2", ("FILL_IN_FLIGHT=2",)),
    Variant("in-flight-8", ("FILL_IN_FLIGHT=8", "FILL_BLOCKS=2")),
    Variant("truncated-4", ("FILL_IN_FLIGHT_TRUNCATED=4", "FILL_BLOCKS=3")),
    Variant("store-8", ("FILL_STORE_BYTES=8",)),
    Variant("store-32", ("FILL_STORE_BYTES=32",)),
    Variant("tile-64", ("FILL_TILE=64",)),
    Variant("waves-2", ("GRID_WAVES=2",)),
    Variant("panel-8", ("PANEL_COLUMNS=8", "PANEL_BLOCKS=6"), MATRICES),
    Variant("rows-32", ("PANEL_ROWS=32",), MATRICES),
    Variant("small-4", ("SMALL_BLOCKS=4",), MATRICES),
)


def sweep(session: Session, variants: Sequence[Variant] = VARIANTS) -> str:
    """Build all variants at once, measure them one after the other, and write ``sweep.json``."""
    with ThreadPoolExecutor(len(variants)) as pool:
        libraries = list(pool.map(lambda each: _built(session, each), variants))
    results: list[dict[str, Any]] = []
    everything = Variant(DEFAULT, (), f"{FILLS},{MATRICES}")
    for variant, library in zip((everything, *variants), (None, *libraries), strict=True):
        results.append(_entry(session, variant, library))
        path = session.out / "sweep.json"
        path.write_text(json.dumps({"format": 1, "results": results}, indent=1) + "\n")
    failed = [each["variant"] for each in results if each["problem"]]
    if failed:
        raise StopError(FAILED, f"not measured: {', '.join(failed)}; sweep.json says why")
    return f"{len(results)} variants"


def rates(session: Session) -> dict[str, dict[str, float]]:
    """Return values per second by task and variant, from ``sweep.json``."""
    path = session.out / "sweep.json"
    if not path.exists():
        return {}
    found: dict[str, dict[str, float]] = {}
    for each in json.loads(path.read_text())["results"]:
        for task, rate in each["rates"].items():
            found.setdefault(task, {})[each["variant"]] = rate
    return found


def _built(session: Session, variant: Variant) -> Path | StopError:
    try:
        return build_variant(session, variant.name, variant.tuning)
    except StopError as problem:
        return problem


def _entry(session: Session, variant: Variant, library: Path | StopError | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"variant": variant.name, "tuning": variant.tuning}
    if isinstance(library, StopError):
        return entry | {"problem": str(library), "rates": {}}
    try:
        return entry | {"problem": None, "rates": _rates(session, variant, library)}
    except StopError as problem:
        return entry | {"problem": str(problem), "rates": {}}


def _rates(session: Session, variant: Variant, library: Path | None) -> dict[str, float]:
    """Measure one variant in a process of its own, after the check of its bytes."""
    path = session.work / f"sweep-{variant.name}.json"
    command = [sys.executable, "-m", "benchmarks.cuda", "--peers", "", "--repeats", "5"]
    command += ["--parts", variant.parts, "--tasks", TASKS, "--size", SIZE, "--json", str(path)]
    if library is not None:
        command += ["--library", str(library)]
    measured(session.run(command, f"sweep-{variant.name}", limit=PER_VARIANT))
    return {
        each["task"]: each["values_per_second"]
        for each in json.loads(path.read_text())["results"]
        if each["library"] == "fastinit"
    }
