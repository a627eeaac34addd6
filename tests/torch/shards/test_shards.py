"""``fill_shard_``: a part of a whole that no process holds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import fastinit
from fastinit.torch import fill_shard_
from fastinit.torch.shards.intervals import Chunk, intervals
from helpers.bits import check_bits
from helpers.drawn_elements import drawn_elements
from helpers.settings import process_seed
from helpers.torch_arrays import to_numpy

INITIALIZERS = {
    "he": fastinit.HeNormal(),
    "truncated": fastinit.TruncatedNormal(std=0.02),
    "sparse": fastinit.Sparse(sparsity=0.3),
    "dirac": fastinit.Dirac(),
}


@pytest.mark.parametrize("case", INITIALIZERS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_a_part_is_that_of_the_whole(case: str, dtype: str) -> None:
    """Fans and counts are those of the whole, in every dtype."""
    initializer, shape = INITIALIZERS[case], (24, 10, 3)
    whole = initializer(shape, seed=1, name="w", dtype=dtype)
    part = torch.empty(5, 10, 2, dtype=getattr(torch, dtype))
    assert fill_shard_(part, shape, (7, 0, 1), initializer, seed=1, name="w") is part
    check_bits(to_numpy(part), np.ascontiguousarray(whole[7:12, :, 1:]))


@pytest.mark.parametrize("case", ["transposed", "every other column", "a parameter"])
def test_memory_of_any_kind(case: str) -> None:
    """Values depend on the place in the whole alone, not on strides."""
    make: Callable[[], torch.Tensor] = {
        "transposed": lambda: torch.empty(6, 8).t(),
        "every other column": lambda: torch.full((8, 12), 9.0)[:, ::2],
        "a parameter": lambda: torch.nn.Parameter(torch.empty(8, 6)),
    }[case]
    part = make()
    fill_shard_(part, (16, 12), (8, 6), fastinit.Normal(), seed=0)
    whole = fastinit.normal((16, 12), seed=0)
    check_bits(to_numpy(part.detach().contiguous()), np.ascontiguousarray(whole[8:, 6:]))


def test_only_the_part_is_drawn() -> None:
    """The whole has 2**40 values, which would not fit in memory."""
    part = torch.empty(3, 64)
    with drawn_elements() as drawn:
        fill_shard_(part, (1 << 20, 1 << 20), (1 << 19, 100), fastinit.HeNormal(), seed=0, name="w")
    assert drawn == [3 * 64]
    index = np.s_[1 << 19 : (1 << 19) + 3, 100:164]
    expected = fastinit.he_normal((1 << 20, 1 << 20), seed=0, name="w", index=index)
    check_bits(to_numpy(part), expected)


def test_a_name_alone_takes_the_process_wide_seed() -> None:
    part = torch.empty(4)
    with process_seed(5):
        fill_shard_(part, (8,), (2,), fastinit.Normal(), name="w")
    check_bits(to_numpy(part), fastinit.normal((8,), seed=5, name="w")[2:6].copy())


def test_an_empty_part() -> None:
    """A rank may hold nothing, at the end of the whole too."""
    part = torch.empty(0, 5)
    fill_shard_(part, (3, 5), (3, 0), fastinit.HeNormal(), seed=0)
    assert part.shape == (0, 5)


def test_autograd_notices() -> None:
    """The version counter moves."""
    part = torch.empty(4)
    version = part._version
    fill_shard_(part, (8,), (2,), fastinit.Normal(), seed=0)
    assert part._version > version


NORMAL = fastinit.Normal()
ERRORS = [
    (np.ones(3), (3,), (0,), NORMAL, TypeError, r"tensor is an ndarray; pass a torch\.Tensor"),
    (torch.ones(3), (3,), (0,), "normals", ValueError, "did you mean 'normal'"),
    (torch.ones(3), (3,), 0, NORMAL, TypeError, "offsets=0 is not a sequence"),
    (torch.ones(3), (3,), (0.5,), NORMAL, TypeError, "offsets=0.5 is a float"),
    (torch.ones(3), (3, 3), (0, 0), NORMAL, ValueError, "must have the same number of axes"),
    (torch.ones(3), (3,), (0, 0), NORMAL, ValueError, "must have the same number of axes"),
    (torch.ones(3), (5,), (3,), NORMAL, ValueError, r"offsets \(3,\) exceeds .*\(5,\)"),
    (torch.ones(3), (5,), (-1,), NORMAL, ValueError, "exceeds"),
    (torch.ones(3, device="meta"), (3,), (0,), NORMAL, ValueError, "tensor is on the meta device"),
    (
        torch.ones(3, dtype=torch.int32),
        (3,),
        (0,),
        NORMAL,
        ValueError,
        "int32 does not hold normal",
    ),
    (torch.ones(3), (3,), (0,), fastinit.HeNormal(), ValueError, r"shape \(3,\) has 1 axis"),
]


@pytest.mark.parametrize(("tensor", "shape", "offsets", "what", "kind", "message"), ERRORS)
def test_errors_come_before_anything_is_written(
    tensor: Any, shape: Any, offsets: Any, what: Any, kind: type[Exception], message: str
) -> None:
    """Each says what was given, what is allowed and what to do."""
    with pytest.raises(kind, match=message):
        fill_shard_(tensor, shape, offsets, what, seed=0)
    if isinstance(tensor, torch.Tensor) and not tensor.is_meta:
        assert (tensor == 1).all()


def test_neither_seed_nor_name() -> None:
    """Each process would draw from another stream."""
    with pytest.raises(ValueError, match="neither seed nor name is given"):
        fill_shard_(torch.ones(3), (3,), (0,), NORMAL)


@pytest.mark.parametrize("size", [0, 1, 5, 9, 16])
@pytest.mark.parametrize("splits", [(1, 1), (2, 1), (1, 3), (3, 2)])
def test_intervals_partition_a_dimension(size: int, splits: tuple[int, int]) -> None:
    """Over all positions of two mesh dimensions, every index is held once, in order."""
    held = [
        list(intervals(size, [Chunk(3, first, splits[0]), Chunk(2, second, splits[1])]))
        for first in range(3)
        for second in range(2)
    ]
    indices = [k for each in held for start, stop in each for k in range(start, stop)]
    assert sorted(indices) == list(range(size))
    assert all(each == sorted(each) for each in held)
