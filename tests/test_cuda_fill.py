"""CUDA draws what the CPU draws, bit for bit: emulated, and on a card where there is one."""

import itertools

import numpy as np
import pytest

from cuda_cases import (
    CARRY,
    KERNELS,
    KINDS,
    Case,
    borders,
    check,
    constants,
    overlays,
    rectangles,
    run_of,
)
from cuda_machines import ALLOWED, VIRTUAL, Card, Emulated
from fastinit.dtypes import DTYPES
from fastinit.initializers import Bernoulli, Sparse
from support import DTYPES as DRAWN


@pytest.mark.parametrize("architecture", VIRTUAL)
def test_bits_are_fixed_by_ptx(emulation: Emulated, architecture: str) -> None:
    """No kernel has an operation of undefined result, but for the estimate in the square root."""
    with emulation.stand_in.fresh(architecture=f"sm_{architecture}") as stand_in:
        found = {operation for _, _, _, operation in stand_in.module().lint()}
    assert found == set(ALLOWED)


# Besides compute_80, in the default suite; all of them in the slow one.
ALSO = {"float32": ("75", "100"), "bfloat16": ("75",), "float8_e5m2": ("100",)}


@pytest.mark.parametrize("dtype", DRAWN)
@pytest.mark.parametrize("kind", KERNELS)
def test_fills_emulated(emulation: Emulated, kind: str, dtype: str) -> None:
    """Each kernel: runs and constants in one launch of one block, rectangular parts on three."""
    what, drawn = KINDS[kind], DTYPES[dtype]
    for architecture in ("80", *ALSO.get(dtype, ())):
        with emulation.stand_in.fresh(architecture=f"sm_{architecture}", multiprocessors=1):
            check(emulation, [*borders(what, drawn), *constants()], architecture)
            assert [launch.grid for launch in emulation.stand_in.log] == [(1, 1, 1)]
        with emulation.stand_in.fresh(architecture=f"sm_{architecture}", multiprocessors=3):
            check(emulation, rectangles(what, drawn), architecture)
            assert [launch.grid for launch in emulation.stand_in.log] == [(3, 1, 1)]


SIZES = ("float64", "float32", "float16", "float8_e5m2")


@pytest.mark.parametrize(
    ("architecture", "dtype", "order", "blocks"),
    [
        ("75", "float64", "lockstep", 1),
        ("80", "float32", "warps-rev", 3),
        ("80", "float8_e5m2", "random", 1),
        ("100", "float16", "lockstep", 3),
        *[
            pytest.param(*each, marks=pytest.mark.slow)
            for each in itertools.product(VIRTUAL, SIZES, ("warps", "warps-rev", "random"), (1, 3))
        ],
    ],
)
def test_overlays_emulated(
    emulation: Emulated, architecture: str, dtype: str, order: str, blocks: int
) -> None:
    """Masks and scattered constants after the fills of one call, for items of every size."""
    settings = {"architecture": f"sm_{architecture}", "multiprocessors": blocks, "order": order}
    with emulation.stand_in.fresh(**settings):
        check(emulation, overlays(DTYPES[dtype]))
        names = [launch.name for launch in emulation.stand_in.log]
        assert ["overlay_kernel" in name for name in names] == [False, False, True, True]


@pytest.mark.parametrize("order", ["warps-rev", "random"])
@pytest.mark.parametrize("kind", KERNELS)
def test_order_of_threads_is_free(emulation: Emulated, kind: str, order: str) -> None:
    """The same bits, whatever threads run first."""
    with emulation.stand_in.fresh(order=order, multiprocessors=3):
        for dtype in ("float32", "float8_e5m2"):
            check(emulation, list(borders(KINDS[kind], DTYPES[dtype]))[::7], order)


@pytest.mark.slow
@pytest.mark.parametrize("multiprocessors", [1, 3])
@pytest.mark.parametrize("order", ["warps", "warps-rev", "random"])
@pytest.mark.parametrize("dtype", DRAWN)
@pytest.mark.parametrize("kind", KINDS)
def test_full_matrix(
    emulation: Emulated, kind: str, dtype: str, order: str, multiprocessors: int
) -> None:
    """Every kind of draw in every order, on either grid, for every class of architectures."""
    what, drawn = KINDS[kind], DTYPES[dtype]
    for architecture in VIRTUAL:
        settings = {"architecture": f"sm_{architecture}", "multiprocessors": multiprocessors}
        with emulation.stand_in.fresh(order=order, **settings):
            check(emulation, [*borders(what, drawn), *rectangles(what, drawn)], architecture)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DRAWN)
@pytest.mark.parametrize("kind", KINDS)
def test_fills_on_a_card(card: Card, kind: str, dtype: str) -> None:
    """The same cases on a GPU, and a part that fills it several times over."""
    what, drawn = KINDS[kind], DTYPES[dtype]
    check(card, [*borders(what, drawn), *rectangles(what, drawn), *constants()])
    check(card, [run_of(what, drawn, CARRY - (1 << 24), 1 << 26)])


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", SIZES)
def test_overlays_on_a_card(card: Card, dtype: str) -> None:
    """Masks and scattered constants on a GPU, large ones too."""
    check(card, overlays(DTYPES[dtype]))
    large = Sparse(nonzeros=300), Sparse(nonzeros=300, per="out"), Bernoulli(0.5, base="he_normal")
    check(card, [Case(what, DTYPES[dtype], (3000, 4097), np.s_[:]) for what in large])
