"""Rates of fills, compared with the peers and with ``memset``.

    python -m benchmarks.fill --json benchmarks/results/fill.json

An entry of ``results`` has ``task`` ("normal float32"), ``memory`` ("touched": always the same
array; "fresh": a new array each time), ``threads``, ``library``, ``instruction_set`` (of fastinit,
null for others), ``values`` (slow libraries draw fewer), ``seconds``, ``values_per_second`` (at the
median) and ``note``. ``library`` is "fastinit", "memset", "torch", "numpy" or "jax".
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastinit
from benchmarks import common, contenders
from benchmarks.contenders import Contender, Memory, Task

SAMPLE = 1 << 20  # values from which the moments are computed
SIGMAS = 6.0  # largest allowed error of a moment, in standard errors
FRESH = ("uniform float32", "normal float32")
NOTES = [
    "A rate is the number of values over the median seconds. Compare rates within one run only.",
    "Libraries that would take seconds draw fewer rows of the same width: see values.",
    "With n threads the process runs on its first n processors, which is what limits JAX.",
    "JAX always returns a new array. NumPy's Generator draws with one thread.",
    "memset sets as many bytes with as many threads.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    names = common.listed(options.tasks)
    tasks = [task for task in contenders.TASKS if task.name in names]
    counts = common.thread_counts(options.threads)
    run = _Run(options, counts)
    with ThreadPoolExecutor(max(counts)) as pool:
        for task in tasks:
            run.touched(task, pool)
        for task in tasks:
            if task.name in FRESH:
                run.fresh(task, pool)
    common.write(options.json, run.report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("fill", __doc__)
    parser.add_argument("--size", type=int, default=8192, help="rows and columns (%(default)s)")
    parser.add_argument("--repeats", type=int, default=11, help="of each timing (%(default)s)")
    parser.add_argument("--threads", default="1,all", help="numbers of threads (%(default)s)")
    names = ",".join(task.name for task in contenders.TASKS)
    parser.add_argument("--tasks", default=names, help="what to draw (%(default)s)")
    peers = ",".join(contenders.PEERS)
    parser.add_argument("--peers", default=peers, help="other libraries (%(default)s)")
    parser.add_argument(
        "--instruction-sets",
        choices=("all", "best"),
        default="all",
        help="of fastinit (%(default)s)",
    )
    return parser.parse_args(argv)


class _Run:
    """The arguments of a run, and its report."""

    def __init__(self, options: argparse.Namespace, counts: list[int]) -> None:
        self.size, self.repeats, self.counts = options.size, options.repeats, counts
        self.peers = common.listed(options.peers)
        first = 0 if options.instruction_sets == "all" else -1
        self.instruction_sets = common.instruction_sets()[first:]
        settings = {"size": self.size, "repeats": self.repeats, "threads": counts}
        self.report = common.new_report("fill", settings, NOTES)

    def touched(self, task: Task, pool: ThreadPoolExecutor) -> None:
        """Time fills of one array that has been written before."""
        memory = _memory(self.size * self.size * task.numpy_dtype.itemsize)
        all_of_them = [
            *contenders.of_fastinit(task, memory, self.size, self.instruction_sets),
            contenders.of_memset(task, memory, self.size, pool),
            *self._entrants(task, memory),
        ]
        for each in all_of_them:
            self._check(task, each)
        self._check_digests(task, [each for each in all_of_them if each.library == "fastinit"])
        self._time(task, "touched", all_of_them)

    def fresh(self, task: Task, pool: ThreadPoolExecutor) -> None:
        """Time fills of a new array."""
        self._time(task, "fresh", list(contenders.of_fresh(task, self.size, pool, self.peers)))

    def _entrants(self, task: Task, memory: Memory) -> Iterable[Contender]:
        for library in self.peers:
            try:
                yield contenders.PEERS[library](task, memory, self.size)
            except common.LeftOutError as reason:
                common.leave_out(self.report, task.name, library, reason)

    def _check(self, task: Task, contender: Contender) -> None:
        """Check the moments of the values; those of fastinit must be right."""
        sample = contender.read(contender.run()).ravel()[:SAMPLE]
        if contender.library == "memset":
            return
        found = moments(task, self.size, sample)
        entry = {
            "what": task.name,
            "library": contender.library,
            "instruction_set": contender.instruction_set,
            **found,
        }
        common.add_check(self.report, entry)

    def _check_digests(self, task: Task, own: list[Contender]) -> None:
        """Check that all instruction sets and numbers of threads give the same bytes."""
        digests = set()
        for count in self.counts:
            with common.threads(count):
                digests |= {fastinit.digest(each.read(each.run())) for each in own}
        entry = {
            "what": f"{task.name}: one digest for all threads and instruction sets",
            "library": "fastinit",
            "threads": self.counts,
            "instruction_sets": [each.instruction_set for each in own],
            "digests": sorted(digests),
            "ok": len(digests) == 1,
        }
        common.add_check(self.report, entry)

    def _time(self, task: Task, memory: str, all_of_them: list[Contender]) -> None:
        for count in self.counts:
            measures = {
                k: lambda each=each: common.once(each.run) for k, each in enumerate(all_of_them)
            }
            with common.threads(count):
                found = common.interleaved(measures, self.repeats)
            common.select_instruction_set(self.report["environment"]["instruction_set"])
            for k, each in enumerate(all_of_them):
                self._enter(task, memory, count, each, common.spread(found[k]))

    def _enter(
        self, task: Task, memory: str, count: int, each: Contender, seconds: dict[str, float]
    ) -> None:
        rate = each.values / seconds["median"]
        self.report["results"].append(
            {
                "task": task.name,
                "memory": memory,
                "threads": count,
                "library": each.library,
                "instruction_set": each.instruction_set,
                "values": each.values,
                "seconds": seconds,
                "values_per_second": rate,
                "note": each.note,
            }
        )
        low, high = (each.values / seconds[end] / 1e9 for end in ("maximum", "minimum"))
        who = f"{each.library} {each.instruction_set or ''}"
        what = f"{task.name} {memory}"
        print(f"{what:34}{count:3} {who:18}{rate / 1e9:8.3f}   {low:.3f} to {high:.3f}")


def moments(task: Task, size: int, sample: NDArray[Any]) -> dict[str, Any]:
    """Return the moments and extremes of a sample, and whether they are those of the task."""
    mean, std, low, high = _expected(task, size)
    values = sample.astype(np.float64)
    found = {
        "values": values.size,
        "mean": float(values.mean()),
        "std": float(values.std()),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
    }
    allowed = SIGMAS * std / math.sqrt(values.size)
    ok = (
        abs(found["mean"] - mean) <= allowed
        and abs(found["std"] - std) <= allowed
        and low <= found["minimum"] < mean < found["maximum"] <= high
    )
    return {**found, "ok": ok}


def _expected(task: Task, size: int) -> tuple[float, float, float, float]:
    """Return the mean, the standard deviation and the bounds of a task."""
    he = math.sqrt(2 / size)
    return {
        "uniform": (0.5, 1 / math.sqrt(12), 0.0, 1.0),
        "normal": (0.0, 1.0, -10.0, 10.0),
        "truncated_normal": (0.0, 0.8796256610342398, -2.0, 2.0),
        "he_normal": (0.0, he, -10 * he, 10 * he),
    }[task.distribution]


def _memory(size: int) -> Memory:
    """Return bytes that start at a cache line and have been written once."""
    return fastinit.constant(size, 1, dtype="uint8")


if __name__ == "__main__":
    sys.exit(main())
