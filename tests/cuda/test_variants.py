"""Kernels with other numbers of csrc/cuda/tuning.h draw the same bits, on the emulated device."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.on_gpu.sweep import MATRICES, VARIANTS, Variant
from cuda_emulator.standin import StandIn
from helpers.cuda.build import NVCC, compiled
from helpers.cuda.cases import Case, check, fill_launches
from helpers.cuda.devices import ALLOWED, Emulated
from helpers.cuda.orthogonal_cases import LITTLE, large, matrices
from helpers.dtypes import dtype_of

ARCHITECTURE = "80"
SIZES = ("float64", "float32", "bfloat16", "float8_e5m2")  # of every size


def launches(variant: Variant) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """(settings of the device, cases) of the kernels that the variant changes."""
    if variant.parts == MATRICES:
        for dtype in map(dtype_of, SIZES[:2]):
            yield {"multiprocessors": 3}, [*matrices(dtype)]
            yield {"multiprocessors": 3, **LITTLE}, large(dtype)  # through memory, in panels
        return
    for kernel in ("normal", "wide"):
        for dtype in map(dtype_of, SIZES):
            for order, multiprocessors, cases in fill_launches(kernel, dtype):
                yield {"order": order, "multiprocessors": multiprocessors}, cases


@pytest.mark.slow
@pytest.mark.skipif(NVCC is None, reason="nvcc, whose PTX is emulated, was not found")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_variant(variant: Variant, tmp_path: Path) -> None:
    pytest.importorskip("pybind11")
    path = compiled(tmp_path, [ARCHITECTURE], variant.tuning)
    stand_in = StandIn(path, architecture=f"sm_{ARCHITECTURE}", allow=ALLOWED)
    spec = importlib.util.spec_from_file_location(f"{variant.name}._cuda", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    machine = Emulated(module, stand_in)
    for settings, cases in launches(variant):
        with stand_in.fresh(**settings):
            check(machine, cases)
            machine.clear()
