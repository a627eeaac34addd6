"""The budget of the CPU's kernels: cycles per value, measured and by the processors' ports.

    python -m benchmarks.ports --json benchmarks/results/ports.json

It reads the loops of the built module (benchmarks/loops.py), which must not be stripped, and needs
``objdump``, ``g++`` and ``llvm-mca`` (the newest in PATH, or ``--mca``). Every kernel is timed by
the processor time of one thread, in memory that stays in the nearest cache, between two timings of
a chain of dependent additions, each of which takes one cycle.

``xors_per_cycle`` of ``environment`` is how many 256-bit xors this machine executes per cycle in
twelve dependent chains side by side, which is fewer than its units could.

An entry of ``results`` has a kernel's ``instruction_set``, ``draw`` and ``dtype``; ``instructions``
per value and ``spills`` (vectors stored to the stack) per value; ``limits``, the cycles per value
by processor below which the ports of its vector units are all taken, and ``modeled``, those that
llvm-mca's simulation takes, with its latencies and schedulers; and ``measured``, cycles per value
on this machine. Wide truncations and tails have rare branches, which these leave out and
``measured`` has.

Further entries have parts of this only:

- "mask words": the loop of a Bernoulli mask's words; ``measured`` is of the whole mask, which also
  compares the words with a threshold and zeroes elements.
- "gathered normal": single elements of a normal distribution, as for sparse arrays. A whole block
  of four is drawn for each, so that the limit is that of four normals.
- "orthogonal 1024 x 1024": per element, with the fma units' limit for 2 M N^2 - 2/3 N^3
  operations.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastinit
from benchmarks import common
from benchmarks.loops import MASK_WORDS, Loop, loops
from fastinit.arrays.memory import empty
from fastinit.initializers.base import Distribution
from fastinit.native import _cpu
from fastinit.native.box import Box, whole
from fastinit.native.dtypes import dtype_of
from fastinit.native.request import Template, as_array

DRAWS: dict[str, Distribution] = {
    "uniform": fastinit.Uniform(),
    "log-uniform": fastinit.LogUniform(0.1, 9.0),
    "normal": fastinit.Normal(),
    "truncated center": fastinit.TruncatedNormal(lower=-2, upper=2),
    "truncated wide symmetric": fastinit.TruncatedNormal(lower=-3, upper=3),
    "truncated wide": fastinit.TruncatedNormal(lower=-1, upper=4),
    "truncated tail": fastinit.TruncatedNormal(lower=2, upper=5),
}
# llvm-mca's models of each processor, for AVX2 and AVX-512. It has none of Zen 5, whose units are
# those of Zen 4 and twice as wide.
ZEN4, ZEN5 = "Zen 4", "Zen 5"
PROCESSORS = {
    "Zen 2": {"avx2": "znver2"},
    "Zen 3": {"avx2": "znver3"},
    ZEN4: {"avx2": "znver4", "avx512": "znver4"},
    "Haswell": {"avx2": "haswell"},
    "Skylake": {"avx2": "skylake", "avx512": "skylake-avx512"},
    "Ice Lake": {"avx2": "icelake-server", "avx512": "icelake-server"},
    "Golden Cove": {"avx2": "alderlake", "avx512": "sapphirerapids"},
}
VALUES = 6144  # a multiple of every set, so that there are no ends
AT_ONCE = 8  # requests per call, so that the call itself takes no share
SQUARE = 1024  # rows and columns of the orthogonal matrix
FMA_OPERATIONS = {"avx2": 32, "avx512": 64}  # float32 per cycle, with two units of full width
ADDITIONS = 100_000
_LOOPS = r"""
extern "C" void chain(long n) {
  unsigned long x = 1;
  asm volatile("1: .rept 10\n add %0, %0\n .endr\n sub $10, %1\n jnz 1b"
               : "+r"(x), "+r"(n)::"cc");
}
extern "C" void xors(long n) {
  asm volatile("1: .rept 40\n .irp i,0,1,2,3,4,5,6,7,8,9,10,11\n"
               "vpxor %%ymm15, %%ymm\\i, %%ymm\\i\n .endr\n .endr\n sub $480, %0\n jnz 1b"
               : "+r"(n)::"cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                 "xmm8", "xmm9", "xmm10", "xmm11", "xmm15");
}
"""
XORS = 96_000  # a multiple of the 480 of an iteration
# The vector units of AMD, and of Intel, which has two of 512 bits.
_VECTOR_PIPE = {
    "avx2": re.compile(r"\[([\d.]+)\]\s+- \w*?(?:FP[0-3]|FPU[0-3]|Port0?[015])\n"),
    "avx512": re.compile(r"\[([\d.]+)\]\s+- \w*?(?:FP[0-3]|FPU[0-3]|Port0?[05])\n"),
}
NOTES = [
    "A round of Philox takes two multiplications, two shifts and four xors for four blocks with "
    "AVX2, which has no xor of three numbers: more than half of a normal's operations, and four "
    "fifths of a uniform's.",
    "The rest is waiting. A round's result comes 9.4 cycles after that of the round before it, and "
    "a truncated normal is a chain of 25 instructions, 85 cycles, while sixteen registers hold "
    "four to six chains and a processor looks some 150 instructions ahead. Timed apart with AVX2 "
    "on Zen 5, words take 1.23 cycles per float32 value, and without them the values of a uniform "
    "0.31, those of a normal 1.28 and those of a normal truncated to 2 sigmas 1.90: the sums are "
    "hardly more than what the loops take. As many instructions of the same kinds as this last one "
    "has take 1.24 where none waits for another.",
    "What was tried with AVX2 on Zen 5 on 2026-11-28, in times of the loops as they are, for "
    "normals, bfloat16 normals, uniforms and normals truncated to 2 sigmas: the words of the next "
    "set drawn beside the values of this one 0.95, 1.00, 1.04, 1.03, and in llvm-mca's model of "
    "Skylake 1.09, 1.11, 1.06, 1.07; the same for three single vectors 0.99, 0.97, 1.14, 1.13; "
    "some rounds of words between values 0.98, 0.98, 1.15, 1.11; other numbers of vectors and "
    "groups at once 0.99 to 1.30; one or two of the 120 instructions of sixteen normals less, for "
    "their signs, 1.01 to 1.04; shuffles in place of Philox's shifts 1.09, 1.10, 1.16, 1.12; no "
    "bounds for truncated values 0.97; a longer encoding, which makes the code 9 % larger, 1.00 "
    "for all. So neither the number of instructions nor their size decides, but how long they "
    "wait.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Read the loops, model and measure them, and print; write the results if a path is given."""
    parser = common.argument_parser("ports", __doc__)
    parser.add_argument("--repeats", type=int, default=60, help="timings of each kernel")
    parser.add_argument("--mca", default=_newest_mca(), help="llvm-mca, or '' for no model")
    options = parser.parse_args(argv)
    found = [each for each in loops(Path(_cpu.__file__)) if not each.is_single]
    report = common.new_report("ports", {"repeats": options.repeats}, NOTES)
    kept = [each for each in found if each.draw in (*DRAWS, MASK_WORDS)]
    if not kept:
        sys.exit("The module has no names of functions: build it without stripping it.")
    before = _cpu.instruction_set()
    with common.threads(1):
        chain, xors = _loops()
        clock = Clock(chain, options.repeats)
        report["environment"]["xors_per_cycle"] = 1 / clock.cycles(lambda: xors(XORS), XORS)
        for name in (each for each in FMA_OPERATIONS if each in _cpu.instruction_sets()):
            _cpu.select_instruction_set(name)
            own = [each for each in kept if each.instruction_set == name]
            for each in sorted(own, key=lambda one: (one.dtype, one.draw)):
                measured = _of_loop(each, clock)
                report["results"].append(_entry_of_loop(each, options.mca, measured))
                print(describe(report["results"][-1]))
            for entry in _others(name, clock, _limits_of_normals(report["results"], name)):
                report["results"].append(entry)
                print(describe(entry))
    _cpu.select_instruction_set(before)
    common.write(options.json, report)
    return 0


def _newest_mca() -> str:
    names = [f"llvm-mca-{version}" for version in range(25, 13, -1)]
    return next((name for name in (*names, "llvm-mca") if shutil.which(name)), "")


def _entry(
    name: str, draw: str, measured: float, limits: dict[str, float] | None = None
) -> dict[str, Any]:
    entry = {"instruction_set": name, "draw": draw, "dtype": "float32", "measured": measured}
    return {**entry, "limits": limits or {}, "modeled": {}}


def _entry_of_loop(loop: Loop, mca: str, measured: float) -> dict[str, Any]:
    models = {
        name: _model(loop, mca, model[loop.instruction_set])
        for name, model in PROCESSORS.items()
        if mca and loop.instruction_set in model
    }
    limits = {name: limit for name, (limit, _) in models.items()}
    if ZEN4 in limits:
        limits[ZEN5] = limits[ZEN4] / (2 if loop.instruction_set == "avx512" else 1)
    return {
        **_entry(loop.instruction_set, loop.draw, measured, limits),
        "dtype": loop.dtype,
        "instructions": len(loop.instructions) / loop.values,
        "spills": loop.spills / loop.values,
        "modeled": {name: cycles for name, (_, cycles) in models.items()},
    }


def _limits_of_normals(results: list[dict[str, Any]], name: str) -> dict[str, float]:
    """Return the limits of float32 normals with an instruction set."""
    wanted = (name, "normal", "float32")
    return next(
        each["limits"]
        for each in results
        if (each["instruction_set"], each["draw"], each["dtype"]) == wanted
    )


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
    pipes = [pressure[number] for number in _VECTOR_PIPE[loop.instruction_set].findall(text)]
    taken = sum(float(each) for each in pipes if each != "-")
    return taken / len(pipes) / loop.values, int(total[1]) / iterations / loop.values


class Clock:
    """Measures in cycles of the processor: those of a chain of dependent additions."""

    def __init__(self, chain: Callable[[int], None], repeats: int) -> None:
        self.chain, self.repeats = chain, repeats

    def cycles(self, run: Callable[[], object], values: int, quantile: float = 0.1) -> float:
        """Return a quantile of the cycles per value, each between two timings of the chain."""
        run()
        ratios = []
        for _ in range(self.repeats):
            first = _seconds(lambda: self.chain(ADDITIONS))
            kernel = _seconds(run)
            cycle = min(first, _seconds(lambda: self.chain(ADDITIONS))) / ADDITIONS
            ratios.append(kernel / cycle / values)
        return float(np.quantile(ratios, quantile))


def _of_loop(loop: Loop, clock: Clock) -> float:
    """Return the cycles per value of a loop's kernel, whose result is checked."""
    if loop.draw == MASK_WORDS:
        return _of_filling(fastinit.Bernoulli(0.5), dtype_of("float32"), clock)
    return _of_filling(DRAWS[loop.draw], dtype_of(loop.dtype), clock)


def _of_filling(draw: fastinit.Initializer, dtype: np.dtype[Any], clock: Clock) -> float:
    """Return those of an initializer's last request, which may be a mask."""
    array, address = empty((VALUES,), dtype)
    *before, last = draw.templates((VALUES,), dtype)
    for each in (*before, last):
        _cpu.fill(_requests(each, whole((VALUES,)), address), 1)
    expected = draw(VALUES, seed=1, name=2, dtype=dtype)
    assert array.tobytes() == expected.tobytes(), "the kernel is wrong"
    requests = np.tile(_requests(last, whole((VALUES,)), address), AT_ONCE)
    return clock.cycles(lambda: _cpu.fill(requests, 1), VALUES * AT_ONCE)


def _of_gathering(clock: Clock) -> float:
    """Return those of drawing the first element of every block."""
    found, address = empty((VALUES,), dtype_of("float32"))
    rows = Box((VALUES, 4), 0, (VALUES, 4), (4, 1), None)
    request = _requests(DRAWS["normal"].template(found.dtype), rows, address)
    indptr, indices = np.arange(VALUES + 1), np.zeros(VALUES, np.int64)
    _cpu.gather(request, indptr, indices, False)
    expected = DRAWS["normal"]((VALUES, 4), seed=1, name=2)[:, 0]
    assert found.tobytes() == expected.tobytes(), "the kernel is wrong"
    return clock.cycles(lambda: _cpu.gather(request, indptr, indices, False), VALUES)


def _of_orthogonal(clock: Clock) -> float:
    """Return those of an orthogonal matrix."""
    array, address = empty((SQUARE, SQUARE), dtype_of("float32"))
    (template,) = fastinit.Orthogonal().templates(array.shape, array.dtype)
    request = _requests(template, whole(array.shape), address)
    _cpu.fill(request, 1)
    expected = fastinit.orthogonal(array.shape, seed=1, name=2)
    assert array.tobytes() == expected.tobytes(), "the kernel is wrong"
    return clock.cycles(lambda: _cpu.fill(request, 1), array.size, 0.5)  # it takes milliseconds


def _requests(template: Template, box: Box, address: int) -> NDArray[np.void]:
    requests = template.requests(box, address, 1, 2)
    return as_array([each for each in requests if isinstance(each, bytes)])


def _others(name: str, clock: Clock, of_normals: dict[str, float]) -> Iterator[dict[str, Any]]:
    """Yield the entries of kernels that are not loops over successive blocks."""
    of_blocks = {processor: 4 * limit for processor, limit in of_normals.items()}
    yield _entry(name, "gathered normal", _of_gathering(clock), of_blocks)
    operations = 4 / 3 * SQUARE  # per element
    limits = dict.fromkeys(of_normals, operations / FMA_OPERATIONS[name])
    if name == "avx512" and ZEN4 in limits:
        limits[ZEN4] *= 2  # its units have half the width
    few = Clock(clock.chain, min(clock.repeats, 15))
    yield _entry(name, f"orthogonal {SQUARE} x {SQUARE}", _of_orthogonal(few), limits)


def _seconds(run: Callable[[], object]) -> float:
    start = time.thread_time()
    run()
    return time.thread_time() - start


def _loops() -> tuple[Callable[[int], None], Callable[[int], None]]:
    """Compile a chain of additions, and twelve chains of xors of vectors side by side."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "loops.cpp"), Path(folder, "loops.so")
        source.write_text(_LOOPS)
        command = ("g++", "-O2", "-shared", "-fPIC", str(source), "-o", str(library))
        subprocess.run(command, check=True)
        found = ctypes.CDLL(str(library))
    for each in (found.chain, found.xors):
        each.argtypes, each.restype = [ctypes.c_long], None
    return found.chain, found.xors


def describe(entry: dict[str, Any]) -> str:
    """Return one line about a kernel."""
    name = f"{entry['instruction_set']} {entry['draw']} {entry['dtype']}"
    limit = entry["limits"].get(ZEN5)
    share = f", {limit / entry['measured']:.2f} of Zen 5's limit {limit:.2f}" if limit else ""
    return f"{name}: {entry['measured']:.2f} cycles per value{share}"


if __name__ == "__main__":
    sys.exit(main())
