"""Orthogonal matrices on CUDA: the CPU's bits, emulated, and on a card where there is one."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cuda_cases import NORMAL, Case, check, run_of
from cuda_machines import VIRTUAL, Card, Emulated
from fastinit.boxes import part
from fastinit.dtypes import DTYPES
from fastinit.initializers import DeltaOrthogonal, Orthogonal, Sparse
from fastinit.requests import requests_of

FLOATS = ("float64", "float32", "float16", "bfloat16")
EVERYTHING = np.s_[:]
PLAIN, BATCH = Orthogonal(), Orthogonal(gain=0.7, layout="boi")
LITTLE = 8 << 10  # bytes of shared memory, with which matrices of 17 columns count as large


def matrices(dtype: np.dtype[Any]) -> Iterator[Case]:
    """Sizes around those of blocks and panels; tall, wide; batches, convolutions, parts."""
    shapes = [(1, 1), (1, 9), (9, 1), (2, 2), (16, 16), (17, 13), (19, 18), (19, 33)]
    for k, shape in enumerate(shapes):
        yield Case(PLAIN, dtype, shape, EVERYTHING, k % 5)
    yield Case(PLAIN, dtype, (20, 7), np.s_[3:18, 1:5], 1)
    yield Case(PLAIN, dtype, (7, 20), np.s_[1:6, 3:18], 1)
    yield Case(PLAIN, dtype, (37, 36), np.s_[5:, 17:31])
    yield Case(PLAIN, dtype, (36, 37), np.s_[:20, 3:])
    yield Case(PLAIN, dtype, (150, 3), np.s_[70:])
    yield Case(BATCH, dtype, (5, 6, 8), np.s_[1:4, 2:5, 1:], 3)
    yield Case(Orthogonal(layout="obi"), dtype, (6, 5, 8), np.s_[1:4, 2:5, 1:])
    yield Case(Orthogonal(gain=3, layout="*io"), dtype, (3, 3, 4, 5), np.s_[1:, :2, 1:, 2:])
    yield Case(DeltaOrthogonal(), dtype, (6, 5, 3, 3), np.s_[:, :, 1:, :2])
    yield Case(DeltaOrthogonal(), dtype, (6, 5, 3, 3), np.s_[:, :, 2:, :2])


# The smallest matrices of each block size that shared memory does not hold, and a part that
# depends on few of their blocks.
LARGE = {
    16: ((33, 33), EVERYTHING),
    32: ((130, 129), np.s_[:, :33]),
    64: ((514, 513), np.s_[:, :17]),
    128: ((2049, 2049), np.s_[:, :16]),
}


@pytest.mark.parametrize(
    ("architecture", "dtype", "order"),
    [
        ("75", "float16", "random"),
        ("80", "float64", "warps-rev"),
        ("80", "float32", "random"),
        ("100", "float64", "lockstep"),
        ("100", "bfloat16", "warps-rev"),
        *[
            pytest.param(*each, marks=pytest.mark.slow)
            for each in itertools.product(VIRTUAL, FLOATS, ("lockstep", "warps-rev", "random"))
        ],
    ],
)
def test_small_emulated(emulation: Emulated, architecture: str, dtype: str, order: str) -> None:
    """One block of threads for each matrix, in shared memory."""
    settings = {"architecture": f"sm_{architecture}", "order": order, "multiprocessors": 3}
    with emulation.stand_in.fresh(**settings):
        check(emulation, matrices(DTYPES[dtype]), architecture)
        names = {launch.name for launch in emulation.stand_in.log}
        assert all("small_orthogonal" in name or "fill_kernel" in name for name in names)


def test_amounts_of_shared_memory(emulation: Emulated) -> None:
    """More of it than a launch may ask for unless its kernel is told, and less after that."""
    with emulation.stand_in.fresh(multiprocessors=3):
        check(emulation, [Case(PLAIN, DTYPES["float32"], (n, n), EVERYTHING) for n in (98, 4)])
        assert len(emulation.stand_in.log) == 2


@pytest.mark.parametrize(
    ("architecture", "dtype", "order", "blocks"),
    [
        ("75", "float32", "lockstep", 3),
        ("80", "float32", "random", 3),
        ("80", "float64", "warps-rev", 1),
        ("100", "float64", "random", 3),
        ("100", "float16", "warps-rev", 1),
    ],
)
def test_large_emulated(
    emulation: Emulated, architecture: str, dtype: str, order: str, blocks: int
) -> None:
    """Reflectors, then panels, through working memory; where there is little of it, in groups."""
    settings = {"architecture": f"sm_{architecture}", "order": order, "multiprocessors": blocks}
    with emulation.stand_in.fresh(**settings, shared_memory=LITTLE, free_memory=64 << 10):
        shape, index = LARGE[16]
        cases = [Case(PLAIN, DTYPES[dtype], shape, index, 1)]
        cases += [Case(BATCH, DTYPES[dtype], (3, 30, 17), np.s_[1:, 3:, 2:16])]
        cases += [Case(BATCH, DTYPES[dtype], (2, 18, 60), np.s_[:, 16:])]
        check(emulation, cases, architecture)
        names = [launch.name for launch in emulation.stand_in.log]
        assert ["reflectors" in name for name in names] == [True, False] * (len(names) // 2)
        assert len(names) > 2


QUICK = [(32, "float64"), (32, "float32"), (64, "float32")]


@pytest.mark.parametrize(
    ("size", "dtype", "architecture"),
    [
        *[(*each, architecture) for each in QUICK for architecture in VIRTUAL],
        (128, "float32", "80"),
        *[
            pytest.param(*each, marks=pytest.mark.slow)
            for each in itertools.product((32, 64, 128), ("float64", "float32"), VIRTUAL)
        ],
    ],
)
def test_blocks_emulated(emulation: Emulated, size: int, dtype: str, architecture: str) -> None:
    """The wider blocks of reflectors."""
    with emulation.stand_in.fresh(architecture=f"sm_{architecture}", multiprocessors=3):
        check(emulation, [Case(PLAIN, DTYPES[dtype], *LARGE[size])], architecture)


def test_order_of_kinds(emulation: Emulated) -> None:
    """Fills come before matrices, masks after them, in whatever order a list has them."""
    float32 = DTYPES["float32"]
    with emulation.stand_in.fresh(shared_memory=LITTLE):
        check(
            emulation,
            [
                Case(Sparse(nonzeros=5, base=PLAIN), float32, (20, 30), EVERYTHING),
                Case(DeltaOrthogonal(), float32, (22, 20, 3), EVERYTHING),
                run_of(NORMAL, float32, 3, 500),
                Case(PLAIN, float32, (8, 8), EVERYTHING),
            ],
        )
        names = [launch.name for launch in emulation.stand_in.log]
    kinds = [next(kind for kind in ("overlay", "ortho", "fill") if kind in name) for name in names]
    assert kinds == sorted(kinds, key=["fill", "ortho", "overlay"].index)
    assert set(kinds) == {"fill", "ortho", "overlay"}


CALLS = (
    "cudaDeviceGetAttribute", "cudaMemGetInfo", "cudaFuncSetAttribute",
    "cudaOccupancyMaxActiveBlocksPerMultiprocessor", "cudaMallocAsync",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_failed_call_writes_nothing(emulation: Emulated, call: str) -> None:
    """It is named, and neither the list's matrices nor its fills are drawn."""
    float32 = DTYPES["float32"]
    with emulation.stand_in.fresh(shared_memory=LITTLE) as stand_in:
        address = emulation.put(np.full(4 * 2000, 0xA5, np.uint8))
        records = []
        for what, shape, at in [
            (PLAIN, (20, 20), 0),
            (PLAIN, (4, 4), 400),
            (NORMAL, (9,), 500),
        ]:
            (draw,) = what.draws(shape, float32)
            records += draw.place(part(shape, EVERYTHING), address + 4 * at, 1, 2)
        stand_in.fail(call, 2)
        with pytest.raises(emulation.module.CudaError, match=f"^{call}.*: out of memory") as caught:
            emulation.module.fill(requests_of(records), 0, 0)
        assert (caught.value.code, caught.value.call) == (2, call)
        if call == "cudaMallocAsync":
            assert "bytes of working memory for orthogonal matrices" in str(caught.value)
        assert (emulation.get(address, 4 * 2000) == 0xA5).all()
        assert not stand_in.log
        emulation.clear()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", FLOATS)
def test_orthogonal_on_a_card(card: Card, dtype: str) -> None:
    """The same cases on a GPU, large matrices, and batches of several groups."""
    drawn = DTYPES[dtype]
    check(card, matrices(drawn))
    for shape, index in LARGE.values():
        check(card, [Case(PLAIN, drawn, shape, index)])
    check(card, [Case(PLAIN, drawn, (2300, 2100), EVERYTHING, 1)])
    check(card, [Case(BATCH, drawn, (3000, 33, 40), EVERYTHING)])
    check(card, [Case(BATCH, drawn, (300, 300, 260), np.s_[:, :, 100:])])
