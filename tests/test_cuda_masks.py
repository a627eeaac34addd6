"""What CUDA writes over fills, masks and scattered constants, as the CPU does, bit for bit."""

import numpy as np
import pytest

from cuda_cases import SIZES, Case, check, mask_launches, overlays
from cuda_coverage import Unrun, check_coverage, wide_divisions, wide_quotients
from cuda_machines import VIRTUAL, Card, Emulated
from fastinit.dtypes import DTYPES
from fastinit.initializers import Bernoulli, Sparse

# What the code for any request could do, and no request asks for.
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
    """The kernel's PTX as the CPU, in three orders of threads, with every line of it run."""
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


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("order", ["lockstep", "warps", "warps-rev", "random"])
@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("architecture", VIRTUAL)
def test_full_matrix(
    emulation: Emulated, architecture: str, dtype: str, order: str, blocks: int
) -> None:
    """All masks in items of every size, in every order, on either grid."""
    settings = {"architecture": f"sm_{architecture}", "multiprocessors": blocks, "order": order}
    with emulation.stand_in.fresh(**settings):
        check(emulation, overlays(DTYPES[dtype]))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", SIZES)
def test_masks_on_a_card(card: Card, dtype: str) -> None:
    """The same on a GPU, and large ones."""
    check(card, overlays(DTYPES[dtype]))
    large = Sparse(nonzeros=300), Sparse(nonzeros=300, per="out"), Bernoulli(0.5, base="he_normal")
    check(card, [Case(what, DTYPES[dtype], (3000, 4097), np.s_[:]) for what in large])
