"""The compiled objects: one exported symbol per instruction set, and no foreign libraries.

A weak inline symbol that was compiled for AVX-512 can be the copy that the linker keeps for
everyone, so a file for an instruction set exports its table of kernels and nothing else. The files
are compiled as CMakeLists.txt has it except for -O0 instead of -O3, under which no function is
inlined that need not be: what could be exported is, and the test takes seconds.
"""

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.loops import longest_loop, loops
from fastinit.native import _cpu

ROOT = Path(__file__).parents[2]
X86 = platform.machine() in ("x86_64", "AMD64")
COMMON = [
    "-std=c++17",
    "-O0",
    "-DNDEBUG",
    "-fPIC",
    "-fvisibility=hidden",
    "-fvisibility-inlines-hidden",
    "-fno-exceptions",
]
COMMON += ["-ffp-contract=off", "-fno-math-errno", "-Wno-psabi", f"-I{ROOT / 'csrc'}"]
AVX2 = ["-mavx2", "-mfma", "-mf16c"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]
FLAGS = {
    "scalar": [],
    "avx2": AVX2,
    "avx512": [*AVX512, "-mprefer-vector-width=512"],
}


def output(*command: str | Path) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(*programs: str) -> None:
    """Skip where a program is missing."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("avx2", "avx512")]


@pytest.mark.parametrize("name", ["scalar", *SLOW])
def test_one_exported_symbol(name: str, tmp_path: Path) -> None:
    """`nm -g --defined-only` shows the table of kernels and nothing else."""
    needs("g++", "nm")
    source = ROOT / "csrc" / "cpu" / f"{name}.cpp"
    if not source.exists():
        pytest.skip("the sources are not beside the tests")
    if FLAGS[name] and not X86:
        pytest.skip(f"{name} is an instruction set of x86")
    target = tmp_path / f"{name}.o"
    output("g++", *COMMON, *FLAGS[name], "-c", source, "-o", target)
    symbols = output("nm", "-g", "-C", "--defined-only", target).splitlines()
    assert [line.split()[-1] for line in symbols] == [f"fastinit::{name}_kernels"]


def test_one_symbol_of_the_module() -> None:
    """The extension module exports the function that Python looks for."""
    needs("nm")
    symbols = output("nm", "-D", "--defined-only", str(_cpu.__file__)).splitlines()
    names = {line.split()[-1].split("@")[0] for line in symbols}
    assert {name for name in names if not name.startswith("_Z")} == {"PyInit__cpu"}


def test_libraries() -> None:
    """The C and C++ runtime and OpenMP are linked, and no BLAS, LAPACK or framework."""
    needs("ldd")
    libraries = re.findall(r"^\s*(?:/\S*/)?([\w+-]+)\.so", output("ldd", str(_cpu.__file__)), re.M)
    known = r"lib(stdc\+\+|gcc_s|c|m|gomp|omp|pthread|dl|rt)|linux-vdso|ld-linux[\w-]*"
    assert [name for name in libraries if not re.fullmatch(known, name)] == []


# Vectors that a loop may store to the stack for each value, by instruction set and whether it works
# in float64. A loop over one group needs no more registers than there are.
# Several groups in flight hide each other's latency, which gains more than their spills take: they
# were chosen by measurement (csrc/cpu/fill/tuning.inl).
MOST_SPILLS = {
    ("avx2", False): 2.5,
    ("avx2", True): 5,
    ("avx512", False): 0.7,
    ("avx512", True): 0.9,
}
MOST_SPILLS_ALONE = 0.2


def test_rare_branches() -> None:
    """A loop is read without branches that are longer, in it or after it."""
    listing = """
        0:\tmov    %rdi,%rax
        1:\tvpxor  %ymm0,%ymm0,%ymm0
        2:\tjne    9
        3:\tje     6
        4:\tvsqrtps %ymm0,%ymm0
        5:\tvsqrtps %ymm0,%ymm0
        6:\tdec    %rax
        7:\tjne    1
        8:\tret
        9:\tnop
        a:\tjmp    3
        """
    assert longest_loop(listing) == (
        ["vpxor  %ymm0,%ymm0,%ymm0", "jne    9", "je     6", "dec    %rax", "jne    1"],
        0,
    )


def test_loops() -> None:
    """The kernels' loops call nothing, and spill no more registers than the budget has."""
    needs("objdump")
    found = list(loops(Path(_cpu.__file__)))
    if not found:
        pytest.skip("the module has no names of functions, or no vector kernels")
    assert [each for each in found if each.calls] == []
    if not _cpu.compiler.startswith("GNU"):
        pytest.skip("the budget is g++'s")
    for each in found:
        is_wide = each.dtype == "float64"
        most = MOST_SPILLS[each.instruction_set, is_wide]
        if each.is_single:
            most = MOST_SPILLS_ALONE
        assert each.spills <= most * each.values, (each.instruction_set, each.draw, each.dtype)
