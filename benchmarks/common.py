"""Arguments, environment, threads, timing and result files that all benchmarks share.

A result file is one JSON object, with a line per item of its lists:

- ``format``: 1. It is raised when a field changes its meaning or is removed.
- ``benchmark``: the name of the module, such as ``"fill"``.
- ``environment``: ``date`` (UTC), ``processor``, ``processors`` (the number on which this process
  may run), ``load_average`` (of the last minute, at the start), ``huge_pages`` (the kernel's
  setting), ``python``, ``versions`` (of each package, null if it is not installed),
  ``installation`` (``"editable"`` or ``"wheel"``), ``instruction_sets``, ``instruction_set`` (the
  active one) and ``compiler`` (of fastinit). Some benchmarks add fields of their own.
- ``settings``: the arguments on which the figures depend.
- ``checks``: the checks that were made before anything was timed, a list of objects with ``what``,
  ``library``, ``ok`` and the figures that were checked. Nothing is timed unless all checks of
  fastinit are ok.
- ``left_out``: a list of objects with ``what``, ``library`` and ``reason``.
- ``results``: a list of objects. The docstring of each benchmark describes their fields. Times are
  in seconds, each an object with ``median``, ``minimum``, ``maximum``, ``lower_quartile``,
  ``upper_quartile`` and ``repeats``.
- ``notes``: sentences that explain how to read the figures.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

FORMAT = 1
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("fastinit-nn", "numpy", "ml_dtypes", "torch", "jax", "jaxlib", "transformers")

Key = TypeVar("Key", bound=Hashable)


class LeftOutError(Exception):
    """A measurement is left out; the message says why."""


def peer(name: str) -> Any | None:
    """Return a module, or None if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def required(name: str) -> Any:
    """Return a module.

    Raises:
        LeftOutError: It is not installed.
    """
    module = peer(name)
    if module is None:
        raise LeftOutError(f"{name} is not installed")
    return module


# ---- arguments ----------------------------------------------------------------------------------


def argument_parser(benchmark: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of a benchmark's arguments, with ``--json``."""
    parser = argparse.ArgumentParser(f"python -m benchmarks.{benchmark}", description=description)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", metavar="PATH", help="write the results to this file")
    return parser


def listed(text: str) -> list[str]:
    """Return the words of a comma-separated list."""
    return [word.strip() for word in text.split(",") if word.strip()]


# ---- the environment ----------------------------------------------------------------------------


def environment(packages: Sequence[str] = ()) -> dict[str, Any]:
    """Return the environment of a result file, with the versions of further ``packages``."""
    import fastinit

    info = fastinit.info()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "huge_pages": _huge_pages(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in (*PACKAGES, *packages)},
        "installation": installation(),
        "instruction_sets": info["instruction_sets"],
        "instruction_set": info["instruction_set"],
        "compiler": info["compiler"],
    }


def processor() -> str:
    """Return the name of the processor that the kernel reports."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def version(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def installation() -> str:
    """Return ``"editable"`` or ``"wheel"``; an editable import is slower, as it may rebuild."""
    try:
        text = metadata.distribution("fastinit-nn").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    return "editable" if text and '"editable": true' in text else "wheel"


def instruction_sets() -> list[str]:
    """Return the instruction sets of this machine, the best one last."""
    import fastinit

    found: list[str] = fastinit.info()["instruction_sets"]
    return found


def select_instruction_set(name: str) -> None:
    """Make fastinit use an instruction set, which is otherwise chosen once, at the import."""
    from fastinit.native import _cpu

    _cpu.select_instruction_set(name)


def _huge_pages() -> str | None:
    path = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not path.exists():
        return None
    return path.read_text().partition("[")[2].partition("]")[0]


# ---- threads ------------------------------------------------------------------------------------


def thread_counts(text: str) -> list[int]:
    """Return the numbers in a list such as ``"1,all"``, in increasing order.

    ``all`` is the number of processors on which this process may run.
    """
    available = len(os.sched_getaffinity(0))
    counts = {available if word == "all" else int(word) for word in listed(text)}
    if min(counts) < 1 or max(counts) > available:
        raise ValueError(f"--threads {text}: this process may run on {available} processors")
    return sorted(counts)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Limit all libraries to ``count`` threads and the process to its first ``count`` processors.

    The processors limit libraries that have no other setting (JAX), including running threads.
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
        except ProcessLookupError:  # the thread has ended in the meantime
            continue


# ---- timing -------------------------------------------------------------------------------------


def once(run: Callable[[], Any]) -> float:
    """Return the seconds that one call takes; its result is freed after the clock has stopped."""
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    del result
    return seconds


def interleaved(
    measures: Mapping[Key, Callable[[], float]], repeats: int
) -> dict[Key, list[float]]:
    """Take each measurement ``repeats`` times, in turn, and return the figures.

    A slow moment of the machine thus affects all of them. Each round starts with another one.
    """
    found: dict[Key, list[float]] = {key: [] for key in measures}
    keys = list(measures)
    for turn in range(repeats):
        first = turn % len(keys)
        for key in keys[first:] + keys[:first]:
            found[key].append(measures[key]())
    return found


def spread(figures: Iterable[float]) -> dict[str, float]:
    """Return the median, the extremes and the quartiles."""
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


def new_report(
    benchmark: str,
    settings: Mapping[str, Any],
    notes: Sequence[str],
    packages: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a report without results; ``packages`` are further packages to give versions of."""
    return {
        "format": FORMAT,
        "benchmark": benchmark,
        "environment": environment(packages),
        "settings": dict(settings),
        "checks": [],
        "left_out": [],
        "results": [],
        "notes": list(notes),
    }


def add_check(report: dict[str, Any], entry: dict[str, Any]) -> None:
    """Add a check to a report; exit if fastinit fails it, and print it if a peer does."""
    report["checks"].append(entry)
    if entry["ok"]:
        return
    if entry["library"] == "fastinit":
        sys.exit(f"fastinit is wrong, so nothing is timed: {entry}")
    print(f"differs from what was requested: {entry}")


def leave_out(report: dict[str, Any], what: str, library: str, reason: object) -> None:
    """Note in a report, and print, that a measurement is left out and why."""
    report["left_out"].append({"what": what, "library": library, "reason": str(reason)})
    print(f"{what}: {library} is left out: {reason}")


def run_parts(
    report: dict[str, Any],
    parts: Mapping[str, Callable[[], Iterable[dict[str, Any]]]],
    names: Iterable[str],
    describe: Callable[[dict[str, Any]], str],
) -> None:
    """Add the results of the named parts to a report, and print their descriptions."""
    for name in names:
        try:
            for entry in parts[name]():
                report["results"].append(entry)
                print(describe(entry))
        except LeftOutError as reason:
            leave_out(report, name, "fastinit", reason)


def write(path: str | None, report: dict[str, Any]) -> None:
    """Write a report to a file, completely or not at all; without a path, do nothing."""
    if path is None:
        return
    from fastinit import json_files

    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    lists = tuple(field for field, value in report.items() if isinstance(value, list))
    partial.write_text(json_files.text(report, lists))
    partial.replace(target)


def read(path: Path) -> dict[str, Any]:
    """Read a report.

    Raises:
        ValueError: The file has another format.
    """
    from fastinit import json_files

    report: dict[str, Any] = json_files.read(path)
    if report.get("format") != FORMAT:
        raise ValueError(
            f"{path} has format {report.get('format')}, not {FORMAT}; run the benchmark again"
        )
    return report
