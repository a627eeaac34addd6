"""Parse PTX, list its kernels, find what is not fixed to the bit, and show the translation.

python -m cuda_emulator k.ptx --lint
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cuda_emulator import Module, PtxError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("ptx", nargs="+", type=Path)
    parser.add_argument(
        "--lint", action="store_true", help="list instructions whose results PTX does not fix"
    )
    parser.add_argument(
        "--source", metavar="KERNEL", help="print the Python that a kernel is translated to"
    )
    options = parser.parse_args()
    problems = 0
    for path in options.ptx:
        module = Module(path.read_text())
        problems += _listed(path, module, options.source)
        for kind, function, line, op in module.lint() if options.lint else ():
            problems += 1
            print(f"{path}:{line}: {kind}: {op} in {function}")
    return int(problems > 0)


def _listed(path: Path, module: Module, source: str | None) -> int:
    """Print a line for each kernel, and return how many cannot be run."""
    problems = 0
    for name, function in module.functions.items():
        if function is None or not function.is_entry:
            continue
        try:
            kernel = module.kernel(name)
        except PtxError as error:
            problems += 1
            print(f"{path}: {name}: NOT SUPPORTED: {error}")
            continue
        size = sum(block.size for block in kernel.blocks)
        memory = f"{kernel.shared} B shared, {kernel.local} B local"
        print(f"{path}: {name}: {size} instructions, {len(kernel.blocks)} blocks, {memory}")
        if source and source in name:
            print("\n".join(block.source for block in kernel.blocks))
    return problems


if __name__ == "__main__":
    sys.exit(main())
