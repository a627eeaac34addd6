"""Sparse initialization, compared with torch's ``sparse_`` and ``scipy.sparse.random``.

    python -m benchmarks.sparse --json benchmarks/results/sparse.json

An entry of ``results`` has ``task``, ``library``, ``what``, ``shape``, ``sparsity``, ``seconds``
and ``values_per_second`` (of the dense shape). The entry of ``task`` "memory" has
``anonymous_bytes``, the memory that a process needs beyond the result, and ``result_bytes``.
``ratios`` compares medians.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import fastinit
from benchmarks import common
from benchmarks.tables.sparse import NOTES

MEMORY = """
import json, resource, sys, threading, time
import numpy as np
import scipy.sparse
import fastinit
fastinit.sparse((64, 64), 0.9, seed=0, name=0, format="csr")
def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024
before, most, stop = anonymous(), [0], threading.Event()
def watch():
    while not stop.is_set():
        most[0] = max(most[0], anonymous())
        time.sleep(0.0005)
watcher = threading.Thread(target=watch)
watcher.start()
made = fastinit.sparse(({size}, {size}), {sparsity}, seed=0, name=0, format="csr")
stop.set()
watcher.join()
result = made.data.nbytes + made.indices.nbytes + made.indptr.nbytes
print(json.dumps({{"anonymous_bytes": max(0, most[0] - before - result), "result_bytes": result}}))
"""


def main(argv: list[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    names = ("threads", "repeats", "size", "large")
    settings = {name: getattr(options, name) for name in names}
    report = common.new_report("sparse", settings, NOTES, packages=("scipy",))
    for entry in check(options.size):
        common.add_check(report, entry)
    with common.threads(options.threads):
        measure(report, dense_tasks(options.size), options.repeats)
        measure(report, format_tasks(options.large), options.large_repeats)
    report["results"].append(memory(options.large))
    report["ratios"] = ratios(report["results"])
    for name, value in report["ratios"].items():
        print(f"{name:48}{value:10.3f}")
    common.write(options.json, report)
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("sparse", __doc__)
    parser.add_argument(
        "--size", type=int, default=4096, help="rows of dense matrices (%(default)s)"
    )
    parser.add_argument(
        "--large", type=int, default=20000, help="rows of sparse arrays (%(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=7, help="with dense matrices (%(default)s)")
    parser.add_argument(
        "--large-repeats", type=int, default=3, help="with sparse arrays (%(default)s)"
    )
    parser.add_argument("--threads", type=int, default=2, help="of all libraries (%(default)s)")
    return parser.parse_args(argv)


def check(size: int) -> list[dict[str, Any]]:
    """Check the counts, the nonzeros and the sparse format against a dense array."""
    scipy_sparse = common.peer("scipy.sparse")
    shape = (size, size // 4)
    dense = fastinit.normal(shape, std=0.01, seed=1, name=0)
    drawn = fastinit.sparse(shape, 0.9, seed=1, name=0)
    zeros = (drawn == 0).sum(axis=0)
    checks = [
        {
            "what": "exactly ceil(0.9 rows) zeros in each column",
            "library": "fastinit",
            "ok": bool((zeros == -(-9 * size // 10)).all()),
        },
        {
            "what": "the nonzeros equal those of the dense normal",
            "library": "fastinit",
            "ok": bool((drawn[drawn != 0] == dense[drawn != 0]).all()),
        },
    ]
    if scipy_sparse is not None:
        made = fastinit.sparse(shape, 0.9, seed=1, name=0, format="csr")
        same = (made.toarray() == drawn).all() and made.nnz == np.count_nonzero(drawn)
        checks.append(
            {"what": "CSR equals the dense array", "library": "fastinit", "ok": bool(same)}
        )
    return checks


Task = dict[str, Any]


def dense_tasks(size: int) -> list[Task]:
    """Return the contenders that fill a dense array."""
    shape = (size, size)
    out = np.zeros(shape, np.float32)
    mask = np.zeros(shape, bool)

    def task(library: str, what: str, run: Callable[[], Any]) -> Task:
        fixed = {"task": "dense", "shape": list(shape), "sparsity": 0.9}
        return fixed | {"library": library, "what": what, "run": run}

    base = fastinit.Normal(0.0, 0.01)
    tasks = [
        task(
            "fastinit", "normal", lambda: fastinit.normal(shape, std=0.01, seed=0, name=0, out=out)
        ),
        task("fastinit", "sparse", lambda: fastinit.sparse(shape, 0.9, seed=0, name=0, out=out)),
        task(
            "fastinit",
            "sparse per output",
            lambda: fastinit.sparse(shape, 0.9, per="out", seed=0, name=0, out=out),
        ),
        task("fastinit", "2 of 4", lambda: fastinit.n_m(shape, base=base, seed=0, name=0, out=out)),
        task(
            "fastinit",
            "bernoulli",
            lambda: fastinit.bernoulli(shape, 0.1, base=base, seed=0, name=0, out=out),
        ),
        task("fastinit", "mask", lambda: fastinit.mask(shape, 0.9, seed=0, name=0, out=mask)),
    ]
    torch = common.peer("torch")
    if torch is not None:
        tensor = torch.zeros(shape)
        tasks.append(task("torch", "sparse_", lambda: torch.nn.init.sparse_(tensor, 0.9, 0.01)))
    return tasks


def format_tasks(size: int) -> list[Task]:
    """Return the contenders that make a sparse array of scipy."""
    shape = (size, size)
    scipy_sparse = common.peer("scipy.sparse")
    if scipy_sparse is None:
        return []
    random = scipy_sparse.random

    def task(library: str, what: str, run: Callable[[], Any]) -> Task:
        fixed = {"task": "formats", "shape": list(shape), "sparsity": 0.999}
        return fixed | {"library": library, "what": what, "run": run}

    draw = functools.partial(fastinit.sparse, shape, 0.999, seed=0, name=0)
    return [
        *(
            task("fastinit", form, functools.partial(draw, format=form))
            for form in ("csr", "csc", "coo")
        ),
        task(
            "fastinit",
            "csr per output",
            functools.partial(draw, per="out", format="csr"),
        ),
        task("scipy", "csr", lambda: random(*shape, 0.001, "csr", np.float32)),
        task(
            "scipy",
            "csr, rng=",
            lambda: random(*shape, 0.001, "csr", np.float32, rng=np.random.default_rng(0)),
        ),
    ]


def measure(report: dict[str, Any], tasks: list[Task], repeats: int) -> None:
    """Time tasks in turn and add the results to a report."""
    runs = {k: lambda each=each: common.once(each["run"]) for k, each in enumerate(tasks)}
    for k, seconds in common.interleaved(runs, repeats).items():
        figures = common.spread(seconds)
        entry = {key: value for key, value in tasks[k].items() if key != "run"}
        values = entry["shape"][0] * entry["shape"][1]
        entry |= {"seconds": figures, "values_per_second": values / figures["median"]}
        report["results"].append(entry)
        print(f"{entry['library']:10}{entry['what']:20}{figures['median']:10.4f} s")


def memory(size: int) -> dict[str, Any]:
    """Measure the memory that a process needs for a CSR array beyond the array itself."""
    code = MEMORY.format(size=size, sparsity=0.999)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    what = {"task": "memory", "library": "fastinit", "what": "csr", "shape": [size, size]}
    return what | {"sparsity": 0.999} | found


def ratios(results: list[dict[str, Any]]) -> dict[str, float]:
    """Return the ratios of medians."""
    median = {
        (each["task"], each["library"], each["what"]): each["seconds"]["median"]
        for each in results
        if "seconds" in each
    }

    def ratio(top: tuple[str, str, str], bottom: tuple[str, str, str]) -> dict[str, float]:
        name = f"{bottom[1]} {bottom[2]} as fast as {top[1]} {top[2]}, times"
        return {name: median[top] / median[bottom]} if {top, bottom} <= median.keys() else {}

    dense, csr = ("dense", "fastinit", "sparse"), ("formats", "fastinit", "csr")
    return (
        ratio(("dense", "torch", "sparse_"), dense)
        | ratio(("dense", "fastinit", "normal"), dense)
        | ratio(("dense", "fastinit", "normal"), ("dense", "fastinit", "sparse per output"))
        | ratio(("dense", "fastinit", "normal"), ("dense", "fastinit", "2 of 4"))
        | ratio(("formats", "scipy", "csr"), csr)
        | ratio(("formats", "scipy", "csr, rng="), csr)
    )


if __name__ == "__main__":
    sys.exit(main())
