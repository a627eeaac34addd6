"""Drawing on a GPU: the share of the memory's store bandwidth, beside the peers.

    python -m benchmarks.cuda --json benchmarks/results/cuda.json

Needs a GPU, CuPy, and memory for twice the largest task (Llama-3 8B in bfloat16 takes 16 GB); where
it cannot run it says why and exits with status 0. Every answer is checked before it is timed:
fastinit's against the bytes that the CPU draws, a peer's by its moments.

An entry of ``results`` has ``task``, ``library`` ("cudaMemset" sets as many bytes), ``values``,
``bytes``, ``seconds`` of one drawing, ``values_per_second`` and ``bytes_per_second`` (of the
median), ``share`` (of cudaMemset's rate in the same task, over at most ``--size`` bytes) and
``note``. Seconds are taken with the
host's clock, from an idle GPU until it is idle again, over several drawings in a row where one is
short. Tasks are "normal float32" and the like (one tensor), "1000 tensors" (of 4096 float32 values
each), "model" (a whole model's tensors), "orthogonal 4096" and "sparse 4096" (square matrices), and
"1024 x orthogonal 64" (a batch of small ones).
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import fastinit
from benchmarks import common, gpu
from benchmarks.contenders import Task
from benchmarks.fill import SAMPLE, moments
from benchmarks.gpu import Contender
from fastinit import cuda

LEAST_SECONDS = 0.02  # that a measurement takes
MOST_CALLS = 500
NOTES = [
    "Seconds include the calls' own work on the host; compare within one run only.",
    "All libraries write memory of their pool that has been written before.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, time, print, and write the report where asked."""
    options = _options(argv)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # or JAX takes all the memory
    status = fastinit.cuda_status()
    if not status.startswith("usable:"):
        print(f"Nothing is measured, since CUDA is {status}")
        return 0
    run = _Run(options)
    parts: dict[str, Callable[[], None]] = {
        "large": run.large,
        "small": run.small,
        "model": run.model,
        "orthogonal": lambda: run.matrices("orthogonal", 1, options.matrix),
        "batch": lambda: run.matrices("orthogonal", options.batch, 64),
        "sparse": lambda: run.matrices("sparse", 1, options.matrix),
    }
    for name in options.parts.split(","):
        parts[name]()
    common.write(options.json, run.report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.cuda", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", metavar="PATH", help="write the report there")
    parser.add_argument("--size", type=int, default=1 << 30, help="bytes of one large tensor")
    parser.add_argument("--matrix", type=int, default=4096, help="rows and columns (%(default)s)")
    parser.add_argument("--batch", type=int, default=1024, help="small matrices (%(default)s)")
    parser.add_argument("--model", default="llama-3-8b", help="name or manifest (%(default)s)")
    parser.add_argument("--repeats", type=int, default=11, help="of everything (%(default)s)")
    parts = "large,small,model,orthogonal,batch,sparse"
    parser.add_argument("--parts", default=parts, help="comma-separated (%(default)s)")
    peers = ",".join(gpu.PEERS)
    parser.add_argument("--peers", default=peers, help="comma-separated (%(default)s)")
    return parser.parse_args(argv)


Makers = dict[str, Callable[[], Contender]]


@dataclass(frozen=True)
class Case:
    """What everyone draws: how many values, by whom, and what fastinit must have drawn."""

    task: str
    values: int
    dtype: np.dtype[Any]
    makers: Makers
    expected: Callable[[], Iterable[Any]]
    drawn: Task | None = None  # by whose moments peers are checked

    @property
    def bytes(self) -> int:
        """Of all values."""
        return self.values * self.dtype.itemsize


class _Run:
    """One run: what was asked for, and the report that grows."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.peers = [name for name in options.peers.split(",") if name]
        self.cupy = gpu.needed("cupy")
        self.device = self.cupy.cuda.Device()
        self.report: dict[str, Any] = {
            "format": common.FORMAT,
            "benchmark": "cuda",
            "environment": common.environment() | _gpu(self.device.id),
            "settings": {key: value for key, value in vars(options).items() if key != "json"},
            "checks": [],
            "left_out": [],
            "results": [],
            "notes": NOTES,
        }

    # ---- the parts

    def large(self) -> None:
        """One tensor of each distribution and dtype."""
        for task in gpu.TASKS:
            count = self.options.size // task.numpy_dtype.itemsize
            makers: Makers = {"fastinit": partial(gpu.of_fastinit, task, count)} | {
                name: partial(gpu.LARGE[name], task, count) for name in self.peers
            }
            expected = partial(gpu.on_cpu, task, count)
            self._measure(Case(task.name, count, task.numpy_dtype, makers, expected, task))

    def small(self) -> None:
        """A thousand tensors: one call, or a loop."""
        self._many("1000 tensors", gpu.small_plan(1000))

    def model(self) -> None:
        """All tensors of a model in bfloat16: one call, or a loop of normals as large."""
        self._many("model", fastinit.Plan(self.options.model, seed=0, dtype="bfloat16"))

    def matrices(self, kind: str, count: int, size: int) -> None:
        """One orthogonal or sparse matrix, or a batch."""
        shape = (count, size, size)
        names = ["fastinit", *(name for name in self.peers if name == "torch")]
        makers: Makers = {name: partial(gpu.of_matrices, name, kind, shape) for name in names}
        expected = lambda: [gpu.matrices(kind, shape)]  # noqa: E731
        task = f"{kind} {size}" if count == 1 else f"{count} x {kind} {size}"
        self._measure(Case(task, math.prod(shape), np.dtype("float32"), makers, expected))

    def _many(self, name: str, plan: fastinit.Plan) -> None:
        shapes = [each.parameter.shape for each in plan.tensors]
        dtype = plan.tensors[0].dtype
        makers: Makers = {"fastinit": partial(gpu.of_plan, plan)} | {
            peer: partial(gpu.MANY[peer], shapes, dtype.name)
            for peer in self.peers
            if peer in gpu.MANY
        }
        expected = lambda: (plan.draw(each.parameter.name) for each in plan.tensors)  # noqa: E731
        self._measure(Case(name, sum(map(math.prod, shapes)), dtype, makers, expected))

    # ---- checking and timing

    def _measure(self, case: Case) -> None:
        try:
            self._time(case, list(self._contenders(case)))
        except MemoryError as error:
            self._leave_out(case.task, "cudaMemset", str(error))
        gpu.free()

    def _contenders(self, case: Case) -> Iterator[Contender]:
        """All that can do it, checked."""
        yield gpu.of_memset(min(case.bytes, self.options.size))
        for library, make in case.makers.items():
            reasons = [common.LeftOutError, MemoryError, ValueError]
            if library != "fastinit":  # whose failures stop everything
                reasons.append(RuntimeError)
            try:
                contender = make()
                contender.run()
            except tuple(reasons) as reason:
                self._leave_out(case.task, library, str(reason))
                continue
            self._check(case, contender)
            yield contender

    def _time(self, case: Case, contenders: list[Contender]) -> None:
        measures = {each.library: self._timed(each) for each in contenders}
        found = common.interleaved(measures, self.options.repeats)
        memset = contenders[0]
        limit = memset.bytes / common.spread(found[memset.library])["median"]
        for each in contenders:
            self._enter(case, each, common.spread(found[each.library]), limit)

    def _check(self, case: Case, contender: Contender) -> None:
        """The bytes of fastinit must be the CPU's; a peer's moments are written down."""
        contender.wait()
        self.device.synchronize()
        entry: dict[str, Any] = {"what": case.task, "library": contender.library}
        if contender.library == "fastinit":
            pairs = zip(contender.read(), case.expected(), strict=True)
            entry["ok"] = all(fastinit.digest(mine) == fastinit.digest(own) for mine, own in pairs)
            if not entry["ok"]:
                sys.exit(f"fastinit is wrong, so nothing is timed: {entry}")
        elif case.drawn is not None and case.drawn.distribution != "zeros":
            sample = next(iter(contender.read())).ravel()[:SAMPLE]
            entry |= moments(case.drawn, 1, sample)
            if not entry["ok"]:
                print(f"differs from what was asked for: {entry}")
        else:
            return
        self.report["checks"].append(entry)

    def _timed(self, contender: Contender) -> Callable[[], float]:
        """A measurement: seconds of one drawing, from an idle GPU until it is idle again."""

        def seconds(calls: int) -> float:
            self.device.synchronize()
            start = time.perf_counter()
            for _ in range(calls):
                contender.run()
            contender.wait()
            self.device.synchronize()
            return (time.perf_counter() - start) / calls

        seconds(1)
        calls = max(1, min(MOST_CALLS, math.ceil(LEAST_SECONDS / seconds(1))))
        return lambda: seconds(calls)

    def _enter(self, case: Case, each: Contender, seconds: dict[str, float], limit: float) -> None:
        size = each.bytes or case.bytes
        rate = size / seconds["median"]
        entry = {
            "task": case.task,
            "library": each.library,
            "values": size // case.dtype.itemsize,
            "bytes": size,
            "seconds": seconds,
            "values_per_second": rate / case.dtype.itemsize,
            "bytes_per_second": rate,
            "share": rate / limit,
            "note": each.note,
        }
        self.report["results"].append(entry)
        print(
            f"{case.task:28}{each.library:12}{seconds['median'] * 1e3:10.3f} ms"
            f"{rate / 1e9:9.0f} GB/s{100 * rate / limit:7.1f} % of cudaMemset   {each.note}"
        )

    def _leave_out(self, task: str, library: str, reason: str) -> None:
        self.report["left_out"].append({"what": task, "library": library, "reason": reason})
        print(f"{task}: {library} is left out: {reason}")


def _gpu(number: int) -> dict[str, Any]:
    extension = cuda.extension(number)
    return {
        "gpu": extension.device_properties(number),
        "driver": extension.driver_version(),
        "cuda": extension.runtime_version(),
        "cuda_architectures": extension.architectures,
        "cupy": common.version("cupy-cuda13x") or common.version("cupy-cuda12x"),
    }


if __name__ == "__main__":
    sys.exit(main())
