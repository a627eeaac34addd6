"""Orthogonal matrices on CUDA are the CPU's, bit for bit: emulated, and on a card."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fastinit import DeltaOrthogonal, Sparse
from helpers.cuda.cases import NORMAL, Case, check, run_of
from helpers.cuda.devices import VIRTUAL, Card, Emulated
from helpers.cuda.orthogonal_cases import BATCH, EVERYTHING, LARGE, LITTLE, PLAIN, large, matrices
from helpers.cuda.ptx_coverage import Unrun, check_coverage, wide_divisions
from helpers.dtypes import dtype_of
from helpers.requests import joined, requests_for

FLOATS = ("float64", "float32", "float16", "bfloat16")


def launches(dtype: str, largest: int) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """(settings, cases), which together run every line of a precision's kernels.

    Lines for blocks of more than ``largest`` reflectors are excepted.
    """
    drawn = dtype_of(dtype)
    narrow = [dtype_of(name) for name in ("float16", "bfloat16")] if dtype == "float32" else []
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
    # All in one group.
    yield {**few, "order": "warps-rev", "shared_memory": 8 << 10}, through_memory[1:]
    for size in (32, 64, 128):
        if size <= largest:
            # The largest take most of the time, half of it in the search for races.
            yield {**many, "racecheck": size < 128}, [Case(PLAIN, drawn, *LARGE[size])]


NO_BLOCKS_OF_128 = Unrun("blocks of 128 reflectors, which a slow test runs", ".", ".", 40)


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [
        ("float32", 64),
        ("float64", 64),
        pytest.param("float32", 128, marks=pytest.mark.slow),
        pytest.param("float64", 128, marks=pytest.mark.slow),
    ],
)
def test_matrices_emulated(emulation: Emulated, dtype: str, largest: int) -> None:
    """The PTX draws what the CPU draws, and every line of it runs.

    The first text of the kernels runs in three orders of threads, the others in lockstep and with
    blocks of up to 64 reflectors.
    """
    stand_in = emulation.stand_in
    end = {"float64": "IdEEvNS_15OrthogonalTableE", "float32": "IfEEvNS_15OrthogonalTableE"}[dtype]
    kernels = [name for name in stand_in.kernels() if name.endswith(end)]
    assert len(kernels) == 3
    classes = {same[0] for name in kernels for same in stand_in.classes(name)}
    for number, architecture in enumerate(sorted(classes)):
        most = min(largest, 64) if number else largest
        for settings, cases in launches(dtype, most):
            if number and "order" in settings:
                continue
            with stand_in.fresh(architecture=architecture, **settings):
                check(emulation, cases, f"{architecture} {settings}")
                names = [launch.name for launch in stand_in.log if "orthogonal" in launch.name]
                if LITTLE.keys() <= settings.keys():
                    assert len(names) >= 2 * len(cases)
                    assert ["reflectors" in each for each in names[:2]] == [True, False]
        with stand_in.fresh(architecture=architecture):
            for name in kernels:
                unrun = [NO_BLOCKS_OF_128] if most < 128 and "small" not in name else []
                check_coverage(stand_in, name, wide_divisions(5), *unrun)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "dtype", "order"),
    [
        (*each, order)
        for each, order in zip(
            itertools.product(VIRTUAL, FLOATS),
            itertools.cycle(("lockstep", "warps-rev", "random")),
            strict=False,
        )
    ],
)
def test_all_matrices(emulation: Emulated, architecture: str, dtype: str, order: str) -> None:
    """All small matrices, and all that go through memory. Orders take turns."""
    settings = {"architecture": f"sm_{architecture}", "order": order, "multiprocessors": 3}
    with emulation.stand_in.fresh(**settings):
        check(emulation, matrices(dtype_of(dtype)), architecture)
    with emulation.stand_in.fresh(**settings, **LITTLE):
        check(emulation, large(dtype_of(dtype)), architecture)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("architecture", VIRTUAL)
def test_blocks_of_128(emulation: Emulated, architecture: str, dtype: str) -> None:
    with emulation.stand_in.fresh(architecture=f"sm_{architecture}", multiprocessors=3):
        check(emulation, [Case(PLAIN, dtype_of(dtype), *LARGE[128])], architecture)


def test_amounts_of_shared_memory(emulation: Emulated) -> None:
    """One launch needs more than its kernel may use unless it is told, and the next needs less."""
    with emulation.stand_in.fresh(multiprocessors=3):
        check(emulation, [Case(PLAIN, dtype_of("float32"), (n, n), EVERYTHING) for n in (98, 4)])
        assert len(emulation.stand_in.log) == 2


def test_order_of_kinds(emulation: Emulated) -> None:
    """Fills come before matrices, masks after them, in whatever order a list has them."""
    float32 = dtype_of("float32")
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
    """The call is named, and neither the list's matrices nor its fills are drawn."""
    float32 = dtype_of("float32")
    with emulation.stand_in.fresh(**LITTLE) as stand_in:
        address = emulation.put(np.full(4 * 2000, 0xA5, np.uint8))
        records = []
        for what, shape, at in [
            (PLAIN, (20, 20), 0),
            (PLAIN, (4, 4), 400),
            (NORMAL, (9,), 500),
        ]:
            records += requests_for(what, float32, shape, address + 4 * at)
        stand_in.fail(call, 2)
        with pytest.raises(emulation.module.CudaError, match=f"^{call}.*: out of memory") as caught:
            emulation.module.fill(joined(records), 0, 0)
        assert (caught.value.code, caught.value.call) == (2, call)
        if call == "cudaMallocAsync":
            assert "bytes of working memory for orthogonal matrices" in str(caught.value)
        assert (emulation.get(address, 4 * 2000) == 0xA5).all()
        assert not stand_in.log
        emulation.clear()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", FLOATS)
def test_orthogonal_on_a_card(card: Card, dtype: str) -> None:
    """These are the same cases, large matrices, and batches of several groups."""
    drawn = dtype_of(dtype)
    check(card, matrices(drawn))
    for shape, index in LARGE.values():
        check(card, [Case(PLAIN, drawn, shape, index)])
    check(card, [Case(PLAIN, drawn, (2300, 2100), EVERYTHING, 1)])
    check(card, [Case(BATCH, drawn, (3000, 33, 40), EVERYTHING)])
    check(card, [Case(BATCH, drawn, (300, 300, 260), np.s_[:, :, 100:])])
