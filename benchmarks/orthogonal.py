"""Orthogonal matrices and batches of them, compared with torch, JAX and scipy.

    python -m benchmarks.orthogonal --json benchmarks/results/orthogonal.json

An entry of ``results`` has ``task`` ("2048 x 2048"), ``library``, ``instruction_set`` (of fastinit,
null for others), ``threads``, ``matrices``, ``timed`` (how many of the matrices were timed; slow
libraries draw fewer, and ``seconds`` are scaled), ``seconds`` and ``deviation`` (max|Q'Q - I| of
the first matrices of a batch). Entries of fastinit also have ``gflops`` and ``share_of_product``.
``gflops`` counts 2 M N^2 - 2/3 N^3 operations per matrix, which include neither the normals nor the
overhead of blocks. ``share_of_product`` is ``gflops`` divided by the rate of NumPy's product of two
2048 x 2048 matrices, with OpenBLAS's kernels for the same instruction set. These products
(``products``) are measured first, in separate processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastinit
from benchmarks import common
from benchmarks.tables.orthogonal import NOTES

TASKS: tuple[tuple[int, int, int], ...] = (  # matrices, rows, columns
    *((1, 1024, 1024), (1, 2048, 2048), (1, 4096, 4096), (1, 4096, 1024)),
    *((8192, 32, 32), (1024, 64, 64), (256, 128, 128)),
)
CORES = {"avx512": "SkylakeX", "avx2": "Haswell"}  # OpenBLAS's names
LARGEST_DEVIATION = 1e-6
CHECKED = 64  # matrices of a batch whose deviation is measured
PAUSE = 0.1  # seconds after which the threads of the previous library no longer spin
PRODUCT = """
import time, numpy as np
a, b, c = (np.ones((2048, 2048), np.float32) for _ in range(3))
def once():
    start = time.perf_counter()
    np.matmul(a, b, out=c)
    return time.perf_counter() - start
once()
print(*(once() for _ in range(REPEATS)))
"""


@dataclass(frozen=True)
class Contender:
    """``run()`` draws ``timed`` of the task's matrices and returns one or more of them."""

    library: str
    instruction_set: str | None
    timed: int
    run: Callable[[], Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    parser = common.argument_parser("orthogonal", __doc__)
    parser.add_argument("--repeats", type=int, default=5, help="of each timing (%(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes (%(default)s)")
    parser.add_argument("--peers", default="torch,jax,scipy", help="other libraries (%(default)s)")
    options = parser.parse_args(argv)
    threads = len(os.sched_getaffinity(0))
    settings = {"repeats": options.repeats, "scale": options.scale, "threads": threads}
    report = common.new_report("orthogonal", settings, NOTES, packages=("scipy",))
    report["products"] = products(options.repeats)
    for count, rows, columns in TASKS:
        sizes = (max(2, int(size * options.scale)) for size in (rows, columns))
        batch = max(1, int(count * options.scale))
        time_task(report, (batch, *sizes), options.repeats, common.listed(options.peers), threads)
    common.write(options.json, report)
    return 0


def products(repeats: int) -> dict[str, dict[str, float]]:
    """Measure NumPy's matrix product, in seconds and GFLOP/s, per instruction set."""
    found = {}
    for isa, core in CORES.items():
        if isa not in common.instruction_sets():
            continue
        code = PRODUCT.replace("REPEATS", str(2 * repeats + 1))
        settings = {**os.environ, "OPENBLAS_CORETYPE": core}
        done = subprocess.run(
            [sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=True
        )
        seconds = common.spread([float(word) for word in done.stdout.split()])
        found[isa] = {**seconds, "gflops": 2 * 2048**3 / seconds["median"] / 1e9}
        print(f"NumPy's product at 2048 with {core}: {found[isa]['gflops']:.0f} GFLOP/s")
    return found


def time_task(
    report: dict[str, Any], task: tuple[int, ...], repeats: int, peers: list[str], threads: int
) -> None:
    """Time all libraries on a task, in turn, and add the results to a report."""
    count, rows, columns = task
    name = f"{rows} x {columns}" if count == 1 else f"{count} of {rows} x {columns}"
    with common.threads(threads):
        contenders = [*_own(task), *_others(report, name, task, peers)]
        deviations = [deviation(np.asarray(each.run())) for each in contenders]
        _check(report, name, contenders, deviations)
        measures = {
            k: lambda each=each: _timed(each) * count / each.timed
            for k, each in enumerate(contenders)
        }
        found = common.interleaved(measures, repeats)
    common.select_instruction_set(report["environment"]["instruction_set"])
    for k, each in enumerate(contenders):
        entry: dict[str, Any] = {
            "task": name,
            "library": each.library,
            "instruction_set": each.instruction_set,
            "threads": threads,
            "matrices": count,
            "timed": each.timed,
            "seconds": common.spread(found[k]),
            "deviation": deviations[k],
        }
        seconds = entry["seconds"]["median"]
        text = f"{name:20}{each.library:9} {each.instruction_set or '':7}{seconds * 1e3:10.2f} ms"
        if each.instruction_set:
            low, high = min(rows, columns), max(rows, columns)
            entry["gflops"] = count * (2 * high * low**2 - 2 / 3 * low**3) / seconds / 1e9
            text += f" {entry['gflops']:6.0f} GFLOP/s"
            if product := report["products"].get(each.instruction_set):
                entry["share_of_product"] = entry["gflops"] / product["gflops"]
                text += f", {entry['share_of_product']:.2f} of NumPy's product"
        report["results"].append(entry)
        print(f"{text}   {deviations[k]:.1e}")


def _timed(contender: Contender) -> float:
    time.sleep(PAUSE)
    return common.once(contender.run)


def _own(task: tuple[int, ...]) -> Iterator[Contender]:
    out = np.empty(task, np.float32)

    def run(isa: str) -> NDArray[Any]:
        common.select_instruction_set(isa)
        fastinit.orthogonal(task, layout="boi", seed=1, name=0, out=out)
        return out

    for isa in common.instruction_sets():
        if isa in CORES:
            yield Contender("fastinit", isa, task[0], partial(run, isa))


def _others(
    report: dict[str, Any], name: str, task: tuple[int, ...], peers: list[str]
) -> Iterator[Contender]:
    for library in peers:
        try:
            yield _PEERS[library](*task)
        except common.LeftOutError as reason:
            common.leave_out(report, name, library, reason)


def _torch(count: int, rows: int, columns: int) -> Contender:
    torch = common.required("torch")
    weight, timed = torch.empty(rows, columns), min(count, 128)

    def run() -> Any:
        for _ in range(timed):
            torch.nn.init.orthogonal_(weight)
        return weight.numpy()

    return Contender("torch", None, timed, run)


def _jax(count: int, rows: int, columns: int) -> Contender:
    jax = common.required("jax")
    draw = jax.jit(lambda key: jax.nn.initializers.orthogonal()(key, (rows, columns)))
    keys, timed = jax.random.split(jax.random.key(0), min(count, 128)), min(count, 128)

    def run() -> Any:
        for key in keys:
            last = draw(key)
        return last.block_until_ready()

    return Contender("jax", None, timed, run)


def _scipy(count: int, rows: int, columns: int) -> Contender:
    stats = common.required("scipy.stats")
    if rows != columns or rows > 1024:
        raise common.LeftOutError(
            "ortho_group draws only square matrices and is slow for large ones"
        )
    timed = min(count, 16)

    def run() -> Any:
        return stats.ortho_group.rvs(rows, size=timed)

    return Contender("scipy", None, timed, run)


_PEERS: dict[str, Callable[..., Contender]] = {"torch": _torch, "jax": _jax, "scipy": _scipy}


def deviation(q: NDArray[Any]) -> float:
    """Return max|Q'Q - I| of the first matrices, computed in float64."""
    tall = q.reshape(-1, *q.shape[-2:])[:CHECKED].astype(np.float64)
    gram = np.matmul(np.swapaxes(tall, 1, 2), tall)
    return float(np.abs(gram - np.eye(tall.shape[2])).max())


def _check(
    report: dict[str, Any], name: str, contenders: list[Contender], deviations: list[float]
) -> None:
    """Check that fastinit's matrices are orthogonal and equal on all instruction sets."""
    own = [each for each in contenders if each.library == "fastinit"]
    digests = {fastinit.digest(each.run()) for each in own}
    for each, found in zip(contenders, deviations, strict=True):
        ok = found <= LARGEST_DEVIATION or each.library != "fastinit"
        entry = {"what": name, "library": each.library, "deviation": found}
        common.add_check(report, {**entry, "instruction_set": each.instruction_set, "ok": ok})
    entry = {"what": f"{name}: one digest", "library": "fastinit", "ok": len(digests) <= 1}
    common.add_check(report, entry)


if __name__ == "__main__":
    sys.exit(main())
