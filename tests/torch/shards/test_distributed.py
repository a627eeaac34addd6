"""Every process draws its own shard, and together the shards are the one whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import fastinit
import fastinit.torch
from helpers import sharded_tensors
from helpers.models import sharded as sharded_models
from helpers.process_group import Ranks, started
from helpers.torch_init_functions import RANDOM

HE = fastinit.HeNormal()
LAYOUTS = [  # (mesh, placements)
    ((1,), "S0"),
    ((2,), "R"),
    ((2,), "S0"),
    ((2,), "S1"),
    ((4,), "R"),
    ((4,), "S0"),
    ((4,), "S1"),
    ((2, 2), "R S0"),
    ((2, 2), "S1 R"),
    ((2, 2), "S0 S0"),
    ((2, 2), "S0 S1"),
    ((2, 2), "S1 S0"),
    ((2, 2), "S0/2 S0"),
    ((2, 2), "S1/2 S1"),
    ((2, 2), "S0/3 S1"),
]


@pytest.fixture(scope="module")
def ranks() -> Iterator[Ranks]:
    """Four processes."""
    with started(4) as four:
        yield four


@pytest.mark.parametrize("shape", [(64, 48), (37, 29), (3, 5)])
def test_one_digest(ranks: Ranks, shape: tuple[int, ...]) -> None:
    """1, 2 and 4 ranks, rows, columns, copies, a 2 x 2 mesh, even and uneven, have one digest."""
    expected = fastinit.digest(HE(shape, seed=sharded_tensors.SEED, name=sharded_tensors.NAME))
    for mesh, placements in LAYOUTS:
        for rank, (digest, drawn, held) in enumerate(
            ranks.run(sharded_tensors.drawn, HE, shape, mesh, placements, torch.float32)
        ):
            assert digest in ("", expected), (mesh, placements, rank)
            assert drawn == held, (mesh, placements, rank)


INITIALIZERS = [
    fastinit.HeUniform(),
    fastinit.TruncatedNormal(std=0.02),
    fastinit.Constant(3),
    fastinit.GlorotNormal(mode="fan_avg"),
]


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_every_initializer_and_dtype(
    ranks: Ranks, initializer: fastinit.Initializer, dtype: torch.dtype
) -> None:
    """Shards are of rows, of both axes, and strided."""
    shape = (37, 29)
    expected = fastinit.digest(
        initializer(shape, seed=sharded_tensors.SEED, name=sharded_tensors.NAME, dtype=dtype)
    )
    for mesh, placements in [((4,), "S0"), ((2, 2), "S1 S0"), ((2, 2), "S0/2 S0")]:
        for digest, _, _ in ranks.run(
            sharded_tensors.drawn, initializer, shape, mesh, placements, dtype
        ):
            assert digest == expected, (mesh, placements)


LAID_OVER = {
    "sparse": (fastinit.Sparse(sparsity=0.3), (37, 29)),
    "sparse per output": (fastinit.Sparse(nonzeros=5, per="out"), (37, 29)),
    "sparse per tensor": (fastinit.Sparse(0.3, per="tensor"), (37, 29)),
    "sparse blocks": (fastinit.Sparse(0.3, per="tensor", block=(3, 4)), (36, 28)),
    "n of m": (fastinit.NM(2, 4), (37, 32)),
    "bernoulli": (fastinit.Bernoulli(p=0.3), (37, 29)),
    "dirac": (fastinit.Dirac(), (12, 7, 3, 3)),
    "orthogonal, tall": (fastinit.Orthogonal(), (37, 29)),
    "orthogonal, wide": (fastinit.Orthogonal(gain=2.0), (13, 3, 7)),
    "orthogonal, batches": (fastinit.Orthogonal(layout="boi"), (5, 6, 4)),
}


@pytest.mark.parametrize("case", LAID_OVER)
def test_what_is_not_elementwise(ranks: Ranks, case: str) -> None:
    """Counts hold and columns are orthogonal over the whole, wherever it is divided."""
    initializer, shape = LAID_OVER[case]
    expected = fastinit.digest(
        initializer(shape, seed=sharded_tensors.SEED, name=sharded_tensors.NAME)
    )
    for mesh, placements in LAYOUTS:
        found = ranks.run(
            sharded_tensors.drawn, initializer, shape, mesh, placements, torch.float32
        )
        assert {digest for digest, _, _ in found} <= {"", expected}, (mesh, placements)


DROP_IN = [
    *[(name, arguments, torch.float32) for name, arguments in RANDOM.items()],
    ("normal_", (), torch.bfloat16),
    ("uniform_", (-1, 1), torch.complex64),
    ("variance_scaling_", (2.0, "fan_avg", "uniform"), torch.float32),
    ("truncated_normal_", (0.0, 0.02), torch.bfloat16),
]


@pytest.mark.parametrize(("function", "arguments", "dtype"), DROP_IN)
def test_functions_of_torch(
    ranks: Ranks, function: str, arguments: tuple[Any, ...], dtype: torch.dtype
) -> None:
    """With a seed they fill a DTensor with the bits of a plain tensor of its shape."""
    whole = torch.empty(37, 29, dtype=dtype)
    getattr(fastinit.torch, function)(
        whole, *arguments, seed=sharded_tensors.SEED, name=sharded_tensors.NAME
    )
    expected = [sharded_tensors.bytes_digest(whole)] * 4
    case = (function, arguments, (37, 29))
    for mesh, placements in [((4,), "R"), ((4,), "S0"), ((2, 2), "S1 S0"), ((2, 2), "S0/2 S0")]:
        assert ranks.run(sharded_tensors.drop_in, *case, mesh, placements, dtype) == expected


def test_functions_of_torch_in_accelerate(ranks: Ranks) -> None:
    """Pending draws of the same memory come first."""
    assert all(ranks.run(sharded_tensors.drop_in_after_a_pending_draw))


def test_functions_of_torch_refuse(ranks: Ranks) -> None:
    """A name needs a seed, since processes have their own generators; partial sums are refused."""
    for nameless, partial, module in ranks.run(sharded_tensors.drop_in_refused):
        assert "a DTensor needs seed= too, the same on all processes" in nameless
        assert "a partial sum's values are on no rank; redistribute it" in partial
        assert "'weight' is sharded over 4 ranks" in module


@pytest.mark.parametrize("shape", [(37, 29), (10,), (6, 5, 3, 3), (5, 2)])
def test_parts_are_those_of_torch(ranks: Ranks, shape: tuple[int, ...]) -> None:
    """Each rank holds its part of torch's own division of the whole."""
    for mesh, placements in LAYOUTS:
        if "1" not in placements or len(shape) > 1:
            agree = ranks.run(
                sharded_tensors.split_by_torch, fastinit.Normal(), shape, mesh, placements
            )
            assert all(agree), (mesh, placements, agree)


def test_memory_is_that_of_the_part(ranks: Ranks) -> None:
    """A tensor of 256 MB over 4 ranks: each writes its 64 MB, and needs no more."""
    for grown in ranks.run(sharded_tensors.memory_grown, (8192, 8192)):
        assert grown < 64 + 8


def test_what_cannot_be_placed(ranks: Ranks) -> None:
    """Partial sums and divisions that torch.chunk does not make are refused by name."""
    messages = ranks.run(sharded_tensors.refused)
    for partial, divided in messages:
        assert "a partial sum's values are on no rank; redistribute it" in partial
        assert "has a local tensor of shape" in divided
        assert "fill_shard_" in divided


@pytest.mark.parametrize("mesh", [(4,), (2, 2)])
@pytest.mark.parametrize("on_meta", [False, True])
def test_fsdp(ranks: Ranks, mesh: tuple[int, ...], on_meta: bool) -> None:
    """FSDP2 and its hybrid have the digests and the loss of one process; a rank draws its share."""
    digests, loss = sharded_models.single()
    for drawn, held, found, theirs in ranks.run(sharded_models.fsdp, on_meta, mesh):
        assert found == digests
        assert drawn == held
        assert theirs == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("width", [12, 13])
@pytest.mark.parametrize("on_meta", [False, True])
def test_fsdp_over_tensor_parallelism(ranks: Ranks, on_meta: bool, width: int) -> None:
    """Shards of shards are several rectangles per rank, with widths that divide or not."""
    digests, _ = sharded_models.single(width)
    for found, placements in ranks.run(sharded_models.two_dimensional, on_meta, width):
        assert found == digests
        assert any("_StridedShard" in each for each in placements)


def test_a_process_group_of_two() -> None:
    """Two processes give the same digests."""
    digests, _ = sharded_models.single()
    with started(2) as two:
        for _, _, found, _ in two.run(sharded_models.fsdp, True, (2,)):
            assert found == digests


def test_modules_that_torch_distributes(ranks: Ranks) -> None:
    """Buffers are DTensors, or DistributedDataParallel wraps them."""
    digests, _ = sharded_models.single()
    for function in (sharded_models.distributed_buffers, sharded_models.data_parallel):
        assert ranks.run(function) == [digests] * 4


def test_checkpoints(ranks: Ranks, tmp_path: Path) -> None:
    """torch.distributed.checkpoint saves shards, and loads them differently sharded, or whole."""
    ranks.run(sharded_models.saved, str(tmp_path))
    assert sharded_models.loaded(tmp_path) == sharded_models.single()[0]
