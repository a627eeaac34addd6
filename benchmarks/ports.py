"""The budget of the CPU's kernels: cycles per value, measured and by the processors' ports.

    python -m benchmarks.ports --json benchmarks/results/ports.json

It reads the loops of the built module (benchmarks/loops.py), which must not be stripped, and needs
``objdump``, ``g++`` and ``llvm-mca`` (the newest in PATH, or ``--mca``). Every kernel is timed by
the processor time of one thread, in memory that stays in the nearest cache, between two timings of
a chain of dependent additions, each of which takes one cycle.

An entry of ``results`` has a kernel's ``instruction_set``, ``draw`` and ``dtype``; ``instructions``
per value and ``spills`` (vectors stored to the stack) per value; ``limits``, the cycles per value
by processor below which the ports of its vector units are all taken, and ``modeled``, those that
llvm-mca's simulation takes, with its latencies and schedulers; and ``measured``, cycles per value
on this machine. Rare branches are part of the loop's code, so wide truncations and tails have
neither limits nor a model.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import fastinit
from benchmarks import common
from benchmarks.loops import Loop, loops
from fastinit.arrays.memory import empty
from fastinit.initializers.base import Distribution
from fastinit.native import _cpu
from fastinit.native.box import whole
from fastinit.native.dtypes import dtype_of
from fastinit.native.request import as_array

DRAWS: dict[str, Distribution] = {
    "uniform": fastinit.Uniform(),
    "log-uniform": fastinit.LogUniform(0.1, 9.0),
    "normal": fastinit.Normal(),
    "truncated center": fastinit.TruncatedNormal(lower=-2, upper=2),
    "truncated wide symmetric": fastinit.TruncatedNormal(lower=-3, upper=3),
    "truncated wide": fastinit.TruncatedNormal(lower=-1, upper=4),
    "truncated tail": fastinit.TruncatedNormal(lower=2, upper=5),
}
BRANCHING = ("truncated wide symmetric", "truncated wide", "truncated tail")
PROCESSORS = {
    **{"znver2": "Zen 2", "znver3": "Zen 3", "znver4": "Zen 4", "haswell": "Haswell"},
    **{"skylake": "Skylake", "icelake-server": "Ice Lake", "alderlake": "Golden Cove"},
}
ZEN4, ZEN5 = "znver4", "znver5"
VALUES = 6144  # a multiple of every set, so that there are no ends
AT_ONCE = 8  # requests per call, so that the call itself takes no share
ADDITIONS = 100_000
_CHAIN = """
extern "C" void chain(long n) {
  unsigned long x = 1;
  asm volatile("1: .rept 10\\n add %0, %0\\n .endr\\n sub $10, %1\\n jnz 1b"
               : "+r"(x), "+r"(n)::"cc");
}
"""
_VECTOR_PIPE = re.compile(r"\[([\d.]+)\]\s+- \w*?(?:FP[0-3]|FPU[0-3]|Port0?[015])\n")
NOTES = [
    "A limit counts the vector units only: no loop can be faster. llvm-mca 19 has no numbers of "
    "Zen 5, whose limit is taken as Zen 4's, or as half of it for AVX-512, which Zen 4 executes in "
    "two halves.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Read the loops, model and measure them, and print; write the results if a path is given."""
    parser = common.argument_parser("ports", __doc__)
    parser.add_argument("--repeats", type=int, default=60, help="timings of each kernel")
    parser.add_argument("--mca", default=_newest_mca(), help="llvm-mca, or '' for no model")
    options = parser.parse_args(argv)
    found = [each for each in loops(Path(_cpu.__file__)) if not each.is_single]
    report = common.new_report("ports", {"repeats": options.repeats}, NOTES)
    kept = [each for each in found if each.draw in DRAWS]
    before = _cpu.instruction_set()
    with common.threads(1):
        chain = _chain()
        for each in sorted(kept, key=lambda one: (one.instruction_set, one.dtype, one.draw)):
            if each.instruction_set in _cpu.instruction_sets():
                entry = _entry(each, options.mca, _measured(each, chain, options.repeats))
                report["results"].append(entry)
                print(describe(entry))
    _cpu.select_instruction_set(before)
    if not kept:
        sys.exit("The module has no names of functions: build it without stripping it.")
    common.write(options.json, report)
    return 0


def _newest_mca() -> str:
    names = [f"llvm-mca-{version}" for version in range(25, 13, -1)]
    return next((name for name in (*names, "llvm-mca") if shutil.which(name)), "")


def _entry(loop: Loop, mca: str, measured: float) -> dict[str, Any]:
    models: dict[str, tuple[float, float]] = {}
    if mca and loop.draw not in BRANCHING:
        models = {name: _model(loop, mca, name) for name in PROCESSORS if _fits(loop, name)}
    limits = {name: limit for name, (limit, _) in models.items()}
    if ZEN4 in limits:
        limits[ZEN5] = limits[ZEN4] / (2 if loop.instruction_set == "avx512" else 1)
    return {
        "instruction_set": loop.instruction_set,
        "draw": loop.draw,
        "dtype": loop.dtype,
        "instructions": len(loop.instructions) / loop.values,
        "spills": loop.spills / loop.values,
        "limits": limits,
        "modeled": {name: cycles for name, (_, cycles) in models.items()},
        "measured": measured,
    }


def _fits(loop: Loop, processor: str) -> bool:
    return loop.instruction_set == "avx2" or processor in (ZEN4, "icelake-server")


def _model(loop: Loop, mca: str, processor: str) -> tuple[float, float]:
    """Return the limit of the vector units and the simulated time, in cycles per value."""
    iterations = 20
    command = (mca, "-mtriple=x86_64", f"-mcpu={processor}", f"-iterations={iterations}")
    code = "\n".join(loop.instructions) + "\n"
    text = subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout
    total = re.search(r"Total Cycles:\s+(\d+)", text)
    table = re.search(r"pressure per iteration:\n(.*)\n(.*)\n", text)
    if total is None or table is None:
        raise ValueError(f"{mca} has no figures for {processor}")
    pressure = dict(zip(re.findall(r"\[([\d.]+)\]", table[1]), table[2].split(), strict=True))
    pipes = [pressure[number] for number in _VECTOR_PIPE.findall(text)]
    taken = sum(float(each) for each in pipes if each != "-")
    return taken / len(pipes) / loop.values, int(total[1]) / iterations / loop.values


def _measured(loop: Loop, chain: Callable[[int], None], repeats: int) -> float:
    """Return cycles per value: the lower decile, each between two timings of the clock."""
    _cpu.select_instruction_set(loop.instruction_set)
    dtype = dtype_of(loop.dtype)
    array, address = empty((VALUES,), dtype)
    template = DRAWS[loop.draw].template(dtype)
    requests = as_array(template.requests(whole((VALUES,)), address, 1, 2) * AT_ONCE)
    expected = DRAWS[loop.draw](VALUES, seed=1, name=2, dtype=dtype)
    _cpu.fill(requests, 1)
    assert array.tobytes() == expected.tobytes(), "the kernel is wrong"
    ratios = []
    for _ in range(repeats):
        first = _seconds(lambda: chain(ADDITIONS))
        kernel = _seconds(lambda: _cpu.fill(requests, 1))
        cycle = min(first, _seconds(lambda: chain(ADDITIONS))) / ADDITIONS
        ratios.append(kernel / cycle / (VALUES * AT_ONCE))
    return float(np.quantile(ratios, 0.1))


def _seconds(run: Callable[[], object]) -> float:
    start = time.thread_time()
    run()
    return time.thread_time() - start


def _chain() -> Callable[[int], None]:
    """Compile the chain of additions, which Python cannot express."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "chain.cpp"), Path(folder, "chain.so")
        source.write_text(_CHAIN)
        command = ("g++", "-O2", "-shared", "-fPIC", str(source), "-o", str(library))
        subprocess.run(command, check=True)
        function = ctypes.CDLL(str(library)).chain
    function.argtypes, function.restype = [ctypes.c_long], None
    return function


def describe(entry: dict[str, Any]) -> str:
    """Return one line about a kernel."""
    name = f"{entry['instruction_set']} {entry['draw']} {entry['dtype']}"
    limit = entry["limits"].get(ZEN5)
    share = f", {limit / entry['measured']:.2f} of Zen 5's limit {limit:.2f}" if limit else ""
    return f"{name}: {entry['measured']:.2f} cycles per value{share}"


if __name__ == "__main__":
    sys.exit(main())
