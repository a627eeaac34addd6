"""What is not filling: small calls, many tensors, the import, memory, a whole command.

    python -m benchmarks.overhead --json benchmarks/results/overhead.json

An entry of ``results`` has ``task``, ``library``, ``note`` and what was measured: ``seconds`` of
one call or process, and where it says more ``values_per_second``, ``bytes`` (of memory, an object
as ``seconds`` is) or ``ratio``. ``task`` is one of

- "he_normal (64, 64)", "zeros (4,)", "normal (4,)", "uniform (4,)": one call, a new array;
- "many tensors": prepared requests over memory that has been written, in one native call, and as
  many values in one tensor; "fastinit, one tensor" has the latter, "fastinit" the ``ratio`` of the
  rates, the median of the rounds;
- "import": ``import fastinit`` beyond ``import numpy, ml_dtypes`` (as the difference of whole
  processes, and as "fastinit, inside the process");
- "peak memory bfloat16": the resident memory of one fill beyond the array;
- "init gpt2": the whole ``fastinit init gpt2`` process, ``bytes`` being its anonymous memory beyond
  that of the imports; "transformers" builds and saves the same model.
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
from fastinit import native
from fastinit.boxes import whole
from fastinit.requests import requests_of

LENGTH = 1000  # values of each of many tensors
NOTES = [
    "Small calls are timed in batches; seconds are of one call, and each batch counts once.",
    "All threads are allowed; fastinit uses one below 32,768 values.",
    "Processes are timed in turn; their first round is not counted.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, time, print, and write the report where asked."""
    options = _options(argv)
    calls, repeats, peers = options.calls, options.repeats, options.peers.split(",")
    report: dict[str, Any] = {
        "format": common.FORMAT,
        "benchmark": "overhead",
        "environment": common.environment(),
        "settings": {"size": options.size, "repeats": repeats, "calls": calls},
        "checks": [],
        "left_out": [],
        "results": [],
        "notes": NOTES,
    }
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "calls": lambda: small_calls(calls, repeats, peers),
        "many": lambda: many_tensors(options.size, repeats, peers, report["checks"]),
        "import": lambda: processes.import_time(repeats),
        "memory": lambda: processes.peak_memory(options.size, max(1, repeats // 3), peers),
        "command": lambda: processes.command(max(1, repeats // 3), peers),
    }
    for name in options.parts.split(","):
        try:
            for entry in parts[name]():
                report["results"].append(entry)
                print(describe(entry))
        except common.LeftOutError as reason:
            report["left_out"].append({"what": name, "library": "fastinit", "reason": str(reason)})
            print(f"{name} is left out: {reason}")
    common.write(options.json, report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.overhead", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", metavar="PATH", help="write the report there")
    parser.add_argument("--size", type=int, default=10_000, help="tensors, rows (%(default)s)")
    parser.add_argument("--repeats", type=int, default=15, help="of everything (%(default)s)")
    parser.add_argument("--calls", type=int, default=500, help="a batch (%(default)s)")
    parts = "calls,many,import,memory,command"
    parser.add_argument("--parts", default=parts, help="comma-separated (%(default)s)")
    peers = "numpy,torch,transformers"
    parser.add_argument("--peers", default=peers, help="comma-separated (%(default)s)")
    return parser.parse_args(argv)


def describe(entry: dict[str, Any]) -> str:
    """One line of an entry."""
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
    """Seconds of one call, beside torch's and NumPy's."""
    entries = []
    for task, contenders in _small(peers).items():
        measures = {
            library: lambda run=run: timeit.timeit(run, number=calls) / calls
            for library, run in contenders.items()
        }
        interleaved(measures, 1)  # first calls are slower
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
    size: int, repeats: int, peers: Sequence[str], checks: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """``size`` tensors of 1,000 values in one native call, against one tensor of as many values."""
    memory = fastinit.zeros((size, LENGTH))
    many, one = _requests(memory)
    checks.append(_check(memory, many))
    runs = {"fastinit": lambda: native.fill(many), "fastinit, one tensor": lambda: native.fill(one)}
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
    """The rows of ``memory`` as tensors of their own, and ``memory`` as one."""
    what = fastinit.Normal().draw(memory.dtype)
    row = whole((LENGTH,))
    address = memory.ctypes.data
    records = []
    for k in range(len(memory)):
        records += what.place(row, address + k * memory.strides[0], seed=0, stream=k)
    return requests_of(records), requests_of(
        what.place(whole(memory.shape), address, seed=0, stream=0)
    )


def _check(memory: NDArray[np.float32], many: NDArray[np.void]) -> dict[str, Any]:
    """That the one call draws what a call for each tensor draws."""
    native.fill(many)
    chosen = sorted({0, len(memory) // 2, len(memory) - 1})
    ok = all(np.array_equal(memory[k], fastinit.normal(LENGTH, seed=0, name=k)) for k in chosen)
    if not ok:
        sys.exit("fastinit is wrong, so nothing is timed: many tensors in one call")
    return {"what": "many tensors: as one by one", "library": "fastinit", "ok": ok, "rows": chosen}


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
