"""Narrow dtypes are float32 rounded once, to nearest even, at every tie of every dtype.

A normal with the mean on a tie and a standard deviation of two float32 steps takes the tie itself
and the float32 values on either side of it, so that fills alone reach every rounding.
"""

import functools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from helpers import reference
from helpers.bits import bits, f64
from helpers.requests import ENDLESS, fill, joined, requests_for
from helpers.settings import SETS, instruction_set

EACH = 24  # values around each tie
TINY = float(np.finfo(np.float32).tiny)  # the smallest normal float32: parameters are 0 or not less


def values_of(dtype: str) -> NDArray[np.float64]:
    """All finite values of a dtype from 0 up, and what would follow the largest."""
    wanted = reference.DTYPES[dtype]
    patterns = np.arange(1 << (8 * wanted.itemsize - 1)).astype(f"u{wanted.itemsize}")
    values = f64(patterns.view(wanted))
    values = values[np.isfinite(values)]
    return np.append(values, 2 * values[-1] - values[-2])


@functools.cache
def ties_of(dtype: str) -> NDArray[np.float32]:
    """The float32 values halfway between neighbors, of either sign, except subnormal ones."""
    values = values_of(dtype)
    ties = ((values[1:] + values[:-1]) / 2).astype(np.float32)
    ties = ties[(ties >= 4 * TINY) & np.isfinite(ties)]
    return np.concatenate([-ties[::-1], ties])


@functools.cache
def requests_around(dtype: str, wanted: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """An array for EACH values around each of a dtype's ties, and the requests that fill it."""
    ties = ties_of(dtype)
    out = np.zeros((ties.size, EACH), wanted)
    address, records = out.ctypes.data, []
    for k, tie in enumerate(ties):
        std = max(2.0 * float(np.spacing(abs(tie))), TINY)
        what = fastinit.Normal(float(tie), std)
        place = address + k * EACH * wanted.itemsize
        index = np.s_[k * EACH : (k + 1) * EACH]
        records += requests_for(what, wanted, (ENDLESS,), place, index=index, seed=3, stream=8)
    return out, joined(records)


@functools.cache
def wide_around(dtype: str) -> NDArray[np.float32]:
    """The float32 values around the ties of a narrow dtype."""
    out, requests = requests_around(dtype, np.dtype(np.float32))
    fill(requests)
    return out


@pytest.mark.parametrize("dtype", reference.NARROW)
def test_ties_are_reached(dtype: str) -> None:
    """Almost every tie itself is reached, and values on either side of every one."""
    wide, ties = wide_around(dtype), ties_of(dtype)[:, None]
    assert np.mean(np.any(wide == ties, axis=1)) > 0.9
    assert np.all(np.any(wide < ties, axis=1) & np.any(wide > ties, axis=1))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", reference.NARROW)
def test_every_tie(dtype: str, name: str) -> None:
    """The bits are those of ml_dtypes' and NumPy's casts of float32 values, also at overflow."""
    wanted = reference.DTYPES[dtype]
    found, requests = requests_around(dtype, wanted)
    found[:] = 0
    with instruction_set(name):
        fill(requests)
    expected = reference.rounded(wide_around(dtype), wanted)
    wrong = np.flatnonzero(bits(found) != bits(expected))
    assert wrong.size == 0, (
        f"{wrong.size} wrong: {wide_around(dtype).flat[wrong[0]]!r} became "
        f"{found.flat[wrong[0]]!r}, not {expected.flat[wrong[0]]!r}"
    )


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", reference.NARROW)
@pytest.mark.parametrize("exponent", [*range(-126, -4, 5), *range(-4, 127, 5)])
def test_every_magnitude(exponent: int, dtype: str, name: str) -> None:
    """From subnormal float32 to infinity, the bits are those of the cast of float32 values."""
    what = fastinit.Normal(std=2.0**exponent)
    expected = reference.rounded(what(4096, seed=exponent + 126), reference.DTYPES[dtype])
    with instruction_set(name):
        found = what(4096, seed=exponent + 126, dtype=dtype)
    assert np.array_equal(bits(found), bits(expected))


@pytest.mark.parametrize(
    ("dtype", "std", "overflow"),
    [
        ("float16", 1e5, np.inf),
        ("bfloat16", 3e38, np.inf),
        ("float8_e5m2", 1e5, np.inf),
        ("float8_e4m3fn", 1e3, np.nan),
    ],
)
def test_overflow(dtype: str, std: float, overflow: float) -> None:
    """A float32 nearer to the value after the largest becomes infinity, or NaN without one."""
    values = values_of(dtype)
    limit = np.float32((values[-1] + values[-2]) / 2)  # a tie, which rounds beyond except in e4m3fn
    wide = fastinit.normal(1 << 16, std=std, seed=4)
    found = f64(fastinit.normal(1 << 16, std=std, seed=4, name=0, dtype=dtype))
    beyond = np.abs(wide) > limit
    assert 0.01 < beyond.mean() < 0.9
    assert np.all(np.isfinite(found[np.abs(wide) < limit]))
    expected = np.copysign(np.full(wide.size, overflow), wide)
    assert np.array_equal(found[beyond], expected[beyond], equal_nan=True)
