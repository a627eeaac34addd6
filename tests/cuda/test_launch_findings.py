"""Errors of a launch are found, and every failed CUDA call is named."""

import numpy as np
import pytest

from cuda_emulator import EmuError
from fastinit import Orthogonal
from fastinit.native.box import whole
from fastinit.native.masks import BlockMask
from helpers.cuda.cases import NORMAL, check, run_of
from helpers.cuda.devices import Emulated
from helpers.dtypes import dtype_of
from helpers.requests import joined, requests_for


def records(address: int, count: int) -> list[bytes]:
    """Normals at an address."""
    return requests_for(NORMAL, "float32", (count,), address, seed=1, stream=2)


def test_overrun_is_caught(emulation: Emulated) -> None:
    """A request has one element more than the memory."""
    with emulation.stand_in.fresh():
        address = emulation.put(np.zeros(400, np.uint8))
        with pytest.raises(EmuError, match="out of bounds"):
            emulation.fill(records(address, 101))
        emulation.clear()


def test_race_is_caught(emulation: Emulated) -> None:
    """Two requests of one launch lie over the same memory, filled by two blocks."""
    with emulation.stand_in.fresh(multiprocessors=3):
        address = emulation.put(np.zeros(400, np.uint8))
        with pytest.raises(EmuError, match="race"):
            emulation.fill([*records(address, 100), *records(address, 100)])
        emulation.clear()


CALLS = (
    "cudaGetDevice", "cudaThreadExchangeStreamCaptureMode", "cudaStreamIsCapturing",
    "cudaDeviceGetAttribute", "cudaOccupancyMaxActiveBlocksPerMultiprocessor",
    "cudaHostAlloc", "cudaMalloc", "cudaEventCreateWithFlags", "cudaMemcpyAsync",
    "cudaLaunchKernel",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_failed_call_is_named(emulation: Emulated, call: str) -> None:
    """The exception's text and fields name it; the next call works normally."""
    with emulation.stand_in.fresh() as stand_in:
        address = emulation.put(np.zeros(4 * 4096, np.uint8))
        # So many that no table from before is large enough.
        many = [record for k in range(4096) for record in records(address + 4 * k, 1)]
        stand_in.fail(call, 2)
        with pytest.raises(emulation.module.CudaError, match=f"^{call}: out of memory") as caught:
            emulation.module.fill(joined(many), 0, 0)
        assert (caught.value.code, caught.value.call) == (2, call)
        emulation.clear()
        check(emulation, [run_of(NORMAL, dtype_of("float32"), 0, 1000)])


def test_capture_is_refused(emulation: Emulated) -> None:
    """A replayed graph would read tables of other calls, so nothing is queued."""
    with emulation.stand_in.fresh() as stand_in:
        address = emulation.put(np.zeros(400, np.uint8))
        draw = joined(records(address, 100))
        stand_in.capturing(True)
        with pytest.raises(RuntimeError, match="initialize before the capture begins"):
            emulation.module.fill(draw, 0, 0)
        assert (stand_in.log, stand_in.copies, stand_in.last_error()) == ([], [], 0)
        stand_in.capturing(False)
        emulation.module.fill(draw, 0, 0)
        emulation.clear()


def test_captures_of_other_streams_go_on(emulation: Emulated) -> None:
    """To allocate a table, and to ask whether it is free, is allowed while a graph is captured."""
    with emulation.stand_in.fresh() as stand_in:
        address = emulation.put(np.zeros(4 * 8192, np.uint8))
        # So many that no table from before is large enough.
        many = [record for k in range(8192) for record in records(address + 4 * k, 1)]
        stand_in.capturing_elsewhere(True)
        stand_in.fail("cudaLaunchKernel", 2)  # the first call after the table is made
        with pytest.raises(emulation.module.CudaError, match=r"^cudaLaunchKernel: "):
            emulation.module.fill(joined(many), 0, 0)
        assert stand_in.capture_mode() == 0
        emulation.module.fill(joined(records(address, 100)), 0, 0)
        assert (len(stand_in.log), stand_in.last_error(), stand_in.capture_mode()) == (1, 0, 0)
        emulation.clear()


def test_more_tiles_than_kernels_count(emulation: Emulated) -> None:
    """Before anything is queued; 2^38 elements of a block mask are 2^32 tiles."""
    with emulation.stand_in.fresh() as stand_in:
        shape = (1 << 38,)
        mask = BlockMask(dtype_of("bfloat16"), shape, (2,), threshold=1)
        with pytest.raises(RuntimeError, match=r"at most 2\^37 elements; draw in parts"):
            emulation.module.fill(joined(mask.requests(whole(shape), 1 << 20, 0, 0)), 0, 0)
        assert (stand_in.log, stand_in.copies, stand_in.last_error()) == ([], [], 0)


def test_failed_query_is_told(emulation: Emulated) -> None:
    """The query is about buffers that an earlier call used."""
    with emulation.stand_in.fresh() as stand_in:
        address = emulation.put(np.zeros(400, np.uint8))
        draw = joined(records(address, 100))
        emulation.module.fill(draw, 0, 0)
        stand_in.fail("cudaEventQuery", 700)
        with pytest.raises(emulation.module.CudaError, match=r"^cudaEventQuery: "):
            emulation.module.fill(draw, 0, 0)
        emulation.clear()


def test_buffers_whose_work_may_not_be_done_are_left_alone(emulation: Emulated) -> None:
    """Nobody knows when a stream has passed an event that it did not take."""
    with emulation.stand_in.fresh() as stand_in:
        address = emulation.put(np.zeros(400, np.uint8))
        draw = joined(records(address, 100))
        stand_in.fail("cudaEventRecord", 2)
        for _ in range(2):
            emulation.module.fill(draw, 0, 0)
            assert stand_in.last_error() == 0
        first, second = stand_in.copies
        assert first != second
        emulation.clear()


def test_working_memory_that_is_not_freed_is_nobodys_error(emulation: Emulated) -> None:
    with emulation.stand_in.fresh(shared_memory=8192) as stand_in:  # too little for the matrix
        address = emulation.put(np.zeros(4096, np.uint8))
        draw = requests_for(Orthogonal(), "float32", (32, 32), address, seed=1, stream=2)
        stand_in.fail("cudaFreeAsync", 2)
        emulation.module.fill(joined(draw), 0, 0)
        assert stand_in.last_error() == 0
        emulation.clear()


def test_buffers_in_use_are_left_alone(emulation: Emulated) -> None:
    """Calls that no stream has come to yet use buffers of their own, which later calls reuse."""
    with emulation.stand_in.fresh() as stand_in:
        address = emulation.put(np.zeros(400, np.uint8))
        draw = joined(records(address, 100))
        stand_in.busy(True)
        for _ in range(2):
            emulation.module.fill(draw, 0, 0)
        assert stand_in.last_error() == 0  # "not ready" is nobody's error
        stand_in.busy(False)
        for _ in range(2):
            emulation.module.fill(draw, 0, 0)
        first, second, *later = stand_in.copies
        assert first[0] != second[0]
        assert first[1] != second[1]
        assert set(later) <= {first, second}
        assert len(stand_in.log) == 4
        emulation.clear()
