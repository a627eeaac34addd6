"""Recorded plans of other libraries' models: their bits, distributions, time and memory.

    python -m benchmarks.coverage --json benchmarks/results/coverage.json
    python -m benchmarks.coverage --groups timm --json benchmarks/results/coverage.json
    python -m benchmarks.coverage --large --json benchmarks/results/coverage.json

For every model in a group, the state dict that ``fastinit.torch.accelerate`` gives is compared bit
for bit with what the plan of ``fastinit.torch.record`` draws, where all tensors are recorded
without memory and where small ones have it; and the distributions, constants and computed values
of all tensors with those of torch's own construction (``benchmarks/coverage/distributions.py``).
``--large`` records models of up to a trillion parameters, each in a process of its own.

A file that is there keeps the entries of other groups, and with ``--only`` those of other models,
so that each group can run where its packages are. An entry of ``results`` has ``group`` and
``model``, and

- of models that are compared: ``tensors``, ``elements``, ``seconds`` (of one recording),
  ``different`` (the names of tensors whose bits differ, by the way of recording), ``equal`` (the
  number of tensors whose bits are those of torch), ``random`` (of the others), ``tests``,
  ``smallest_p`` and ``faults`` (tensors with other distributions or values, and why); or ``error``;
- of large models: ``parameters``, ``tensors``, ``seconds``, ``cpu_seconds`` and ``bytes`` (peak
  memory), all beyond the imports.

``left_out`` has the models that cannot be built, with the reason. ``packages`` has the versions.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.coverage import large
from benchmarks.coverage.groups import GROUPS, LEFT_OUT, entry_of
from benchmarks.tables.coverage import NOTES

LARGE = "large"
_PER_PROCESS = 150  # models after which a process is replaced, since some keep what they build


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, record and print; write the results if a path is given."""
    options = _options(argv)
    names = [LARGE] if options.large else common.listed(options.groups)
    only = common.listed(options.only)
    report = _report(options.json, names, only)
    for name in names:
        if name == LARGE:
            report["results"] += _printed(large.measure(only))
            continue
        package = GROUPS[name].package
        try:
            models = only or GROUPS[name].names()
        except common.LeftOutError as reason:
            common.leave_out(report, name, package, reason)
            continue
        report["environment"]["versions"][package] = common.version(package)
        for entry in _compared(name, models, options.processes):
            if LEFT_OUT in entry:
                common.leave_out(report, entry["model"], name, entry[LEFT_OUT])
            else:
                report["results"].append(entry)
                print(describe(entry), flush=True)
            common.write(options.json, report)
    common.write(options.json, report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("coverage", __doc__)
    groups = ",".join(GROUPS)
    parser.add_argument("--groups", default=groups, help="libraries (%(default)s)")
    parser.add_argument("--large", action="store_true", help="record large models instead")
    parser.add_argument("--only", default="", help="models of the group (all of them)")
    parser.add_argument("--processes", type=int, default=2, help="at a time (%(default)s)")
    return parser.parse_args(argv)


def _report(path: str | None, names: Sequence[str], only: Sequence[str]) -> dict[str, Any]:
    """Return a report with what a file has of other groups, and of other models of a group."""

    def is_kept(group: str, model: str) -> bool:
        return group not in names or (bool(only) and model not in only)

    report = common.new_report("coverage", {}, NOTES)
    if path is not None and Path(path).exists():
        before = common.read(Path(path))
        report["environment"]["versions"] = before["environment"]["versions"] | {
            name: version for name, version in report["environment"]["versions"].items() if version
        }
        report["results"] = [e for e in before["results"] if is_kept(e["group"], e["model"])]
        report["left_out"] = [e for e in before["left_out"] if is_kept(e["library"], e["what"])]
    return report


def _compared(group: str, models: Sequence[str], processes: int) -> Iterator[dict[str, Any]]:
    """Yield the entries of models, each made in one of several processes, or in this one."""
    if processes == 1:
        yield from (entry_of(group, name) for name in models)
        return
    context = multiprocessing.get_context("spawn")
    tasks = [(group, name) for name in models]
    with ProcessPoolExecutor(processes, context, max_tasks_per_child=_PER_PROCESS) as pool:
        yield from pool.map(entry_of, *zip(*tasks, strict=True))


def _printed(entries: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        print(describe(entry), flush=True)
        yield entry


def describe(entry: dict[str, Any]) -> str:
    """Return a line of text about an entry."""
    head = f"{entry['group']}: {entry['model']}: "
    if "error" in entry:
        return f"{head}{entry['error']}"
    if "bytes" in entry:
        return (
            f"{head}{entry['parameters']} parameters, {entry['seconds']:.2f} s "
            f"({entry['cpu_seconds']:.2f} s of a CPU), "
            f"{entry['bytes'] / 1e6:.0f} MB"
        )
    bad = {**entry["different"], **entry["faults"]}
    return (
        f"{head}{entry['tensors']} tensors, {entry['random']} random, "
        f"smallest p {entry['smallest_p']:.1e}{', ' + str(bad) if bad else ''}"
    )


if __name__ == "__main__":
    sys.exit(main())
