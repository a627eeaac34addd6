"""A few cases of every kernel, for compute-sanitizer: ``python tests/cuda/sanitized_cases.py``.

Kernels can be named, and with ``--emulated`` they run without a card.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.cuda.cases import Case, check, fill_launches, mask_launches
from helpers.cuda.devices import Card, Machine, emulated
from helpers.cuda.orthogonal_cases import matrices
from helpers.dtypes import dtype_of
from helpers.records.initializers import KERNELS

WITH_CODE_OF_THEIR_OWN = ("float64", "float32", "bfloat16", "float8_e5m2")


def calls(kernels: Iterable[str]) -> Iterator[list[Case]]:
    """The cases of each call."""
    for kernel in kernels:
        if kernel == "masks":
            yield from (cases for _, _, cases in mask_launches())
        elif kernel == "orthogonal":
            yield from ([*matrices(dtype_of(dtype))] for dtype in ("float64", "float32"))
        else:
            for dtype in WITH_CODE_OF_THEIR_OWN:
                yield from (cases for _, _, cases in fill_launches(kernel, dtype_of(dtype)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kernels", nargs="*", default=[*KERNELS, "masks", "orthogonal"])
    parser.add_argument("--emulated", action="store_true")
    options = parser.parse_args()
    machine: Machine = emulated() if options.emulated else Card()
    count = 0
    for cases in calls(options.kernels):
        check(machine, cases)
        count += len(cases)
    print(f"{count} cases agree")


if __name__ == "__main__":
    main()
