"""The emulator computes what PTX says, and finds the errors of a kernel."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuda_emulator import Device, EmuError, Module, PtxError
from cuda_emulator.tests import zoo
from cuda_emulator.tests.forms import FORMS
from helpers.cuda.build import NVCC

# (grid, threads, elements) of kernels with planted bugs, and of correct twins.
WRONG = {
    "b_nosync": (1, 256, 256), "b_nosync2": (1, 256, 256), "b_oob": (2, 256, 300),
    "b_uninit": (1, 256, 256), "b_divbar": (1, 64, 64), "b_shfl": (1, 32, 32),
    "b_shflsrc": (1, 32, 32), "b_ctarace": (3, 128, 384), "b_misalign": (1, 32, 256),
    "b_warp": (1, 32, 32), "b_spin": (1, 32, 32), "b_approx": (1, 32, 32),
    "b_fatomic": (1, 32, 32), "b_exitbar": (1, 64, 50), "b_inplace": (2, 128, 256),
    "b_broadcast": (2, 32, 33), "b_late": (2, 96, 192),
}  # fmt: skip
RIGHT = {
    "ok_rev": (1, 256, 256),
    "ok_warp": (1, 32, 32),
    "ok_broadcast": (2, 32, 80),
    "ok_late": (2, 96, 192),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Module:
    """Small kernels, most of them wrong."""
    if NVCC is None:
        pytest.skip("nvcc was not found")
    source = Path(__file__).parents[1] / "cuda_emulator" / "tests" / "bad.cu"
    ptx = tmp_path_factory.mktemp("planted") / "bad.ptx"
    flags = ["-ptx", "-arch=compute_80", "-fmad=false", "-o", str(ptx), str(source)]
    subprocess.run([NVCC, *flags], check=True, capture_output=True)
    return Module(ptx.read_text())


def launch(module: Module, name: str, order: str) -> None:
    """Run one of them."""
    grid, block, items = {**WRONG, **RIGHT}[name]
    device = Device()
    arguments: list[Any] = [device.put(np.zeros(max(items, block), np.float32))]
    if len(module.kernel(name).params) == 2:
        arguments.append(np.int32(items))
    module.launch(name, grid, block, arguments, device, order=order, max_steps=3000)


@pytest.mark.parametrize("order", ["lockstep", "warps-rev", "random"])
@pytest.mark.parametrize("name", WRONG)
def test_planted_bug_is_caught(planted: Module, name: str, order: str) -> None:
    """It is caught in every order of threads."""
    with pytest.raises((EmuError, PtxError)):
        launch(planted, name, order)


@pytest.mark.parametrize("order", ["lockstep", "warps-rev", "random"])
@pytest.mark.parametrize("name", RIGHT)
def test_correct_kernel_passes(planted: Module, name: str, order: str) -> None:
    """These are twins of wrong ones."""
    launch(planted, name, order)


@pytest.mark.parametrize("values", [128, pytest.param(4096, marks=pytest.mark.slow)])
def test_instructions(values: int) -> None:
    """Each form of each instruction has the bits of an exact model, in integers and fractions."""
    assert len(FORMS) == 494
    assert zoo.compare(values) == []


def test_instructions_are_ptx(tmp_path: Path) -> None:
    """NVIDIA's assembler accepts those forms."""
    ptxas = Path(NVCC).with_name("ptxas") if NVCC else None
    if ptxas is None or not ptxas.exists():
        pytest.skip("ptxas was not found beside nvcc")
    (tmp_path / "zoo.ptx").write_text(zoo.PTX)
    command = [str(ptxas), "-arch=sm_90", "zoo.ptx", "-o", "zoo.cubin"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
