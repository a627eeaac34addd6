"""Normals of extreme words: next to 0 and 2^32, and at the ends of quadrants and octants.

Words cannot be chosen, but among 2^23 elements some are close to any word. A uniform fill shows
which: its float32 values are the 24 top bits of the words.
"""

import functools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from helpers import reference
from helpers.bits import bits, f64
from helpers.dtypes import DTYPES
from helpers.records.truncations import TRUNCATIONS
from helpers.settings import SETS, instruction_set

SEED, STREAM = 8, 5
TOTAL = 1 << 23
NEAR = 1 << 15
NEAREST = 24  # elements for each extreme word, of about 128 that are near (64 at the ends)
EIGHTHS = tuple(k << 29 for k in range(9))


@functools.cache
def top_bits() -> NDArray[np.int64]:
    """The words of the first 2^23 elements, without their 8 low bits."""
    values = fastinit.uniform(TOTAL, -1, 1, seed=SEED, name=STREAM)
    n = (values * np.float32(2**24)).astype(np.int64)
    shown: NDArray[np.int64] = (n & 0x1FFFFFF) << 7
    return shown


@functools.cache
def near(word: int) -> NDArray[np.intp]:
    """The elements whose words are nearest to a word."""
    away = np.abs(top_bits() - word)
    close = np.flatnonzero(away < NEAR)
    return close[np.argsort(away[close])[:NEAREST]]


def elements() -> NDArray[np.uint64]:
    """Elements next to all extreme words, and the other elements of their pairs."""
    found = np.concatenate([near(word) for word in EIGHTHS])
    return np.unique(np.concatenate([found, found ^ 1])).astype(np.uint64)


def drawn(function: Any, index: NDArray[np.uint64], **options: Any) -> NDArray[Any]:
    """The values of single elements of the whole."""
    whole = function(TOTAL, seed=SEED, name=STREAM, **options)
    return np.asarray(whole[index.astype(np.intp)])


def excess(found: NDArray[Any], exact: NDArray[Any], relative: float, absolute: float) -> float:
    """The amount by which the worst error is over its bound: not positive if all is well."""
    error = np.abs(found.astype(np.longdouble) - exact)
    return float((error - relative * np.abs(exact) - absolute).max())


def test_words_are_near() -> None:
    """The search finds words near each extreme one."""
    for word in EIGHTHS:
        index = near(word).astype(np.uint64)
        away = reference.words(index, SEED, STREAM).astype(np.int64) - word
        assert index.size == NEAREST, word
        assert np.abs(away).max() < NEAR, word


@pytest.mark.parametrize("name", SETS)
def test_normal_float32(name: str) -> None:
    """Within 5e-7 |z| + 1e-12, also where the logarithm or the sine is small."""
    index = elements()
    with instruction_set(name):
        found = drawn(fastinit.normal, index)
    assert excess(found, reference.standard_normal(index, SEED, STREAM), 5e-7, 1e-12) <= 0


@pytest.mark.parametrize("name", SETS)
def test_normal_float64(name: str) -> None:
    """Within 2e-15 |z|."""
    index = elements()
    with instruction_set(name):
        found = drawn(fastinit.normal, index, dtype="float64")
    assert excess(found, reference.standard_normal(index, SEED, STREAM, 64), 2e-15, 0) <= 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cut", TRUNCATIONS)
def test_truncated(cut: str, dtype: str) -> None:
    """Within 5e-7 |z| + 1e-12 (1e-12 |z| + 1e-15 in float64) at both ends and in the middle."""
    index = elements()
    lower, upper = TRUNCATIONS[cut]
    options = {"lower": lower, "upper": upper, "dtype": dtype}
    found = drawn(fastinit.truncated_normal, index, **options)
    wide = dtype == "float64"
    exact = reference.standard_truncated_normal(
        index, SEED, STREAM, lower, upper, bits=64 if wide else 32
    )
    bound = (1e-12, 1e-15) if wide else (5e-7, 1e-12)
    assert excess(found, exact, *bound) <= 0


@functools.cache
def rising(dtype: str) -> NDArray[np.intp]:
    """The first 2^20 elements in the order of their words."""
    words = reference.words64 if dtype == "float64" else reference.words
    index = np.arange(1 << 20, dtype=np.uint64)
    return np.argsort(words(index, SEED, STREAM), kind="stable")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cut", TRUNCATIONS)
def test_truncated_rises_with_the_word(cut: str, dtype: str) -> None:
    """This holds across each formulation's pieces too, for 2^20 values."""
    order = rising(dtype)
    what = fastinit.TruncatedNormal(0, 1, *TRUNCATIONS[cut])
    values = what(order.size, seed=SEED, name=STREAM, dtype=dtype)
    assert np.all(np.diff(values[order]) >= 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cut", TRUNCATIONS)
@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.02), (0.1, 0.7), (-3.0, 1e-1)])
def test_truncated_stays_inside(mean: float, std: float, cut: str, dtype: str) -> None:
    """No value of the most extreme words is outside mean + bounds std, in any dtype."""
    lower, upper = TRUNCATIONS[cut]
    low, high = mean + lower * std, mean + upper * std
    what = fastinit.TruncatedNormal(mean, std, lower, upper)
    wanted = reference.DTYPES[dtype]
    if reference.smallest_at_least(low, wanted) > reference.largest_at_most(high, wanted):
        with pytest.raises(ValueError, match="no value between the bounds"):
            what(3, dtype=dtype)
        return
    ends: list[Any] = [int(k) for word in (0, 1 << 32) for k in near(word)]
    for part in (np.s_[: 1 << 16], *ends):
        values = f64(what(TOTAL, seed=SEED, name=STREAM, dtype=dtype, index=part))
        assert np.all((low <= values) & (values <= high)), part


@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_are_positive(dtype: str) -> None:
    """A mean of 0 is added too, so a normal without variance is +0 everywhere."""
    assert not np.any(bits(fastinit.normal(1003, 0.0, 0.0, seed=1, dtype=dtype)))
