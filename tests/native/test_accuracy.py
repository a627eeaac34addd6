"""Normals and truncated normals are within the bounds of docs/streams.md of the exact values.

The exact values are those of tests/helpers/reference, whose own error is far below the bounds.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from fastinit import TruncatedNormal
from helpers import reference
from helpers.bits import f64
from helpers.dtypes import DTYPES
from helpers.settings import SETS, instruction_set

COUNT = 20_000
NAME = "accuracy"
SEED = 11
INDICES = np.arange(COUNT)
STREAM = reference.stream_of(NAME)

TRUNCATIONS = [
    (-2.0, 2.0),
    (-1.0, 1.0),
    (-0.01, 0.01),
    (-1.999, 1.999),
    (-3.0, 3.0),
    (-8.0, 8.0),
    (-0.5, 2.0),
    (-1e-3, 2e-3),
    (1.9, 2.0),
    (-1.0, 5.0),
    (0.0, math.inf),
    (-math.inf, math.inf),
    (-2.0, math.inf),
    (-math.inf, 1.0),
    (1.75, 1.8),
    (2.0, math.inf),
    (-math.inf, -6.0),
    (5.0, 6.0),
    (-9.0, -8.0),
    (12.0, math.inf),
]


def check(found: NDArray[Any], exact: NDArray[Any], relative: float, absolute: float) -> None:
    """Fail if an error is beyond relative |z| + absolute; the message names the worst element."""
    excess = np.abs(found.astype(exact.dtype) - exact) - relative * np.abs(exact) - absolute
    worst = int(np.argmax(excess))
    assert excess[worst] <= 0, f"element {worst}: {found[worst]!r}, exact {exact[worst]!r}"


@pytest.mark.parametrize("name", SETS)
def test_normal_float32(name: str) -> None:
    """Within 5e-7 |z| + 1e-12."""
    with instruction_set(name):
        found = fastinit.normal(COUNT, seed=SEED, name=NAME)
    check(found, reference.standard_normal(INDICES, SEED, STREAM), 5e-7, 1e-12)


@pytest.mark.skipif(
    bool(np.finfo(np.longdouble).eps > 1e-18), reason="the reference needs an 80-bit long double"
)
@pytest.mark.parametrize("name", SETS)
def test_normal_float64(name: str) -> None:
    """Within 2e-15 |z|."""
    with instruction_set(name):
        found = fastinit.normal(COUNT, seed=SEED, name=NAME, dtype="float64")
    check(found, reference.standard_normal(INDICES, SEED, STREAM, 64), 2e-15, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scale_is_one_fma(dtype: str) -> None:
    """The value is fma(z, std, mean), with parameters rounded to the precision first."""
    precision = reference.DTYPES[dtype]
    z = fastinit.normal(COUNT, seed=SEED, dtype=dtype)
    mean, std = (np.full(COUNT, x, precision) for x in (0.3, 0.017))
    found = fastinit.normal(COUNT, 0.3, 0.017, seed=SEED, name=0, dtype=dtype)
    assert np.array_equal(found, reference.fma(z, std, mean, precision))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("cut", TRUNCATIONS, ids=str)
def test_truncated_float32(cut: tuple[float, float], name: str) -> None:
    """Within 5e-7 |z| + 1e-12, for every formulation."""
    with instruction_set(name):
        found = fastinit.truncated_normal(COUNT, 0, 1, *cut, seed=SEED, name=NAME)
    exact = reference.standard_truncated_normal(INDICES, SEED, STREAM, *cut)
    check(found, exact, 5e-7, 1e-12)


@pytest.mark.parametrize("cut", TRUNCATIONS, ids=str)
def test_truncated_float64(cut: tuple[float, float]) -> None:
    """Within 1e-12 |z| + 1e-15."""
    found = fastinit.truncated_normal(COUNT, 0, 1, *cut, seed=SEED, name=NAME, dtype="float64")
    exact = reference.standard_truncated_normal(INDICES, SEED, STREAM, *cut, bits=64)
    check(found, exact, 1e-12, 1e-15)


@functools.cache
def rising() -> NDArray[np.intp]:
    """The first 2^20 elements in the order of their words."""
    return np.argsort(reference.words(np.arange(1 << 20), SEED, STREAM), kind="stable")


@pytest.mark.parametrize("cut", TRUNCATIONS, ids=str)
def test_truncated_rises_with_the_word(cut: tuple[float, float]) -> None:
    """Sorted by their words, the values are sorted."""
    found = fastinit.truncated_normal(1 << 20, 0, 1, *cut, seed=SEED, name=NAME)
    assert np.all(np.diff(found[rising()]) >= 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cut", [(-2.0, 2.0), (-3.0, 3.0), (-0.5, 2.0), (0.3, 0.9)], ids=str)
def test_truncated_stays_inside(cut: tuple[float, float], dtype: str) -> None:
    """No value is outside mean + bounds std, in any dtype, though std is not a float32."""
    mean, std = 0.1, 0.7
    found = f64(fastinit.truncated_normal(1 << 17, mean, std, *cut, seed=SEED, dtype=dtype))
    assert mean + cut[0] * std <= found.min()
    assert found.max() <= mean + cut[1] * std


@pytest.mark.parametrize("dtype", reference.NARROW)
@pytest.mark.parametrize("std", [1e-9, 3e-5, 0.02, 1.0, 150.0, 3e4, 1e38])
def test_narrow_normal_is_float32_rounded(std: float, dtype: str) -> None:
    """There is one rounding: to subnormals, to infinity and, in float8_e4m3fn, to NaN."""
    found = fastinit.normal(COUNT, std=std, seed=SEED, dtype=dtype)
    exact = fastinit.normal(COUNT, std=std, seed=SEED, name=0)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = reference.rounded(exact, reference.DTYPES[dtype])
    assert np.array_equal(np.isnan(f64(found)), np.isnan(f64(rounded)))
    assert np.array_equal(f64(found), f64(rounded), equal_nan=True)
    assert np.array_equal(np.signbit(f64(found)), np.signbit(f64(rounded)))


@pytest.mark.parametrize("dtype", reference.NARROW)
def test_narrow_truncated_is_float32_moved_inside(dtype: str) -> None:
    """The float32 value, clamped to the dtype's own values inside, rounded once."""
    wanted = reference.DTYPES[dtype]
    exact = fastinit.truncated_normal(COUNT, 0.1, 0.7, seed=SEED)
    low = reference.smallest_at_least(0.1 - 2 * 0.7, wanted)
    high = reference.largest_at_most(0.1 + 2 * 0.7, wanted)
    expected = reference.rounded(reference.bounded(exact, low, high), wanted)
    found = fastinit.truncated_normal(COUNT, 0.1, 0.7, seed=SEED, name=0, dtype=dtype)
    assert np.array_equal(f64(found), f64(expected))


def test_compensated_std() -> None:
    """These are the truncated standard deviations that JAX and Keras have as literals."""
    for bound, std in ((2.0, 0.87962566103423978), (3.0, 0.98657839255810864)):
        drawn = TruncatedNormal(0, 1, -bound, bound, compensate=True)
        plain = TruncatedNormal(0, 1 / std, -bound, bound)
        assert np.array_equal(drawn(COUNT, seed=SEED, name=0), plain(COUNT, seed=SEED, name=0))


def test_float8_has_nan_where_it_overflows() -> None:
    """float8_e4m3fn has no infinity: beyond 464 the value is NaN, as in ml_dtypes' astype."""
    found = fastinit.normal(COUNT, std=1e4, seed=SEED, dtype="float8_e4m3fn")
    assert found.dtype == ml_dtypes.float8_e4m3fn
    assert np.isnan(f64(found)).any()
