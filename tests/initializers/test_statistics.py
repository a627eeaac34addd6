"""Values have the distributions they claim and are independent. Seeds are fixed.

A bound of 5 sigmas fails with p = 6e-7 for a correct library and other seeds; P is such a bound on
probabilities themselves, from either side where too good a fit would be suspicious too.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats  # type: ignore[import-untyped]

import fastinit
from helpers import reference
from helpers.bits import f64
from helpers.dtypes import DTYPES

Floats = NDArray[np.float64]
SIZE = 1 << 22
CHUNK = 1 << 22
MANY, MOST = 1 << 26, 1 << 32
LEVELS = (4.0, 5.0, 6.0, 6.5)
P = 1e-6
SIGMAS = 5.0
SINGLE_MAX, DOUBLE_MAX = 6.764, 9.49  # docs/streams.md
LARGEST_PAIR = 12922966362  # where seed 0 has a first word 0; found by search
FLAT = ("float64", "float32", "bfloat16")
DISTRIBUTIONS: dict[str, tuple[fastinit.Initializer, Any]] = {
    "uniform (0, 1)": (fastinit.Uniform(0, 1), stats.uniform()),
    "uniform (-1, 3)": (fastinit.Uniform(-1, 3), stats.uniform(-1, 4)),
    "normal": (fastinit.Normal(), stats.norm()),
} | {
    f"truncated [{lower}, {upper}]": (
        fastinit.TruncatedNormal(0, 1, lower, upper),
        stats.truncnorm(lower, upper),
    )
    for lower, upper in [(-2.0, 2.0), (-0.5, 2.0), (0.0, np.inf), (2.0, np.inf)]
}
SYMMETRIC: dict[str, fastinit.Initializer] = {
    "uniform": fastinit.Uniform(-1, 1),
    "normal": fastinit.Normal(),
    "truncated": fastinit.TruncatedNormal(),
}
TRANSFORMS: dict[str, Callable[[Floats], Floats]] = {
    "values": lambda x: x,
    "squares": np.square,
    "signs": np.sign,
}
NEIGHBORS: dict[str, tuple[tuple[int, str | int], tuple[int, str | int]]] = {
    "streams 0 and 1": ((0, 0), (0, 1)),
    "streams 6 and 7": ((9, 6), (9, 7)),
    "streams across the counter's third word": ((0, 2**32 - 1), (0, 2**32)),
    "the last two streams": ((0, 2**63 - 2), (0, 2**63 - 1)),
    "seeds 0 and 1": ((0, 0), (1, 0)),
    "seeds 41 and 42 of a name": ((41, "weight"), (42, "weight")),
    "seeds across the key's first word": ((2**32 - 1, 0), (2**32, 0)),
    "the last two seeds": ((2**64 - 2, 0), (2**64 - 1, 0)),
    "seed and stream exchanged": ((3, 5), (5, 3)),
    "names of two layers": ((0, "layers.0.weight"), (0, "layers.1.weight")),
    "names of two parameters": ((0, "layers.0.weight"), (0, "layers.0.bias")),
}


def drawn(
    what: fastinit.Initializer, dtype: str, seed: int, name: str | int, count: int = SIZE
) -> Any:
    """A number of values, in their dtype."""
    return what(count, seed=seed, name=name, dtype=dtype)


@functools.lru_cache(maxsize=3)
def symmetric(kind: str, seed: int, name: str | int) -> Floats:
    """Values around 0, for correlations."""
    return f64(drawn(SYMMETRIC[kind], "float32", seed, name))


def cumulative(what: fastinit.Initializer, x: Floats) -> Floats:
    """SciPy's CDF; that of a truncated normal from `ndtr`, since `truncnorm` takes seconds."""
    if isinstance(what, fastinit.Uniform):
        return np.asarray(stats.uniform.cdf(x, what.low, what.high - what.low))
    if isinstance(what, fastinit.TruncatedNormal):
        side = -1.0 if what.lower > 0 else 1.0  # the left tail has the more digits
        least, most = special.ndtr(side * what.lower), special.ndtr(side * what.upper)
        return np.asarray((special.ndtr(side * x) - least) / (most - least))
    return np.asarray(special.ndtr(x))


def correlation(a: Floats, b: Floats) -> float:
    """The correlation of two arrays in sigmas: standard normal where they are independent."""
    return float(np.corrcoef(a, b)[0, 1] * np.sqrt(a.size))


def evenness(cells: NDArray[np.intp], count: int) -> float:
    """The p-value of Pearson's chi-square that numbers below `count` are equally frequent."""
    return float(stats.chisquare(np.bincount(cells, minlength=count)).pvalue)


@functools.cache
def tail_counts(dtype: str, total: int, levels: tuple[float, ...]) -> tuple[list[int], float]:
    """The number of normals beyond each level (rising), and the largest magnitude."""
    counts, largest = [0] * len(levels), 0.0
    out = np.empty(CHUNK, dtype)
    for start in range(0, total, CHUNK):
        part = np.s_[start : start + CHUNK]
        fastinit.normal(total, seed=20, name="tails", dtype=dtype, out=out, index=part)
        beyond = np.abs(out, out=out)[out > levels[0]]
        counts = [n + int((beyond > x).sum()) for n, x in zip(counts, levels, strict=True)]
        largest = max(largest, float(beyond.max(initial=0.0)))
    return counts, largest


def tail_odds(counts: list[int], total: int, levels: tuple[float, ...]) -> list[float]:
    """The binomial probability of each count, or of one further out on the same side."""
    odds = []
    for count, level in zip(counts, levels, strict=True):
        expected = stats.binom(total, 2 * stats.norm.sf(level))
        odds.append(float(min(expected.cdf(count), expected.sf(count - 1))))
    return odds


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", DISTRIBUTIONS)
def test_the_kolmogorov_smirnov_distance_is_likely(case: str, dtype: str) -> None:
    """P < p < 1 - P for the largest distance of 2^22 values from SciPy's CDF."""
    what, _ = DISTRIBUTIONS[case]
    x = drawn(what, dtype, 1, case)
    x.sort()
    at = cumulative(what, f64(x))
    steps = np.arange(SIZE + 1) / SIZE
    distance = max((steps[1:] - at).max(), (at - steps[:-1]).max())
    assert P < special.kolmogorov(distance * np.sqrt(SIZE)) < 1 - P


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", DISTRIBUTIONS)
def test_the_first_four_moments_are_right(case: str, dtype: str) -> None:
    """Each mean of x^k, k = 1..4, of 2^22 values is within 5 sigmas of SciPy's."""
    what, expected = DISTRIBUTIONS[case]
    x = f64(drawn(what, dtype, 2, case))
    exact = [float(expected.moment(k)) if k else 1.0 for k in range(9)]
    power, sigmas = np.ones(SIZE), []
    for k in range(1, 5):
        power *= x
        spread = np.sqrt((exact[2 * k] - exact[k] ** 2) / SIZE)
        sigmas.append(float((power.mean() - exact[k]) / spread))
    assert np.abs(sigmas).max() < SIGMAS, sigmas


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_tails_of_the_normal_have_their_mass(dtype: str) -> None:
    """Each p > P, binomial, of the counts beyond 4, 5, 6 and 6.5 sigmas among 2^26 values."""
    counts, _ = tail_counts(dtype, MANY, LEVELS)
    assert min(tail_odds(counts, MANY, LEVELS)) > P, counts


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_tails_of_the_normal_have_their_mass_among_2_to_the_32(dtype: str) -> None:
    """Each p > P, binomial, of the counts beyond 4, 5, 6 and 6.5 sigmas among 2^32 values."""
    counts, _ = tail_counts(dtype, MOST, LEVELS)
    assert min(tail_odds(counts, MOST, LEVELS)) > P, counts


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "bound"), [("float32", SINGLE_MAX), ("float64", DOUBLE_MAX)])
def test_no_normal_of_2_to_the_32_is_beyond_the_largest(dtype: str, bound: float) -> None:
    """Exact: the largest magnitude is at most 6.764 (float32) or 9.49 (float64)."""
    assert tail_counts(dtype, MOST, LEVELS)[1] <= bound


@pytest.mark.parametrize(("dtype", "bound"), [("float32", SINGLE_MAX), ("float64", DOUBLE_MAX)])
def test_no_normal_is_beyond_the_largest(dtype: str, bound: float) -> None:
    """Exact: the largest magnitude of 2^26 is at most 6.764 (float32) or 9.49 (float64)."""
    assert tail_counts(dtype, MANY, LEVELS)[1] <= bound


def test_the_largest_radius_of_float32_is_reached_and_no_larger() -> None:
    """Exact to 1e-6: where the first word of a pair is 0, the radius is sqrt(66 ln 2) = 6.7637."""
    at = LARGEST_PAIR
    assert reference.words([at], 0, 0) == [0]
    pair = f64(fastinit.normal(1 << 40, seed=0, index=np.s_[at : at + 2]))
    assert abs(np.hypot(*pair) / np.sqrt(66 * np.log(2)) - 1) < 1e-6


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("kind", SYMMETRIC)
@pytest.mark.parametrize("first", [0, 1])
def test_neighbours_are_uncorrelated(first: int, kind: str, transform: str) -> None:
    """Within 5 sigmas of 0: pairs (2q, 2q + 1), Box and Muller's own, and (2q + 1, 2q + 2)."""
    x = TRANSFORMS[transform](symmetric(kind, 3, "lags")[first : SIZE - first])
    assert abs(correlation(x[0::2], x[1::2])) < SIGMAS


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("kind", SYMMETRIC)
def test_lags_are_uncorrelated(kind: str, transform: str) -> None:
    """Within 5 sigmas of 0: elements 1 to 8 apart, a Philox block being 4 or, of pairs, 8."""
    x = TRANSFORMS[transform](symmetric(kind, 3, "lags"))
    x = (x - x.mean()) / x.std()
    sigmas = {lag: float(x[:-lag] @ x[lag:] / np.sqrt(SIZE - lag)) for lag in range(1, 9)}
    assert max(map(abs, sigmas.values())) < SIGMAS, sigmas


@pytest.mark.parametrize("pair", NEIGHBORS)
def test_neighbouring_streams_are_uncorrelated(pair: str) -> None:
    """Within 5 sigmas of 0: normals, their squares and their signs, in the same place."""
    one, other = (symmetric("normal", *which) for which in NEIGHBORS[pair])
    sigmas = {key: correlation(f(one), f(other)) for key, f in TRANSFORMS.items()}
    assert max(map(abs, sigmas.values())) < SIGMAS, sigmas


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_angle_and_radius_of_a_pair_are_independent(dtype: str) -> None:
    """P < p < 1 - P for the chi-square of 2^21 pairs on 64 x 64 equal cells of both."""
    pairs = f64(drawn(fastinit.Normal(), dtype, 4, "pairs")).reshape(-1, 2)
    angle = np.arctan2(pairs[:, 1], pairs[:, 0]) / (2 * np.pi) % 1.0
    inside = np.exp(-np.einsum("ij,ij->i", pairs, pairs) / 2)
    cells = (angle * 64).astype(np.intp) % 64 * 64 + (inside * 64).astype(np.intp)
    assert P < evenness(cells, 64 * 64) < 1 - P


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_values_fill_their_bins_evenly(dtype: str) -> None:
    """P < p < 1 - P for the chi-square of 2^22 values over 256 bins."""
    x = f64(drawn(fastinit.Uniform(0, 1), dtype, 5, "bins"))
    assert P < evenness((x * 256).astype(np.intp), 256) < 1 - P


def test_low_words_of_float64_are_independent_of_the_high_ones() -> None:
    """P < p < 1 - P for the chi-square over 64 x 64 cells of the first bits of both words."""
    x = drawn(fastinit.Uniform(0, 1), "float64", 5, "words") * 64
    low = (x * 2.0**26 % 1.0 * 64).astype(np.intp)
    assert P < evenness(x.astype(np.intp) * 64 + low, 64 * 64) < 1 - P


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 1.0), (-0.3, 0.7)])
@pytest.mark.parametrize("dtype", FLAT)
def test_no_uniform_value_reaches_a_bound(dtype: str, bounds: tuple[float, float]) -> None:
    """Exact: all of 2^22 values are inside the open interval."""
    x = f64(drawn(fastinit.Uniform(*bounds), dtype, 6, "open"))
    assert bounds[0] < x.min() < x.max() < bounds[1]


@pytest.mark.parametrize("kind", SYMMETRIC)
@pytest.mark.parametrize("dtype", DTYPES)
def test_means_are_unbiased_in_every_dtype(dtype: str, kind: str) -> None:
    """The mean of 2^22 values around 0 is within 5 sigmas of it."""
    x = f64(drawn(SYMMETRIC[kind], dtype, 7, "mean"))
    assert abs(x.sum()) < SIGMAS * np.sqrt(x @ x)


def test_the_mean_of_bfloat16_uniform_values_is_unbiased() -> None:
    """The mean of 2^24 values of (-1, 1) is within 5 sigmas of 0; torch's is 13 away."""
    x = f64(drawn(fastinit.Uniform(-1, 1), "bfloat16", 7, "many", 1 << 24))
    assert abs(x.sum()) < SIGMAS * np.sqrt(x @ x)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_the_standard_deviation_survives_rounding(dtype: str) -> None:
    """The std of 2^22 normals is within 5 sigmas, which are 1 / sqrt(2 * 2^22), of 1."""
    x = f64(drawn(fastinit.Normal(), dtype, 8, "std"))
    assert abs(x.std() - 1) < SIGMAS / np.sqrt(2 * SIZE)


def test_bfloat16_normals_have_more_than_128_values() -> None:
    """Exact: unlike 8 random bits, 32 of them reach over 1000 of bfloat16's values."""
    x = drawn(fastinit.Normal(), "bfloat16", 9, "distinct")
    assert np.unique(x.view(np.uint16)).size > 1000
