"""Drawing on a GPU: the rate as a share of the memory's store bandwidth, compared with the peers.

    python -m benchmarks.cuda --json benchmarks/results/cuda.json

This needs a GPU, CuPy, and memory for twice the largest task (Llama-3 8B in bfloat16 takes 16 GB).
Where it cannot run, it says why and exits with status 0. Every result is checked before it is
timed: fastinit's against the bytes that the CPU draws, a peer's by its moments.

An entry of ``results`` has ``task``, ``library`` ("cudaMemset" sets as many bytes), ``values``,
``bytes``, ``seconds`` per draw, ``values_per_second`` and ``bytes_per_second`` (at the median),
``share`` (of cudaMemset's rate in the same task, over at most ``--size`` bytes) and ``note``.
Seconds are measured with the host's clock, from an idle GPU until it is idle again, over several
draws in a row if one is short. Tasks are "normal float32" and the like (one tensor), "1000 tensors"
(of 4096 float32 values each), "model" (the tensors of a whole model), "orthogonal 4096" and "sparse
4096" (square matrices), and "1024 x orthogonal 64" (a batch of small matrices).
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
from pathlib import Path
from typing import Any

import numpy as np

import fastinit
from benchmarks import common, gpu
from benchmarks.contenders import Task
from benchmarks.fill import SAMPLE, moments
from benchmarks.gpu import Contender
from benchmarks.on_gpu.session import NOTHING
from fastinit.native import cuda

LEAST_SECONDS = 0.02  # of a measurement
MOST_CALLS = 500
NOTES = [
    "Seconds include the work of the calls on the host. Compare within one run only.",
    "Each library writes memory of its own pool that has been written before.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    # Otherwise JAX takes all the memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if options.library is not None:
        gpu.use(options.library)
    status = fastinit.cuda_status()
    if not status.startswith("usable:"):
        print(f"{NOTHING}, since CUDA is {status}")
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
    for name in common.listed(options.parts):
        parts[name]()
        common.write(options.json, run.report)  # after every part: what was measured is kept
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("cuda", __doc__)
    parser.add_argument("--library", type=Path, help="CUDA module to use instead of the built one")
    parser.add_argument("--size", type=int, default=1 << 30, help="bytes of one large tensor")
    parser.add_argument("--matrix", type=int, default=4096, help="rows and columns (%(default)s)")
    parser.add_argument("--batch", type=int, default=1024, help="small matrices (%(default)s)")
    parser.add_argument("--model", default="llama-3-8b", help="name or manifest (%(default)s)")
    parser.add_argument("--repeats", type=int, default=11, help="of each timing (%(default)s)")
    parts = "large,small,model,orthogonal,batch,sparse"
    parser.add_argument("--parts", default=parts, help="what to measure (%(default)s)")
    tasks = ",".join(task.name for task in gpu.TASKS)
    parser.add_argument("--tasks", default=tasks, help="large tensors (%(default)s)")
    peers = ",".join(gpu.PEERS)
    parser.add_argument("--peers", default=peers, help="other libraries (%(default)s)")
    return parser.parse_args(argv)


Makers = dict[str, Callable[[], Contender]]


@dataclass(frozen=True)
class Case:
    """A task, its contenders, and the arrays that fastinit must draw for it."""

    task: str
    values: int
    dtype: np.dtype[Any]
    makers: Makers
    expected: Callable[[], Iterable[Any]]
    drawn: Task | None = None  # the task whose moments peers must have

    @property
    def bytes(self) -> int:
        """Size of all values in bytes."""
        return self.values * self.dtype.itemsize


class _Run:
    """The arguments of a run, and its report."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.peers = common.listed(options.peers)
        self.cupy = gpu.needed("cupy")
        self.device = self.cupy.cuda.Device()
        paths = ("json", "library")
        settings = {key: value for key, value in vars(options).items() if key not in paths}
        self.report = common.new_report("cuda", settings, NOTES)
        self.report["environment"] |= _gpu(self.device)

    # ---- the parts

    def large(self) -> None:
        """Time one tensor of each distribution and dtype."""
        wanted = common.listed(self.options.tasks)
        for task in (each for each in gpu.TASKS if each.name in wanted):
            count = self.options.size // task.numpy_dtype.itemsize
            makers: Makers = {"fastinit": partial(gpu.of_fastinit, task, count)}
            makers |= {name: partial(gpu.LARGE[name], task, count) for name in self.peers}
            expected = partial(gpu.on_cpu, task, count)
            self._measure(Case(task.name, count, task.numpy_dtype, makers, expected, task))

    def small(self) -> None:
        """Time a thousand tensors, in one call or in a loop."""
        self._many("1000 tensors", gpu.small_plan(1000))

    def model(self) -> None:
        """Time the tensors of a model in bfloat16: one call, or a loop of equally large normals."""
        self._many("model", fastinit.Plan(self.options.model, seed=0, dtype="bfloat16"))

    def matrices(self, initializer: str, count: int, size: int) -> None:
        """Time one orthogonal or sparse matrix, or a batch of them."""
        shape = (count, size, size)
        names = ["fastinit", *(name for name in self.peers if name == "torch")]
        makers: Makers = {
            name: partial(gpu.of_matrices, name, initializer, shape) for name in names
        }

        def expected() -> list[Any]:
            return [gpu.matrices(initializer, shape)]

        task = f"{initializer} {size}"
        task = task if count == 1 else f"{count} x {task}"
        self._measure(Case(task, math.prod(shape), np.dtype("float32"), makers, expected))

    def _many(self, name: str, plan: fastinit.Plan) -> None:
        shapes = [each.parameter.shape for each in plan.tensors]
        dtype = plan.tensors[0].dtype
        makers: Makers = {"fastinit": partial(gpu.of_plan, plan)}
        peers = [peer for peer in self.peers if peer in gpu.MANY]
        makers |= {peer: partial(gpu.MANY[peer], shapes, dtype.name) for peer in peers}

        def expected() -> Iterator[Any]:
            return (plan.draw(each.parameter.name) for each in plan.tensors)

        self._measure(Case(name, sum(map(math.prod, shapes)), dtype, makers, expected))

    # ---- checking and timing

    def _measure(self, case: Case) -> None:
        try:
            self._time(case, list(self._contenders(case)))
        except MemoryError as error:
            common.leave_out(self.report, case.task, "cudaMemset", error)
        gpu.free()

    def _contenders(self, case: Case) -> Iterator[Contender]:
        """Yield the contenders that can do a task, after checking them."""
        yield gpu.of_memset(min(case.bytes, self.options.size))
        for library, make in case.makers.items():
            reasons = [common.LeftOutError, MemoryError, ValueError]
            if library != "fastinit":  # a failure of fastinit stops the benchmark
                reasons.append(RuntimeError)
            try:
                contender = make()
                contender.run()
            except tuple(reasons) as reason:
                common.leave_out(self.report, case.task, library, reason)
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
        """Check that fastinit draws the bytes of the CPU, and the moments of a peer."""
        contender.wait()
        self.device.synchronize()
        entry: dict[str, Any] = {"what": case.task, "library": contender.library}
        if contender.library == "fastinit":
            pairs = zip(contender.read(), case.expected(), strict=True)
            entry["ok"] = all(fastinit.digest(mine) == fastinit.digest(own) for mine, own in pairs)
        elif case.drawn is not None and case.drawn.distribution != "zeros":
            sample = next(iter(contender.read())).ravel()[:SAMPLE]
            entry |= moments(case.drawn, 1, sample)
        else:
            return
        common.add_check(self.report, entry)

    def _timed(self, contender: Contender) -> Callable[[], float]:
        """Return a measurement: seconds per draw, from an idle GPU until it is idle again."""

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


def _gpu(device: Any) -> dict[str, Any]:
    extension = cuda.extension(device.id)
    clock = 1e3 * device.attributes.get("ClockRate", 0)  # in Hz, the highest; 0: not known
    return {
        "gpu": extension.device_properties(device.id) | {"clock": clock},
        "driver": extension.driver_version(),
        "cuda": extension.runtime_version(),
        "cuda_architectures": extension.architectures,
        "cupy": common.version("cupy-cuda13x") or common.version("cupy-cuda12x"),
    }


if __name__ == "__main__":
    sys.exit(main())
