"""Shared by the benchmarks: the environment, interleaved timing, statistics, JSON.

A result file is one JSON object:

- ``format``: 1; raised when a field changes its meaning or goes away.
- ``benchmark``: ``"fill"`` or ``"overhead"``.
- ``environment``: ``date`` (UTC), ``processor``, ``processors`` (that this process may run on),
  ``load_average`` (of the last minute, at the start), ``huge_pages`` (the kernel's setting),
  ``python``, ``versions`` (package -> version, null where it is not installed), ``installation``
  (``"editable"`` or ``"wheel"``), ``instruction_sets``, ``instruction_set`` (the active one),
  ``compiler`` (of fastinit).
- ``settings``: the arguments that the figures depend on.
- ``checks``: what was found before anything was timed, a list of objects with ``what``, ``library``
  and ``ok``, and numbers that say more. Nothing is timed unless all of fastinit's are ok.
- ``left_out``: a list of objects with ``what``, ``library`` and ``reason``.
- ``results``: a list of objects; which fields they have is said in ``benchmarks/fill.py`` and
  ``benchmarks/overhead.py``. Times are in seconds, each an object of ``median``, ``minimum``,
  ``maximum``, ``lower_quartile``, ``upper_quartile`` and ``repeats``.
- ``notes``: sentences on how to read the figures.
"""

from __future__ import annotations

import datetime
import importlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

FORMAT = 1
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("fastinit", "numpy", "ml_dtypes", "torch", "jax", "jaxlib", "transformers")

Key = TypeVar("Key", bound=Hashable)


class LeftOutError(Exception):
    """Why something is not measured."""


def peer(name: str) -> Any | None:
    """A module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


# ---- the environment ----------------------------------------------------------------------------


def environment() -> dict[str, Any]:
    """Where the figures come from: see the module's docstring."""
    import fastinit

    info = fastinit.info()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "huge_pages": _huge_pages(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "installation": installation(),
        "instruction_sets": info["instruction_sets"],
        "instruction_set": info["instruction_set"],
        "compiler": info["compiler"],
    }


def processor() -> str:
    """The processor's name, as the kernel has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def version(package: str) -> str | None:
    """An installed package's version."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def installation() -> str:
    """``"editable"`` (whose import is slower, since it may look for a new build) or ``"wheel"``."""
    try:
        text = metadata.distribution("fastinit").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    return "editable" if text and '"editable": true' in text else "wheel"


def _huge_pages() -> str | None:
    path = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not path.exists():
        return None
    return path.read_text().partition("[")[2].partition("]")[0]


# ---- threads ------------------------------------------------------------------------------------


def thread_counts(text: str) -> list[int]:
    """``"1,all"`` as numbers, ascending: all are the processors that this process may run on."""
    available = len(os.sched_getaffinity(0))
    counts = {available if word.strip() == "all" else int(word) for word in text.split(",")}
    if min(counts) < 1 or max(counts) > available:
        raise ValueError(f"--threads {text}: this process may run on {available} processors")
    return sorted(counts)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """``count`` threads for everyone, and the process on its first ``count`` processors.

    The processors bind those that have no other setting (JAX), threads that run already included.
    """
    import fastinit

    allowed = sorted(os.sched_getaffinity(0))
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    fastinit.set_num_threads(count)
    if torch:
        torch.set_num_threads(count)
    _run_on(allowed[:count])
    try:
        yield
    finally:
        _run_on(allowed)
        fastinit.set_num_threads(None)
        if torch:
            torch.set_num_threads(before)


def _run_on(processors: list[int]) -> None:
    for task in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), processors)
        except ProcessLookupError:  # a thread that has ended meanwhile
            continue


# ---- timing -------------------------------------------------------------------------------------


def once(run: Callable[[], Any]) -> float:
    """Seconds that one call takes; what it returns is freed after the clock has stopped."""
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    del result
    return seconds


def interleaved(
    measures: Mapping[Key, Callable[[], float]], repeats: int
) -> dict[Key, list[float]]:
    """What each measurement gives, ``repeats`` times, taken in turn.

    A slow moment of the machine so hits all of them; each round starts with another one.
    """
    found: dict[Key, list[float]] = {key: [] for key in measures}
    keys = list(measures)
    for turn in range(repeats):
        first = turn % len(keys)
        for key in keys[first:] + keys[:first]:
            found[key].append(measures[key]())
    return found


def spread(figures: Iterable[float]) -> dict[str, float]:
    """Median, extremes and quartiles."""
    ordered = sorted(figures)
    low, median, high = (
        statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    )
    return {
        "median": median,
        "minimum": ordered[0],
        "maximum": ordered[-1],
        "lower_quartile": low,
        "upper_quartile": high,
        "repeats": len(ordered),
    }


# ---- result files -------------------------------------------------------------------------------


def write(path: str | None, report: dict[str, Any]) -> None:
    """Write a report, whole or not at all; without a path, nothing."""
    if path is None:
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    partial.write_text(json.dumps(report, indent=1) + "\n")
    partial.replace(target)


def read(path: Path) -> dict[str, Any]:
    """A report.

    Raises:
        ValueError: the file is of another format.
    """
    report: dict[str, Any] = json.loads(path.read_text())
    if report.get("format") != FORMAT:
        raise ValueError(f"{path} has format {report.get('format')}, not {FORMAT}; run it again")
    return report
