"""Masks are random subsets: all equally likely, columns independent. Seeds are fixed."""

import importlib
import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit

P = 1e-4  # a test whose statistic has a smaller p-value fails; seeds are fixed


def p_value(observed: NDArray[Any], expected: NDArray[Any] | float) -> float:
    """The p-value of the chi-square test of counts."""
    stats: Any = importlib.import_module("scipy.stats")
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return float(stats.chi2.sf(statistic, observed.size - 1))


def codes(kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The subset of each column as a number."""
    return np.asarray((1 << np.arange(len(kept))) @ kept.astype(np.int64))


@pytest.mark.parametrize("per", ["in", "out"])
@pytest.mark.parametrize(
    ("rows", "nonzeros"), [(2, 1), (3, 1), (4, 2), (5, 3), (6, 2), (7, 4), (8, 4), (8, 1), (8, 7)]
)
def test_all_subsets_are_equally_likely(rows: int, nonzeros: int, per: str) -> None:
    """Chi-square over all subsets of up to 8 rows, p > 1e-4."""
    columns = 200_000
    shape = (rows, columns) if per == "in" else (columns, rows)
    kept = fastinit.mask(shape, nonzeros=nonzeros, per=per, seed=rows)
    found = codes(kept if per == "in" else kept.T)
    subsets = math.comb(rows, nonzeros)
    kinds, observed = np.unique(found, return_counts=True)
    assert len(kinds) == subsets
    assert p_value(observed, columns / subsets) > P


@pytest.mark.parametrize(("shape", "nonzeros"), [((2, 3), 2), ((5,), 3), ((2, 2, 2), 4)])
def test_all_subsets_of_a_tensor_are_equally_likely(shape: tuple[int, ...], nonzeros: int) -> None:
    """Chi-square over the masks of 4,000 names, p > 1e-4."""
    size, names = math.prod(shape), 4_000
    drawn = [
        fastinit.mask(shape, nonzeros=nonzeros, per="tensor", seed=1, name=name)
        for name in range(names)
    ]
    found = codes(np.array(drawn).reshape(names, size).T)
    kinds, observed = np.unique(found, return_counts=True)
    assert len(kinds) == math.comb(size, nonzeros)
    assert p_value(observed, names / len(kinds)) > P


@pytest.mark.parametrize("axis", [0, 1])
def test_counts_of_a_tensor_leave_rows_and_columns_free(axis: int) -> None:
    """The counts of rows are hypergeometric: their variance is within 5 sigmas."""
    rows, columns, p = 1000, 1000, 0.25
    kept = fastinit.mask((rows, columns), 1 - p, per="tensor", seed=2)
    assert kept.sum() == p * rows * columns
    variance = columns * p * (1 - p) * (1 - columns / (rows * columns))
    found = float(kept.sum(axis=axis).astype(np.float64).var())
    assert abs(found / variance - 1) < 5 * math.sqrt(2 / rows)


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 4), (1, 4), (4, 8)])
def test_all_groups_are_equally_likely(n: int, m: int) -> None:
    """Chi-square over all groups with N of M, p > 1e-4."""
    kept = fastinit.n_m((400, 250 * m), n, m, seed=m)
    kinds, observed = np.unique(codes(kept.reshape(-1, m).T), return_counts=True)
    assert len(kinds) == math.comb(m, n)
    assert p_value(observed, 100_000 / math.comb(m, n)) > P


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 7, 64])
def test_columns_are_independent(distance: int) -> None:
    """Chi-square over all pairs of subsets of columns at a distance, p > 1e-4."""
    kept = fastinit.mask((4, 400_000), nonzeros=2, seed=5)
    found = codes(kept)
    pairs = found[:-distance] * 16 + found[distance:]
    _, observed = np.unique(pairs, return_counts=True)
    assert len(observed) == math.comb(4, 2) ** 2
    assert p_value(observed, len(pairs) / 36) > P


def test_mask_and_values_are_independent() -> None:
    """The mean and std of kept values are those of the normal, within 4.5 sigmas."""
    drawn = fastinit.sparse((1000, 4000), 0.75, std=1.0, seed=6)
    kept = drawn[drawn != 0].astype(np.float64)
    assert abs(kept.mean()) < 4.5 / math.sqrt(kept.size)
    assert abs(kept.std() - 1) < 4.5 / math.sqrt(2 * kept.size)


@pytest.mark.parametrize("p", [1e-3, 0.1, 0.5, 0.999])
def test_bernoulli(p: float) -> None:
    """The number of ones is within 4.5 sigmas of p n, and neighbors are independent."""
    kept = fastinit.bernoulli((2000, 2000), p, seed=8)
    sigma = math.sqrt(p * (1 - p) * kept.size)
    assert abs(int(kept.sum()) - p * kept.size) < 4.5 * sigma
    both = int((kept[:, 1:] & kept[:, :-1]).sum())
    assert abs(both - p * p * (kept.size - 2000)) < 4.5 * p * math.sqrt(3 * (1 - p) * kept.size)


@pytest.mark.parametrize("p", [0, 1, 1e-20])
def test_bernoulli_at_its_ends(p: float) -> None:
    assert fastinit.bernoulli((50, 60), p, seed=8).all() == (p == 1)
    assert fastinit.bernoulli((50, 60), p, seed=8).any() == (p == 1)


def test_each_position_of_a_long_column() -> None:
    """Each is kept equally often, chi-square, p > 1e-4, and so are pairs of first and last."""
    kept = fastinit.mask((100, 20_000), nonzeros=10, seed=9)
    assert p_value(kept.sum(axis=1), 2000.0) > P
    ends = [int((kept[a] & kept[b]).sum()) for a, b in itertools.product((0, 1), (98, 99))]
    assert all(abs(each - 20_000 * 10 * 9 / (100 * 99)) < 4.5 * math.sqrt(182) for each in ends)
