"""Identities and Dirac kernels are torch's where it has them, in any layout, dtype and part."""

import itertools
from typing import Any

import numpy as np
import pytest

import fastinit
from helpers.bits import check_bits
from helpers.dtypes import DTYPES

torch: Any = pytest.importorskip("torch")


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (3, 7), (7, 3), (300, 200)], ids=str)
def test_eye_is_that_of_torch(shape: tuple[int, int]) -> None:
    check_bits(fastinit.eye(shape), torch.nn.init.eye_(torch.empty(shape)).numpy())


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [(3,), (4, 5), (1, 2, 3)], ids=str)
@pytest.mark.parametrize("channels", [(8, 8), (8, 2), (4, 16)], ids=str)
def test_dirac_is_that_of_torch(
    channels: tuple[int, int], kernel: tuple[int, ...], groups: int
) -> None:
    """The kernels have one, two and three axes of odd and even sizes, and groups."""
    shape = (*channels, *kernel)
    expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    check_bits(fastinit.dirac(shape, groups), expected)
    moved = np.ascontiguousarray(np.moveaxis(expected, (0, 1), (-1, -2)))
    if groups == 1:
        check_bits(fastinit.dirac(moved.shape, layout="*io"), moved)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", *DTYPES])
def test_identity_of_any_dtype(dtype: str) -> None:
    """It is batched, and the gain is rounded as a constant is."""
    gain = 1 if dtype == "bool" else 3 if "int" in dtype else 0.3
    drawn = fastinit.identity((2, 4, 3), gain, layout="boi", dtype=dtype)
    one = fastinit.constant((), gain, dtype=dtype)
    expected = np.zeros((2, 4, 3), drawn.dtype)
    expected[:, range(3), range(3)] = one
    check_bits(drawn, expected)


@pytest.mark.parametrize("layout", ["oi*", "*io", "io*", "boi*", "o*ib"])
def test_parts(layout: str) -> None:
    sizes = {"o": 4, "i": 6, "b": 2, "*": 3}
    shape = tuple(sizes[letter] for letter in layout)
    what = fastinit.Dirac(2, 0.5, layout)
    whole = what(shape)
    cuts = [[slice(a, b) for a, b in itertools.combinations(range(n + 1), 2)] for n in shape]
    generator = np.random.default_rng(0)
    for _ in range(200):
        index = tuple(each[generator.integers(len(each))] for each in cuts)
        check_bits(what(shape, index=index), np.ascontiguousarray(whole[index]), index)
    for place in np.ndindex(*shape):
        assert what(shape, index=place) == whole[place]
