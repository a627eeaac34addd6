"""Signs, integers and permutations: the reference's to the bit, and each equally likely."""

import importlib
import itertools
import math
from typing import Any

import numpy as np
import pytest

import fastinit
from helpers.bits import check_bits
from helpers.reference import discrete as reference

STATS: Any = importlib.import_module("scipy.stats")


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float8_e5m2"])
@pytest.mark.parametrize(("zeros", "scale"), [(0.0, 1.0), (2 / 3, 0.1), (1e-7, 3.0), (1.0, 2.0)])
def test_ternary_is_the_references(zeros: float, scale: float, dtype: str) -> None:
    bits: Any = 64 if dtype == "float64" else 32
    right = reference.ternary(np.arange(5000), 9, "t", bits, zeros, scale)
    drawn = fastinit.ternary(5000, zeros, scale, seed=9, name="t", dtype=dtype)
    check_bits(drawn, right.astype(f"f{bits // 8}").astype(drawn.dtype))
    if zeros == 0:
        check_bits(fastinit.rademacher(5000, scale, seed=9, name="t", dtype=dtype), drawn)


RANGES = [
    *((0, 1), (0, 2), (-3, 4), (5, 261), (0, 10**6), (0, 2**32 + 1), (-(2**63), 2**63)),
    *((0, 2**63 + 1), (1, 3 * 2**62)),  # nearly one word in two, and one in four, is refused
]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_integers_are_the_references(low: int, high: int) -> None:
    dtype = "uint64" if high > 2**63 else "int64"
    drawn = fastinit.integers((7, 60), low, high, seed=3, name="i", dtype=dtype)
    assert drawn.ravel().tolist() == reference.integers(range(420), 3, "i", low, high)
    part = fastinit.integers((7, 60), low, high, seed=3, name="i", dtype=dtype, index=np.s_[2:5, 7])
    check_bits(part, np.ascontiguousarray(drawn[2:5, 7]))


@pytest.mark.parametrize("count", [2, 3, 10, 257])
def test_integers_are_equally_likely(count: int) -> None:
    """A chi-squared test does not reject them: p > 1e-4."""
    drawn = fastinit.integers(100_000, 0, count, seed=5, name="chi")
    assert STATS.chisquare(np.bincount(drawn, minlength=count)).pvalue > 1e-4


def test_a_large_range_has_no_bias_of_a_modulus() -> None:
    """Of three quarters of 2^64, a modulus would draw the first third twice as often."""
    drawn = fastinit.integers(40_000, 0, 3 * 2**62, seed=1, name="big", dtype="uint64")
    thirds = np.bincount((drawn >> np.uint64(62)).astype(int), minlength=3)
    assert STATS.chisquare(thirds).pvalue > 1e-4


def test_permutations_are_the_references() -> None:
    drawn = fastinit.permutation((30, 41), seed=2, name="p")
    check_bits(drawn, reference.permutation((30, 41), 2, "p"))
    part = fastinit.permutation((30, 41), seed=2, name="p", index=np.s_[4:6, 40])
    check_bits(part, np.ascontiguousarray(drawn[4:6, 40]))


def test_permutations_are_equally_likely() -> None:
    """Each of the 24 permutations of four: a chi-squared test has p > 1e-4."""
    drawn = fastinit.permutation((48_000, 4), seed=2, name="four")
    numbers = {each: k for k, each in enumerate(itertools.permutations(range(4)))}
    counts = np.bincount([numbers[tuple(row)] for row in drawn.tolist()], minlength=24)
    assert STATS.chisquare(counts).pvalue > 1e-4


def test_shares_of_ternary() -> None:
    """Zeros have their probability and signs are equally likely, within 5 sigmas."""
    drawn = fastinit.ternary(200_000, zeros=0.7, seed=1, name="shares")
    for value, share in ((0, 0.7), (1, 0.15), (-1, 0.15)):
        sigma = math.sqrt(share * (1 - share) / drawn.size)
        assert abs((drawn == value).mean() - share) < 5 * sigma


def test_dtypes_without_a_function_default() -> None:
    """Functions of integers give int64, unless out= says otherwise."""
    assert fastinit.integers(4, 0, 9, seed=0, name=0).dtype == np.int64
    out = np.zeros(4, np.int8)
    assert fastinit.integers(4, 0, 9, seed=0, name=0, out=out) is out
    with pytest.raises(ValueError, match="permutations have 4294967296 elements at most"):
        fastinit.permutation(2**33, seed=0, index=np.s_[:4])
    with pytest.raises(ValueError, match="dtype=int8 does not hold all integers from 0 to 199"):
        fastinit.permutation(200, seed=0, dtype="int8")
