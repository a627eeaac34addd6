"""Kernels with other numbers of csrc/cuda/tuning.h draw the same bits, on the emulated device."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.on_gpu.sweep import MATRICES, VARIANTS, Variant
from cuda_emulator.standin import StandIn
from helpers.cuda_build import NVCC, ROOT
from helpers.cuda_cases import Case, check, fill_launches
from helpers.cuda_devices import ALLOWED, Emulated
from helpers.cuda_orthogonal_cases import matrices
from helpers.dtypes import dtype_of

ARCHITECTURE = "80"
SIZES = ("float64", "float32", "bfloat16", "float8_e5m2")  # of every size


def launches(variant: Variant) -> Iterator[list[Case]]:
    """Cases of the kernels that the variant changes."""
    if variant.parts == MATRICES:
        yield from ([*matrices(dtype_of(dtype))] for dtype in SIZES[:2])
        return
    for kernel in ("normal", "wide"):
        for dtype in SIZES:
            yield from (cases for _, _, cases in fill_launches(kernel, dtype_of(dtype)))


@pytest.mark.slow
@pytest.mark.skipif(NVCC is None, reason="nvcc, whose PTX is emulated, was not found")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_variant(variant: Variant, tmp_path: Path) -> None:
    pybind11 = pytest.importorskip("pybind11")
    settings = {
        "FASTINIT_CUDA": "ON",
        "FASTINIT_CUDA_STAND_IN": ROOT / "tests" / "cuda_emulator" / "runtime.c",
        "FASTINIT_CUDA_TUNING": ";".join(variant.tuning),
        "CMAKE_CUDA_ARCHITECTURES": f"{ARCHITECTURE}-virtual",
        "Python_EXECUTABLE": sys.executable,
        "pybind11_DIR": pybind11.get_cmake_dir(),
    }
    options = [f"-D{name}={value}" for name, value in settings.items()]
    subprocess.run(["cmake", "-G", "Ninja", "-S", ROOT, "-B", tmp_path, *options], check=True)
    subprocess.run(["cmake", "--build", tmp_path, "--target", "_cuda"], check=True)
    path = next((tmp_path / "csrc" / "cuda").glob("_cuda.*"))
    stand_in = StandIn(path, architecture=f"sm_{ARCHITECTURE}", allow=ALLOWED)
    spec = importlib.util.spec_from_file_location(f"{variant.name}._cuda", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    machine = Emulated(module, stand_in)
    for cases in launches(variant):
        check(machine, cases)
        machine.clear()
