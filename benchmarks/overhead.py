"""Costs other than filling: small calls, many tensors, the import, memory, a whole command.

    python -m benchmarks.overhead --json benchmarks/results/overhead.json

An entry of ``results`` has ``task``, ``library``, ``note`` and what was measured: ``seconds`` of
one call or process and, depending on the task, ``values_per_second``, ``bytes`` (of memory, an
object like ``seconds``) or ``ratio``. ``task`` is one of

- "he_normal (64, 64)", "zeros (4,)", "normal (4,)", "uniform (4,)": one call that returns a new
  array.
- "many tensors": prepared requests over memory that has been written before, in one native call.
  "fastinit, one tensor" draws as many values into one tensor. ``ratio`` compares the two rates; it
  is the median of the ratios of the rounds.
- "import": ``import fastinit`` beyond ``import numpy, ml_dtypes``, as the difference between whole
  processes and, under "fastinit, inside the process", as measured in one.
- "peak memory bfloat16": the resident memory of one fill beyond the array.
- "init gpt2": the whole process of ``fastinit init gpt2``. ``bytes`` is its anonymous memory beyond
  that of the imports. "transformers" builds and saves the same model.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import timeit
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastinit
from benchmarks import common, processes
from benchmarks.common import interleaved, peer, spread
from fastinit.native import cpu
from fastinit.native.box import whole
from fastinit.native.request import as_array

LENGTH = 1000  # values per tensor
NOTES = [
    "Small calls are timed in batches: each batch gives one figure, the seconds per call.",
    "All threads are allowed; fastinit uses one for fewer than 32,768 values.",
    "Processes are timed in turn, and their first round is not counted.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    calls, repeats, peers = options.calls, options.repeats, common.listed(options.peers)
    settings = {"size": options.size, "repeats": repeats, "calls": calls}
    report = common.new_report("overhead", settings, NOTES)
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "calls": lambda: small_calls(calls, repeats, peers),
        "many": lambda: many_tensors(options.size, repeats, peers, report),
        "import": lambda: processes.import_time(repeats),
        "memory": lambda: processes.peak_memory(options.size, max(1, repeats // 3), peers),
        "command": lambda: processes.command(max(1, repeats // 3), peers),
    }
    common.run_parts(report, parts, common.listed(options.parts), describe)
    common.write(options.json, report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("overhead", __doc__)
    parser.add_argument("--size", type=int, default=10_000, help="tensors, or rows (%(default)s)")
    parser.add_argument("--repeats", type=int, default=15, help="of each timing (%(default)s)")
    parser.add_argument("--calls", type=int, default=500, help="calls per batch (%(default)s)")
    parts = "calls,many,import,memory,command"
    parser.add_argument("--parts", default=parts, help="what to measure (%(default)s)")
    peers = "numpy,torch,transformers"
    parser.add_argument("--peers", default=peers, help="other libraries (%(default)s)")
    return parser.parse_args(argv)


def describe(entry: dict[str, Any]) -> str:
    """Return a line of text about an entry."""
    text = f"{entry['task']:24}{entry['library']:28}"
    if "seconds" in entry:
        text += f"{entry['seconds']['median'] * 1e6:12.1f} us"
    if "values_per_second" in entry:
        text += f"{entry['values_per_second'] / 1e9:8.3f} 10^9 values/s"
    if "bytes" in entry:
        text += f"{entry['bytes']['median'] / 1e6:10.2f} MB"
    if "ratio" in entry:
        text += f"   ratio {entry['ratio']:.2f}"
    return text


# ---- small calls --------------------------------------------------------------------------------


def small_calls(calls: int, repeats: int, peers: Sequence[str]) -> list[dict[str, Any]]:
    """Time single calls of fastinit, torch and NumPy."""
    entries = []
    for task, contenders in _small(peers).items():
        measures = {
            library: lambda run=run: timeit.timeit(run, number=calls) / calls
            for library, run in contenders.items()
        }
        interleaved(measures, 1)  # the first calls are slower
        for library, seconds in interleaved(measures, repeats).items():
            entries.append(
                {"task": task, "library": library, "seconds": spread(seconds), "note": "new arrays"}
            )
    return entries


def _small(peers: Sequence[str]) -> dict[str, dict[str, Callable[[], Any]]]:
    generator = np.random.Generator(np.random.Philox(0))
    tasks: dict[str, dict[str, Callable[[], Any]]] = {
        "he_normal (64, 64)": {"fastinit": lambda: fastinit.he_normal((64, 64))},
        "zeros (4,)": {"fastinit": lambda: fastinit.zeros(4), "numpy": lambda: np.zeros(4, "f4")},
        "normal (4,)": {
            "fastinit": lambda: fastinit.normal(4),
            "numpy": lambda: generator.standard_normal(4, np.float32),
        },
        "uniform (4,)": {
            "fastinit": lambda: fastinit.uniform(4),
            "numpy": lambda: generator.random(4, np.float32),
        },
    }
    torch = peer("torch") if "torch" in peers else None
    if torch is not None:
        init, empty = torch.nn.init, torch.empty
        tasks["he_normal (64, 64)"]["torch"] = lambda: init.kaiming_normal_(empty(64, 64))
        tasks["zeros (4,)"]["torch"] = lambda: init.zeros_(empty(4))
        tasks["normal (4,)"]["torch"] = lambda: init.normal_(empty(4))
        tasks["uniform (4,)"]["torch"] = lambda: init.uniform_(empty(4))
    return tasks


# ---- many tensors -------------------------------------------------------------------------------


def many_tensors(
    size: int, repeats: int, peers: Sequence[str], report: dict[str, Any]
) -> list[dict[str, Any]]:
    """Time one native call for ``size`` tensors of 1,000 values, and one for a single tensor."""
    memory = fastinit.zeros((size, LENGTH))
    many, one = _requests(memory)
    common.add_check(report, _check(memory, many))
    runs = {"fastinit": lambda: cpu.fill(many), "fastinit, one tensor": lambda: cpu.fill(one)}
    runs |= _torch_tensors(memory) if "torch" in peers else {}
    measures = {library: lambda run=run: common.once(run) for library, run in runs.items()}
    interleaved(measures, 1)
    found = interleaved(measures, repeats)
    entries: list[dict[str, Any]] = [
        {
            "task": "many tensors",
            "library": library,
            "seconds": spread(seconds),
            "values_per_second": memory.size / statistics.median(seconds),
            "note": f"normal float32, {size} tensors of {LENGTH} values",
        }
        for library, seconds in found.items()
    ]
    pairs = zip(found["fastinit, one tensor"], found["fastinit"], strict=True)
    entries[0]["ratio"] = statistics.median(one / many for one, many in pairs)
    return entries


def _requests(memory: NDArray[np.float32]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return requests for the rows of ``memory`` as separate tensors, and for all of it as one."""
    template = fastinit.Normal().template(memory.dtype)
    row = whole((LENGTH,))
    address = memory.ctypes.data
    requests = []
    for k in range(len(memory)):
        requests += template.requests(row, address + k * memory.strides[0], seed=0, stream=k)
    return as_array(requests), as_array(
        template.requests(whole(memory.shape), address, seed=0, stream=0)
    )


def _check(memory: NDArray[np.float32], many: NDArray[np.void]) -> dict[str, Any]:
    """Check that the one call draws what separate calls draw."""
    cpu.fill(many)
    chosen = sorted({0, len(memory) // 2, len(memory) - 1})
    ok = all(np.array_equal(memory[k], fastinit.normal(LENGTH, seed=0, name=k)) for k in chosen)
    return {
        "what": "many tensors: equal to separate calls",
        "library": "fastinit",
        "ok": ok,
        "rows": chosen,
    }


def _torch_tensors(memory: NDArray[np.float32]) -> dict[str, Callable[[], Any]]:
    torch = peer("torch")
    if torch is None:
        return {}
    rows = list(torch.from_numpy(memory))
    normal = torch.nn.init.normal_

    def run() -> None:
        for row in rows:
            normal(row)

    return {"torch": run}


if __name__ == "__main__":
    sys.exit(main())
