"""Masks and scattered constants over fills on CUDA are the CPU's, bit for bit."""

import itertools

import numpy as np
import pytest

from fastinit import Bernoulli, Sparse
from helpers.cuda.cases import SIZES, Case, check, mask_launches, overlays
from helpers.cuda.devices import VIRTUAL, Card, Emulated
from helpers.cuda.ptx_coverage import Unrun, check_coverage, wide_divisions, wide_quotients
from helpers.dtypes import dtype_of

# Lines for requests that Python never makes.
NO_AXIS = Unrun(
    "masks whose samples run along no axis, of which Python makes constants",
    r"mov\.u16",
    r"mov\.",
    2,
)
STEP_ONE = Unrun(
    "masks along rows and an outer axis of step 1, which Python merges into one",
    r"ld\.global\.u64|rem\.u32|sub\.s64",
    r"ld\.global\.u64|(or|and)\.b64|setp|cvt|rem\.u32|sub\.s64",
    3,
)
UNRUN = (NO_AXIS, wide_divisions(56), wide_quotients(1), STEP_ONE)


def test_masks_emulated(emulation: Emulated) -> None:
    """The PTX draws what the CPU draws, in three orders of threads, and every line of it runs."""
    stand_in = emulation.stand_in
    (kernel,) = (name for name in stand_in.kernels() if "mask_requests" in name)
    for same in stand_in.classes(kernel):
        for order, blocks, cases in mask_launches():
            settings = {"architecture": same[-1], "multiprocessors": blocks, "order": order}
            with stand_in.fresh(**settings):
                check(emulation, cases, f"{same[-1]} {order}")
                names = [launch.name for launch in stand_in.log]
                assert kernel in names
                assert names == sorted(names, key=kernel.__eq__)  # masks come last
        with stand_in.fresh(architecture=same[-1]):
            check_coverage(stand_in, kernel, *UNRUN)


SETTINGS = tuple(itertools.product(("lockstep", "warps", "warps-rev", "random"), (1, 3)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "dtype", "order", "blocks"),
    [
        (*each, *setting)
        for each, setting in zip(
            itertools.product(VIRTUAL, SIZES), itertools.cycle(SETTINGS), strict=False
        )
    ],
)
def test_all_masks(
    emulation: Emulated, architecture: str, dtype: str, order: str, blocks: int
) -> None:
    """All masks run in items of every size. Orders and grids take turns."""
    settings = {"architecture": f"sm_{architecture}", "multiprocessors": blocks, "order": order}
    with emulation.stand_in.fresh(**settings):
        check(emulation, overlays(dtype_of(dtype)))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", SIZES)
def test_masks_on_a_card(card: Card, dtype: str) -> None:
    """These are the same cases, and large ones."""
    check(card, overlays(dtype_of(dtype)))
    large = Sparse(nonzeros=300), Sparse(nonzeros=300, per="out"), Bernoulli(0.5, base="he_normal")
    check(card, [Case(what, dtype_of(dtype), (3000, 4097), np.s_[:]) for what in large])
