"""Uniform values are the reference's, to the bit, inside their open interval, and symmetric."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastinit
from helpers import reference
from helpers.bits import check_bits, f64
from helpers.dtypes import DTYPES
from helpers.settings import SETS, instruction_set

COUNT = 2003
BOUNDS = [
    (-1.0, 1.0),
    (0.0, 1.0),
    (-0.3, 0.7),
    (0.0, 1e-3),
    (-0.0123, 0.0123),
    (5.0, 7.1),
    (-7.1, -5.0),
    (0.1, 0.35),
    (1e-30, 3e-30),
    (-(2.0**-102), 2.0**-102),
    (-1e-30, 1.0),
    (-1e30, 1.0),
    (-3.4e38, 3.4e38),
    (100.0, 6e4),
    (1.0, 1.0000005),
    (1.0, 1.0 + 2.0**-50),
    (16777215.0, 16777217.0),
    (-1e308, 1.7e308),
    (-(2.0**-969), 2.0**-969),
]


def expected(
    low: float, high: float, dtype: str
) -> "np.ndarray[tuple[int], np.dtype[np.generic]] | None":
    """The reference's values, or None where it has an error."""
    index = np.arange(11, 11 + COUNT)
    try:
        return reference.uniform(index, 3, "u", low, high, reference.DTYPES[dtype])
    except ValueError:
        return None


def check(low: float, high: float, dtype: str) -> None:
    """Fail unless the values are the reference's, or both have an error."""
    wanted = expected(low, high, dtype)
    what = fastinit.Uniform(low, high)
    part = np.s_[11 : 11 + COUNT]
    if wanted is None:
        with pytest.raises(ValueError, match=r"between|close|normal numbers|exact"):
            what(1 << 40, seed=3, name="u", dtype=dtype, index=part)
    else:
        found = what(1 << 40, seed=3, name="u", dtype=dtype, index=part)
        check_bits(found, wanted, f"({low}, {high})")


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_reference(bounds: tuple[float, float], dtype: str, name: str) -> None:
    """Every instruction set has equal bits for bounds of every kind."""
    with instruction_set(name):
        check(*bounds, dtype)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.floats(-1e6, 1e6), st.floats(1e-8, 1e6), st.sampled_from(DTYPES))
def test_reference_for_any_bounds(low: float, width: float, dtype: str) -> None:
    """Random bounds give equal bits or errors."""
    if low < low + width:
        check(low, low + width, dtype)


@pytest.mark.parametrize(
    ("bounds", "dtype"),
    [
        (bounds, dtype)
        for bounds in BOUNDS
        for dtype in DTYPES
        if expected(*bounds, dtype) is not None
    ],
    ids=str,
)
def test_open_interval(bounds: tuple[float, float], dtype: str) -> None:
    """Neither bound occurs, nor anything beyond."""
    low, high = bounds
    values = f64(fastinit.uniform(1 << 17, low, high, seed=5, dtype=dtype))
    assert low < values.min()
    assert values.max() < high


@pytest.mark.parametrize("dtype", reference.NARROW)  # the others' interval would be too narrow
def test_ends_are_reached(dtype: str) -> None:
    """Bounds that leave four values of the dtype leave all of them, and nothing else."""
    wanted = reference.DTYPES[dtype]
    values = [1.0]
    for _ in range(5):
        values.append(reference.next_above(values[-1], wanted))
    drawn = f64(fastinit.uniform(1 << 14, values[0], values[-1], seed=5, dtype=dtype))
    assert np.unique(drawn).tolist() == values[1:-1]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_symmetric_bounds_have_no_zero(dtype: str) -> None:
    """n is odd, so the middle of the interval never occurs."""
    assert np.all(f64(fastinit.uniform(1 << 20, -0.1, 0.1, seed=1, dtype=dtype)) != 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_sign_is_that_of_the_word(dtype: str) -> None:
    """Bounds are symmetric; this holds also where a value is rounded to zero."""
    words = reference.words(np.arange(1 << 14), 1, 0)
    found = f64(fastinit.uniform(1 << 14, -0.75, 0.75, seed=1, dtype=dtype))
    assert np.array_equal(np.signbit(found), words >> 31 == 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 0.1, -3.0, 1e-7])
def test_equal_bounds_are_a_constant(value: float, dtype: str) -> None:
    """It is rounded as every value is."""
    found = fastinit.uniform(100, value, value, seed=1, dtype=dtype)
    check_bits(found, fastinit.constant(100, value, dtype=dtype))


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (1.0, 0.0, r"low=1.0 is above high=0.0; exchange"),
        (math.nan, 1.0, r"low=nan is not finite"),
        (0.0, math.inf, r"high=inf is not finite"),
        (-math.inf, 0.0, r"low=-inf is not finite"),
    ],
)
def test_bounds_out_of_range(low: float, high: float, message: str) -> None:
    """The error comes before anything is drawn."""
    with pytest.raises(ValueError, match=message):
        fastinit.Uniform(low, high)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "message"),
    [
        (0.0, 1e-32, "float32", "too close for float32"),
        (-1e300, 1e300, "float32", "outside the normal numbers of float32"),
        (1e-39, 1.0 - 1e-39, "float16", None),
        (1.0, 1.0 + 1e-9, "float32", "has no value between"),
        (1e6, 2e6, "float16", "float16 has no value between"),
        (-1000.0, -500.0, "float8_e4m3fn", "float8_e4m3fn has no value between"),
        (1.01, 1.02, "float8_e5m2", "float8_e5m2 has no value between"),
    ],
)
def test_no_values(low: float, high: float, dtype: str, message: str | None) -> None:
    """The error says which dtype has no such values; a wider one has."""
    what = fastinit.Uniform(low, high)
    if message is None:
        what(3, seed=1, dtype=dtype)
        return
    out = np.zeros(3, reference.DTYPES[dtype])
    with pytest.raises(ValueError, match=message):
        what(3, seed=1, out=out)
    assert not np.any(out)
    what(3, seed=1, dtype="float64")


@pytest.mark.parametrize("dtype", reference.NARROW)
@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (-0.3, 0.7), (0.0, 0.013), (3.0, 11.0)], ids=str)
def test_narrow_is_float32_rounded(bounds: tuple[float, float], dtype: str) -> None:
    """The float32 values are moved inside the narrow bounds and rounded once."""
    wanted = reference.DTYPES[dtype]
    wide = fastinit.uniform(1 << 16, *bounds, seed=2)
    low, high = reference.next_above(bounds[0], wanted), reference.next_below(bounds[1], wanted)
    inside = reference.bounded(wide, low, high)
    found = fastinit.uniform(1 << 16, *bounds, seed=2, name=0, dtype=dtype)
    check_bits(found, reference.rounded(inside, wanted))
