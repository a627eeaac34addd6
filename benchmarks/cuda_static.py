"""What the compiler made of the kernels: instructions a value, registers, spills, shared memory.

    python -m benchmarks.cuda_static --json benchmarks/results/cuda_static.json

Reads the machine code in the built module ``fastinit._cuda``, for every architecture that is in it.
Needs no GPU and no nvcc, but ``cuobjdump`` and ``nvdisasm`` (``pip install --group cuda``) and
``c++filt`` (of binutils, as g++ needs them).

An entry of ``results`` has ``kernel``, its ``draw`` and ``dtype`` (null for kernels that are not
fills), ``architecture`` ("sm_90"), and

- ``registers`` a thread, ``stack`` bytes a thread, ``shared`` bytes a block (fixed ones),
  ``spills``: instructions that store to or load from the stack;
- ``instructions``: of the whole kernel;
- ``per_value``: instructions of the main loop a value: the fewest, and ``per_value_most`` with
  every detour in it taken by some lane of the warp. The main loop is the innermost one that draws
  Philox blocks and stores 16 bytes or more in every iteration: with it whole, aligned tiles are
  drawn. Loops in it go round twice: over the pairs of a float64 block, over the two values of a
  pair. The values of an iteration are the bytes that its stores write over the size of one value;
- ``constant``: instructions for 16 bytes of a constant.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.sass import Graph, Instruction, Loop, parse

WIDE = 16  # bytes of the widest store
ROUNDS = 2  # of a loop in the main loop, as csrc/cuda/fill/groups.cuh has them
ITEM_SIZES = {
    **{"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2},
    **{"float8_e4m3fn": 1, "float8_e5m2": 1},
}
FORMULAS = ("center", "wide symmetric", "wide", "tail")  # in the order of numerics/truncated.h
NOTES = [
    "A warp issues one instruction a cycle at most: fewer a value, and memory is the limit.",
    "Counted from the machine code; what is executed depends on alignment and on rare detours.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Disassemble, count, print, and write the report where asked."""
    parser = argparse.ArgumentParser("python -m benchmarks.cuda_static", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", metavar="PATH", help="write the report there")
    parser.add_argument("--library", type=Path, metavar="FILE", help="in place of fastinit._cuda")
    options = parser.parse_args(argv)
    library = options.library or built()
    if library is None:
        print("Nothing is counted, since this fastinit was built without CUDA.")
        return 0
    results = sorted(measure(library), key=rank)
    for each in results:
        print(describe(each))
    report = {
        "format": common.FORMAT,
        "benchmark": "cuda_static",
        "environment": common.environment() | compiler(library),
        "settings": {},
        "checks": [],
        "left_out": [],
        "results": results,
        "notes": NOTES,
    }
    common.write(options.json, report)
    return 0


def measure(library: Path) -> Iterator[dict[str, Any]]:
    """An entry for every kernel and architecture in a library."""
    cuobjdump, nvdisasm = tool("cuobjdump"), tool("nvdisasm")
    with tempfile.TemporaryDirectory() as folder:
        _output(cuobjdump, "--extract-elf", "all", library.resolve(), folder=folder)
        for image in sorted(Path(folder).glob("*.cubin")):
            architecture = image.name.split(".")[-2]
            usage = dict(_usage(_output(cuobjdump, "--dump-resource-usage", image)))
            code = parse(_output(nvdisasm, "--print-code", image).splitlines())
            for name, clear in _demangled(usage).items():
                yield {
                    "kernel": clear,
                    "architecture": architecture,
                    **titles(clear),
                    **usage[name],
                    **counts(code[name], ITEM_SIZES.get(titles(clear)["dtype"] or "")),
                }


def rank(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Where it stands: by architecture, draw and dtype."""
    dtypes = list(ITEM_SIZES)
    place = dtypes.index(entry["dtype"]) if entry["dtype"] in dtypes else len(dtypes)
    return int(entry["architecture"][3:]), entry["draw"] or "~", place, entry["kernel"]


def describe(entry: dict[str, Any]) -> str:
    """One line of an entry."""
    per_value = "" if entry["per_value"] is None else f"{entry['per_value']:7.2f} a value"
    return (
        f"{entry['architecture']:8}{entry['draw'] or entry['kernel']:28}{entry['dtype'] or '':16}"
        f"{per_value:16}{entry['registers']:4} registers{entry['stack']:6} B stack"
        f"{entry['spills']:4} spills{entry['shared']:7} B shared"
    )


# ---- counting -----------------------------------------------------------------------------------


def counts(code: list[Instruction], item_size: int | None) -> dict[str, Any]:
    """What the machine code of a kernel says; per value where it is known how large one is."""
    found: dict[str, Any] = {
        "instructions": len(code),
        "spills": sum(each.opcode in ("STL", "LDL") for each in code),
        **dict.fromkeys(("per_value", "per_value_most", "constant")),
    }
    if item_size is None:
        return found
    graph = Graph(code, ROUNDS)
    main = drawing_loops(graph)
    whole: list[tuple[float, float]] = []  # fewest, most
    others: list[float] = []
    for number, block in enumerate(graph.blocks):
        around = [loop for loop in graph.loops if number in loop.body]
        if not around or not any(each.stored >= WIDE for each in block):
            continue
        loop = min((loop for loop in around if loop in main), key=size, default=None)
        fewest, stored = rate((loop or min(around, key=size)).shortest(number))
        if loop is None:
            others.append(fewest / stored)
        elif loop.is_on_every_iteration(number):
            whole.append((fewest / stored, len(loop.instructions) / stored))
    if whole:
        found["per_value"], found["per_value_most"] = (x * item_size for x in min(whole))
    if others:
        found["constant"] = min(others) * WIDE
    return found


def size(loop: Loop) -> int:
    """Blocks of a loop."""
    return len(loop.body)


def drawing_loops(graph: Graph) -> list[Loop]:
    """The innermost loops that draw: each iteration draws Philox blocks."""
    drawing = [loop for loop in graph.loops if any(each.draws for each in loop.instructions)]
    return [loop for loop in drawing if not any(other.body < loop.body for other in drawing)]


def rate(iteration: list[Instruction]) -> tuple[int, int]:
    """Instructions of an iteration, and the bytes that its wide stores write."""
    return len(iteration), sum(each.stored for each in iteration if each.stored >= WIDE)


# ---- names --------------------------------------------------------------------------------------


def titles(kernel: str) -> dict[str, str | None]:
    """What a fill kernel draws and in which dtype, from its C++ name."""
    pattern = r"(\w+)Formula(?:<\(fastinit::Truncation\)(\d)>)?(?:, [\w:]*?(\w+))? ?>"
    formula = re.search(pattern, kernel)
    if formula is None:
        return {"draw": None, "dtype": None}
    draw = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", formula[1]).lower()
    if formula[2] is not None:
        draw += f" {FORMULAS[int(formula[2])]}"
    dtypes = {name.replace("_", ""): name for name in ITEM_SIZES}
    return {"draw": draw, "dtype": dtypes[(formula[3] or "float64").lower()]}


def _demangled(names: dict[str, Any]) -> dict[str, str]:
    text = _output("c++filt", *names)
    clear = [re.sub(r"fastinit::\(anonymous namespace\)::|^void ", "", x) for x in text.split("\n")]
    return dict(zip(names, clear, strict=False))


# ---- the tools ----------------------------------------------------------------------------------


def tool(name: str) -> str:
    """The path of a program of NVIDIA's, installed by itself or as a package of PyPI.

    Raises:
        FileNotFoundError: it is not installed.
    """
    found = shutil.which(name)
    if found:
        return found
    try:
        files = metadata.files(f"nvidia-cuda-{name}") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name:
            return str(file.locate())
    raise FileNotFoundError(f"{name} is not installed; pip install nvidia-cuda-{name}")


def _usage(text: str) -> Iterator[tuple[str, dict[str, int]]]:
    for name, numbers in re.findall(r"Function (\S+):\s+(REG:.*)", text):
        found = dict(re.findall(r"(\w+):(\d+)", numbers))
        yield (
            name,
            {
                "registers": int(found["REG"]),
                "stack": int(found["STACK"]),
                "shared": int(found["SHARED"]),
            },
        )


def _output(*command: str | Path, folder: str | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def built() -> Path | None:
    """The module of this installation."""
    found = util.find_spec("fastinit._cuda")
    return Path(found.origin) if found and found.origin else None


def compiler(library: Path) -> dict[str, Any]:
    """By whom the module was compiled, which it says itself."""
    spec = util.spec_from_file_location("fastinit._cuda", library)
    if spec is None or spec.loader is None:
        raise ImportError(f"{library} is no extension module; pass one with --library")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"nvcc": module.compiler, "library_bytes": library.stat().st_size}


if __name__ == "__main__":
    sys.exit(main())
