"""Compiled CUDA kernels: instructions per value, registers, spills and shared memory.

    python -m benchmarks.cuda_static --json benchmarks/results/cuda_static.json

This reads the machine code in the built module ``fastinit.native._cuda``, for every architecture in
it. It needs neither a GPU nor nvcc, but ``cuobjdump`` and ``nvdisasm`` (``pip install --group
cuda``) and ``c++filt`` (part of binutils, which g++ needs too).

An entry of ``results`` has ``kernel``, its ``draw`` (the distribution) and ``dtype`` (null for
kernels that are not fills), ``architecture`` ("sm_90"), and

- ``registers`` per thread, ``stack`` in bytes per thread, ``shared`` in bytes per block (the static
  part), and ``spills``, the number of instructions that store to or load from the stack;
- ``instructions`` of the whole kernel;
- ``per_value``, the minimum of instructions per value in the main loop, and ``per_value_most``, the
  number if the lanes of a warp together take every branch in it. The main loop is the innermost
  loop that draws Philox blocks and stores at least 16 bytes in every iteration: it draws the whole,
  aligned tiles. Each loop inside it runs twice: over the pairs of a float64 block, or over the two
  values of a pair. The number of values per iteration is the number of bytes that its stores write
  divided by the size of a value;
- ``constant``, the number of instructions for 16 bytes of a constant.
"""

from __future__ import annotations

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
ROUNDS = 2  # of each loop inside the main loop, see csrc/cuda/fill/groups.cuh
ITEM_SIZES = {
    **{"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2},
    **{"float8_e4m3fn": 1, "float8_e5m2": 1},
}
TRUNCATIONS = ("center", "wide symmetric", "wide", "tail")  # in the order of numerics/truncated.h
NOTES = [
    "A warp issues at most one instruction per cycle; with fewer per value, memory is the limit.",
    "The counts are those of the machine code; what runs depends on alignment and rare branches.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Disassemble, count and print; write the results if a path is given."""
    parser = common.argument_parser("cuda_static", __doc__)
    parser.add_argument("--library", type=Path, metavar="FILE", help="instead of the built module")
    options = parser.parse_args(argv)
    library = options.library or built()
    if library is None:
        print("Nothing is counted, because this fastinit was built without CUDA.")
        return 0
    results = sorted(measure(library), key=rank)
    for each in results:
        print(describe(each))
    report = common.new_report("cuda_static", {}, NOTES)
    report["environment"] |= compiler(library)
    report["results"] = results
    common.write(options.json, report)
    return 0


def measure(library: Path) -> Iterator[dict[str, Any]]:
    """Yield an entry for every kernel and architecture in a library."""
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
    """Return the sort key of an entry: architecture, distribution, dtype and kernel."""
    dtypes = list(ITEM_SIZES)
    place = dtypes.index(entry["dtype"]) if entry["dtype"] in dtypes else len(dtypes)
    return int(entry["architecture"][3:]), entry["draw"] or "~", place, entry["kernel"]


def describe(entry: dict[str, Any]) -> str:
    """Return a line of text about an entry."""
    per_value = "" if entry["per_value"] is None else f"{entry['per_value']:7.2f} per value"
    return (
        f"{entry['architecture']:8}{entry['draw'] or entry['kernel']:28}{entry['dtype'] or '':16}"
        f"{per_value:18}{entry['registers']:4} registers{entry['stack']:6} B stack"
        f"{entry['spills']:4} spills{entry['shared']:7} B shared"
    )


# ---- counting -----------------------------------------------------------------------------------


def counts(code: list[Instruction], item_size: int | None) -> dict[str, Any]:
    """Count the instructions of a kernel, and those per value if the size of a value is known."""
    found: dict[str, Any] = {
        "instructions": len(code),
        "spills": sum(each.opcode in ("STL", "LDL") for each in code),
        **dict.fromkeys(("per_value", "per_value_most", "constant")),
    }
    if item_size is None:
        return found
    graph = Graph(code, ROUNDS)
    main = drawing_loops(graph)
    whole: list[tuple[float, float]] = []  # minimum, maximum
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
    """Return the number of blocks in a loop."""
    return len(loop.body)


def drawing_loops(graph: Graph) -> list[Loop]:
    """Return the innermost loops whose iterations draw Philox blocks."""
    drawing = [loop for loop in graph.loops if any(each.draws for each in loop.instructions)]
    return [loop for loop in drawing if not any(other.body < loop.body for other in drawing)]


def rate(iteration: list[Instruction]) -> tuple[int, int]:
    """Return the instructions of an iteration, and the bytes that its wide stores write."""
    return len(iteration), sum(each.stored for each in iteration if each.stored >= WIDE)


# ---- names --------------------------------------------------------------------------------------


def titles(kernel: str) -> dict[str, str | None]:
    """Return the distribution and the dtype of a fill kernel, from its C++ name."""
    pattern = r"(\w+)Formula(?:<\(fastinit::Truncation\)(\d)>)?(?:, [\w:]*?(\w+))? ?>"
    found = re.search(pattern, kernel)
    if found is None:
        return {"draw": None, "dtype": None}
    distribution = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found[1]).lower()
    if found[2] is not None:
        distribution += f" {TRUNCATIONS[int(found[2])]}"
    dtypes = {name.replace("_", ""): name for name in ITEM_SIZES}
    return {"draw": distribution, "dtype": dtypes[(found[3] or "float64").lower()]}


def _demangled(names: dict[str, Any]) -> dict[str, str]:
    text = _output("c++filt", *names)
    clear = [re.sub(r"fastinit::\(anonymous namespace\)::|^void ", "", x) for x in text.split("\n")]
    return dict(zip(names, clear, strict=False))


# ---- the tools ----------------------------------------------------------------------------------


def tool(name: str) -> str:
    """Return the path of an NVIDIA tool on PATH or in a package from PyPI.

    Raises:
        FileNotFoundError: The tool is not installed.
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
    raise FileNotFoundError(f"{name} is not installed; run: pip install nvidia-cuda-{name}")


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
    """Return the CUDA module of this installation, or None."""
    found = util.find_spec("fastinit.native._cuda")
    return Path(found.origin) if found and found.origin else None


def compiler(library: Path) -> dict[str, Any]:
    """Return the compiler that the module reports, and the size of the module."""
    spec = util.spec_from_file_location("fastinit.native._cuda", library)
    if spec is None or spec.loader is None:
        raise ImportError(f"{library} is not an extension module; pass one with --library")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"nvcc": module.compiler, "library_bytes": library.stat().st_size}


if __name__ == "__main__":
    sys.exit(main())
