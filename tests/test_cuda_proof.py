"""The emulator finds what is wrong, and every failed CUDA call is told by its name."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from cuda_cases import NORMAL, check, run_of
from cuda_emulator.ptxrun import Device, EmuError, Module, PtxError
from cuda_machines import NVCC, Emulated
from fastinit.boxes import part
from fastinit.dtypes import DTYPES
from fastinit.requests import requests_of
from support import ENDLESS

FLOAT32 = DTYPES["float32"]


def records(address: int, count: int) -> list[bytes]:
    """Normals at an address."""
    placed: list[bytes] = NORMAL.draw(FLOAT32).place(part((ENDLESS,), np.s_[:count]), address, 1, 2)
    return placed


def test_overrun_is_caught(emulation: Emulated) -> None:
    """One element more than the memory has."""
    with emulation.stand_in.fresh():
        address = emulation.put(np.zeros(400, np.uint8))
        with pytest.raises(EmuError, match="out of bounds"):
            emulation.fill(records(address, 101))
        emulation.clear()


def test_race_is_caught(emulation: Emulated) -> None:
    """Two requests of one launch over the same memory, filled by two blocks."""
    with emulation.stand_in.fresh(multiprocessors=3):
        address = emulation.put(np.zeros(400, np.uint8))
        with pytest.raises(EmuError, match="race"):
            emulation.fill([*records(address, 100), *records(address, 100)])
        emulation.clear()


PLANTED = (
    "b_nosync", "b_nosync2", "b_oob", "b_uninit", "b_divbar", "b_shfl", "b_shflsrc", "b_ctarace",
    "b_misalign", "b_warp", "b_approx", "b_fatomic", "b_inplace",
)  # fmt: skip
LAUNCHES = {
    "b_oob": (2, 256, 300), "b_ctarace": (3, 128, 384), "b_inplace": (2, 128, 256),
    "b_divbar": (1, 64, 64), "b_shfl": (1, 32, 32), "b_shflsrc": (1, 32, 32),
    "b_warp": (1, 32, 32), "ok_warp": (1, 32, 32), "b_approx": (1, 32, 32),
    "b_fatomic": (1, 32, 32), "b_misalign": (1, 32, 256),
}  # fmt: skip


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Module:
    """Small kernels, most of them wrong."""
    if NVCC is None:
        pytest.skip("nvcc was not found")
    source = Path(__file__).parent / "cuda_emulator" / "tests" / "bad.cu"
    ptx = tmp_path_factory.mktemp("planted") / "bad.ptx"
    flags = ["-ptx", "-arch=compute_80", "-fmad=false", "-o", str(ptx), str(source)]
    subprocess.run([NVCC, *flags], check=True, capture_output=True)
    return Module(ptx.read_text())


def launch(module: Module, name: str, order: str) -> None:
    """Run one of them."""
    grid, block, items = LAUNCHES.get(name, (1, 256, 256))
    device = Device()
    arguments = [device.put(np.zeros(items, np.float32))]
    if len(module.kernel(name).params) == 2:
        arguments.append(np.int32(items))
    module.launch(name, grid, block, arguments, device, order=order, max_steps=20000)


@pytest.mark.parametrize("order", ["lockstep", "random"])
@pytest.mark.parametrize("name", PLANTED)
def test_planted_bug_is_caught(planted: Module, name: str, order: str) -> None:
    """In whatever order threads run."""
    with pytest.raises((EmuError, PtxError)):
        launch(planted, name, order)


@pytest.mark.parametrize("name", ["ok_rev", "ok_warp"])
def test_correct_kernel_passes(planted: Module, name: str) -> None:
    """The twins of two of them."""
    launch(planted, name, "random")


CALLS = (
    "cudaGetDevice", "cudaDeviceGetAttribute", "cudaOccupancyMaxActiveBlocksPerMultiprocessor",
    "cudaHostAlloc", "cudaMalloc", "cudaEventCreateWithFlags", "cudaMemcpyAsync",
    "cudaLaunchKernel",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_failed_call_is_named(emulation: Emulated, call: str) -> None:
    """By the exception's text and fields; the next call works as if nothing had been."""
    with emulation.stand_in.fresh() as stand_in:
        address = emulation.put(np.zeros(4 * 4096, np.uint8))
        # So many that no table from before is large enough.
        many = [record for k in range(4096) for record in records(address + 4 * k, 1)]
        stand_in.fail(call, 2)
        with pytest.raises(emulation.module.CudaError, match=f"^{call}: out of memory") as caught:
            emulation.module.fill(requests_of(many), 0, 0)
        assert (caught.value.code, caught.value.call) == (2, call)
        emulation.clear()
        check(emulation, [run_of(NORMAL, FLOAT32, 0, 1000)])


def test_buffers_in_use_are_left_alone(emulation: Emulated) -> None:
    """Calls that no stream has come to yet take buffers of their own; later ones use them again."""
    with emulation.stand_in.fresh() as stand_in:
        address = emulation.put(np.zeros(400, np.uint8))
        draw = requests_of(records(address, 100))
        stand_in.busy(True)
        for _ in range(2):
            emulation.module.fill(draw, 0, 0)
        stand_in.busy(False)
        for _ in range(2):
            emulation.module.fill(draw, 0, 0)
        first, second, *later = stand_in.copies
        assert first[0] != second[0]
        assert first[1] != second[1]
        assert set(later) <= {first, second}
        assert len(stand_in.log) == 4
        emulation.clear()
