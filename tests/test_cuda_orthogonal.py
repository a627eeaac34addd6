"""Orthogonal matrices on CUDA: the CPU's bits, emulated, and on a card where there is one."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cuda_cases import NORMAL, Case, check, run_of
from cuda_coverage import Unrun, check_coverage, wide_divisions
from cuda_machines import VIRTUAL, Card, Emulated
from fastinit.boxes import part
from fastinit.dtypes import DTYPES
from fastinit.initializers import DeltaOrthogonal, Orthogonal, Sparse
from fastinit.requests import requests_of

FLOATS = ("float64", "float32", "float16", "bfloat16")
EVERYTHING = np.s_[:]
PLAIN, BATCH = Orthogonal(), Orthogonal(gain=0.7, layout="boi")
# Bytes with which matrices of 17 columns count as large, and need several groups.
LITTLE = {"shared_memory": 8 << 10, "free_memory": 64 << 10}


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
    32: ((130, 129), np.s_[:, :32]),
    64: ((514, 513), np.s_[:, :16]),
    128: ((2049, 2049), np.s_[:, :16]),
}


def large(dtype: np.dtype[Any]) -> list[Case]:
    """Matrices and batches that are large where there is little shared memory."""
    return [
        Case(PLAIN, dtype, *LARGE[16], 1),
        Case(BATCH, dtype, (3, 20, 17), np.s_[1:, 3:, 2:16]),
        Case(BATCH, dtype, (2, 18, 40), np.s_[:, 16:]),
    ]


def launches(dtype: str, largest: int) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """(settings, cases), which together run every line of a precision's kernels.

    But for those of blocks of more than ``largest`` reflectors.
    """
    drawn = DTYPES[dtype]
    narrow = [DTYPES[name] for name in ("float16", "bfloat16")] if dtype == "float32" else []
    few, many = {"multiprocessors": 1}, {"multiprocessors": 3}
    small, through_memory = list(matrices(drawn)), large(drawn)
    yield many, small
    yield {**few, "order": "warps-rev"}, small[1::6]
    yield {**many, "order": "random"}, small[2::6]
    for each in narrow:
        yield few, [Case(PLAIN, each, (17, 13), EVERYTHING, 1)]
    yield (
        {**many, **LITTLE},
        [
            *through_memory,
            *(Case(PLAIN, each, (20, 19), EVERYTHING) for each in narrow),
        ],
    )
    yield {**many, **LITTLE, "order": "random"}, through_memory[:1]
    # In one group.
    yield {**few, "order": "warps-rev", "shared_memory": 8 << 10}, through_memory[1:]
    for size in (32, 64, 128):
        if size <= largest:
            # The largest take most of the time, and half of that without a look at races.
            yield {**many, "racecheck": size < 128}, [Case(PLAIN, drawn, *LARGE[size])]


NO_BLOCKS_OF_128 = Unrun("blocks of 128 reflectors, which a slow test runs", ".", ".", 40)


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [("float32", 128), ("float64", 64), pytest.param("float64", 128, marks=pytest.mark.slow)],
)
def test_matrices_emulated(emulation: Emulated, dtype: str, largest: int) -> None:
    """The kernels' PTX as the CPU, in three orders of threads, with every line of it run."""
    stand_in = emulation.stand_in
    end = {"float64": "IdEEvNS_15OrthogonalTableE", "float32": "IfEEvNS_15OrthogonalTableE"}[dtype]
    kernels = [name for name in stand_in.kernels() if name.endswith(end)]
    assert len(kernels) == 3
    classes = {same[-1] for name in kernels for same in stand_in.classes(name)}
    for architecture in sorted(classes):
        for settings, cases in launches(dtype, largest):
            with stand_in.fresh(architecture=architecture, **settings):
                check(emulation, cases, f"{architecture} {settings}")
                names = [launch.name for launch in stand_in.log if "orthogonal" in launch.name]
                if LITTLE.keys() <= settings.keys():
                    assert len(names) >= 2 * len(cases)
                    assert ["reflectors" in each for each in names[:2]] == [True, False]
        with stand_in.fresh(architecture=architecture):
            for name in kernels:
                unrun = [NO_BLOCKS_OF_128] if largest < 128 and "small" not in name else []
                check_coverage(stand_in, name, wide_divisions(5), *unrun)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["lockstep", "warps-rev", "random"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("architecture", VIRTUAL)
def test_whole_product(emulation: Emulated, architecture: str, dtype: str, order: str) -> None:
    """All small matrices, and all that go through memory, in every order."""
    settings = {"architecture": f"sm_{architecture}", "order": order, "multiprocessors": 3}
    with emulation.stand_in.fresh(**settings):
        check(emulation, matrices(DTYPES[dtype]), architecture)
    with emulation.stand_in.fresh(**settings, **LITTLE):
        check(emulation, large(DTYPES[dtype]), architecture)


@pytest.mark.slow
@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("architecture", VIRTUAL)
def test_blocks(emulation: Emulated, architecture: str, dtype: str, size: int) -> None:
    """Blocks of reflectors of every size."""
    with emulation.stand_in.fresh(architecture=f"sm_{architecture}", multiprocessors=3):
        check(emulation, [Case(PLAIN, DTYPES[dtype], *LARGE[size])], architecture)


def test_amounts_of_shared_memory(emulation: Emulated) -> None:
    """More of it than a launch may ask for unless its kernel is told, and less after that."""
    with emulation.stand_in.fresh(multiprocessors=3):
        check(emulation, [Case(PLAIN, DTYPES["float32"], (n, n), EVERYTHING) for n in (98, 4)])
        assert len(emulation.stand_in.log) == 2


def test_order_of_kinds(emulation: Emulated) -> None:
    """Fills come before matrices, masks after them, in whatever order a list has them."""
    float32 = DTYPES["float32"]
    with emulation.stand_in.fresh(**LITTLE):
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
    kinds = [next(kind for kind in ("mask", "ortho", "fill") if kind in name) for name in names]
    assert kinds == sorted(kinds, key=["fill", "ortho", "mask"].index)
    assert set(kinds) == {"fill", "ortho", "mask"}


CALLS = (
    "cudaDeviceGetAttribute", "cudaMemGetInfo", "cudaFuncSetAttribute",
    "cudaOccupancyMaxActiveBlocksPerMultiprocessor", "cudaMallocAsync",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_failed_call_writes_nothing(emulation: Emulated, call: str) -> None:
    """It is named, and neither the list's matrices nor its fills are drawn."""
    float32 = DTYPES["float32"]
    with emulation.stand_in.fresh(**LITTLE) as stand_in:
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
