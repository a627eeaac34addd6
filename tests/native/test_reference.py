"""The reference agrees with known answers, exact fractions and mpmath at 50 digits."""

import importlib
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers import reference
from helpers.reference import Bits
from helpers.reference.masks import kept_per

ANSWERS = Path(__file__).parents[1] / "data" / "philox4x32-10.txt"
MP: Any = importlib.import_module("mpmath").mp.clone()
MP.dps = 50
INF = math.inf
LONG = np.finfo(np.longdouble).nmant >= 63

BOUNDS = [(-1.0, 1.0), (-0.3, 0.7), (0.0, 1e-6), (5.0, 5.0001), (-1e30, 1.0), (1.0, 1.0000005)]
TRUNCATIONS = [
    (-2.0, 2.0),
    (-0.01, 0.01),
    (-1.0, 1e-3),
    (2.0, 2.5),
    (8.0, 9.0),
    (-12.0, -8.0),
    (5.0, INF),
    (-INF, -6.0),
    (12.0, INF),
    (-3.0, 50.0),
    (-INF, INF),
]


def extreme_words(bits: int, count: int) -> list[int]:
    """The words at the ends and in the middle, and some more."""
    half = 1 << (bits - 1)
    ends = [0, 1, half - 1, half, 2 * half - 2, 2 * half - 1, half // 2, half // 4, 3 * half // 4]
    some = reference.words64(range(count), 5, "telling").tolist()
    return ends + [word >> (64 - bits) for word in some]


def long_to_mp(x: np.longdouble) -> Any:
    """A long double as an mpmath number, exactly."""
    high = float(x)
    return MP.mpf(high) + MP.mpf(float(x - np.longdouble(high)))


def nearest(exact: Fraction, kind: type[np.floating[Any]]) -> float:
    """A fraction rounded to the nearest of its neighbors, to even."""
    first = kind(float(exact))
    around = [np.nextafter(first, kind(-INF)), first, np.nextafter(first, kind(INF))]
    bits = "u4" if kind is np.float32 else "u8"
    key = [(abs(Fraction(float(v)) - exact), int(v.view(bits)) & 1) for v in around]
    return float(around[key.index(min(key))])


def test_philox_known_answers() -> None:
    """The answers are Random123's own."""
    lines = ANSWERS.read_text(encoding="utf-8").splitlines()
    cases = [[int(word, 16) for word in line.split()] for line in lines if line[0] != "#"]
    assert len(cases) == 3
    for case in cases:
        counter = np.array(case[:4], np.uint32)
        assert reference.philox4x32(counter, (case[4], case[5])).tolist() == case[6:]


def test_words_and_streams() -> None:
    """The counter's layout, large indices, names and errors are checked."""
    seed, index, number = 2**64 - 2, 2**58 - 1, 2**63 + 5
    counter = np.array([2**32 - 1, 2**24 - 1 + (2 << 24), 5, 2**31], np.uint32)
    block = reference.philox4x32(counter, (2**32 - 2, 2**32 - 1))
    assert reference.words([index - 3, index], seed, number, 2).tolist() == [block[0], block[3]]
    assert reference.words(0, 0, 0) == 0x6627E8D5
    high, low = (reference.words(7, 1, "w", purpose) for purpose in (0, 1))
    assert int(reference.words64(7, 1, "w")) == int(high) << 32 | int(low)
    assert reference.stream_of(7) == 7
    assert reference.stream_of("weight") >> 63 == 1
    for name in (-1, 2**63, "\ud800"):
        with pytest.raises(ValueError, match="not"):
            reference.stream_of(name)
    for wrong in (-1, 2**58):
        with pytest.raises(ValueError, match="index"):
            reference.words([wrong], 0, 0)


@pytest.mark.parametrize(("low", "high"), BOUNDS)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_uniform_is_rounded_once(low: float, high: float, kind: type[np.floating[Any]]) -> None:
    """float32 and float64 values are checked against fractions, narrow ones against float32."""
    digits = 24 if kind is np.float32 else 53
    index = np.arange(300)
    values = reference.uniform(index, 3, "u", low, high, kind)
    half, mid = (Fraction(float(kind(high / 2 + sign * low / 2))) for sign in (-1, 1))
    some = reference.words64(index, 3, "u")
    lo, hi = reference.next_above(low, kind), reference.next_below(high, kind)
    for value, word in zip(values.tolist(), some.tolist(), strict=True):
        n = word >> 10 if digits == 53 else word >> 39
        n = (n - (2 << digits) if n >> digits else n) | 1
        assert abs(n) < 1 << digits
        assert value == min(max(nearest(n * half / (1 << digits) + mid, kind), lo), hi)


@pytest.mark.parametrize("name", reference.NARROW)
def test_narrow_uniform(name: str) -> None:
    """Narrow values are the float32 ones, clamped and rounded, and never on a bound."""
    dtype = reference.DTYPES[name]
    wide = reference.uniform(np.arange(5000), 3, 0, -0.3, 0.7, np.float32)
    narrow = reference.uniform(np.arange(5000), 3, 0, -0.3, 0.7, dtype)
    lo, hi = reference.next_above(-0.3, dtype), reference.next_below(0.7, dtype)
    expected = np.clip(wide.astype(dtype).astype(np.float64), lo, hi)
    assert narrow.dtype == dtype
    assert np.array_equal(narrow.astype(np.float64), expected)
    assert not np.isfinite(reference.rounded([1e30], dtype)[0]) or name == "bfloat16"


@pytest.mark.parametrize("wrong", [(1.0, 0.0), (0.0, INF), (0.0, 1e-32), (math.nan, 1.0)])
def test_uniform_errors(wrong: tuple[float, float]) -> None:
    """Bounds describe no interval, or give a subnormal parameter."""
    with pytest.raises(ValueError, match=r"bounds|subnormal"):
        reference.uniform([0], 0, 0, *wrong, np.float32)


@pytest.mark.parametrize("name", reference.DTYPES)
def test_neighbours(name: str) -> None:
    """The four neighbors of values of a dtype and of points between them are right."""
    dtype = reference.DTYPES[name]
    for x in (-1.5, -0.01, -1e-300, 0.0, 1e-300, 1.0, 1.0 + 2**-50, 240.0, 300.3):
        least, most = reference.smallest_at_least(x, dtype), reference.largest_at_most(x, dtype)
        above, below = reference.next_above(x, dtype), reference.next_below(x, dtype)
        assert below < x < above
        assert below <= most <= x <= least <= above
        assert (least == most == x) == (float(np.array(x).astype(dtype)) == x)
        assert least in (x, above)
        assert most in (x, below)
        middle = np.array(below / 2 + above / 2).astype(dtype)
        assert float(middle) in (below, most, least, above)
        assert all(float(np.array(v).astype(dtype)) == v for v in (least, most, above, below))
    with pytest.raises(ValueError, match="no value"):
        reference.next_above(INF, dtype)


@pytest.mark.parametrize("bits", [32, 64])
def test_normal(bits: Bits) -> None:
    """Both normals of a pair of words are checked against 50 digits."""
    bound = 1e-18 if LONG else 1e-15
    some = np.array(extreme_words(bits, 40), np.uint64)
    a, b = (side.ravel() for side in np.meshgrid(some, some))
    pairs = reference.normal_of_words(a, b, bits)
    for first, second, *zs in zip(a.tolist(), b.tolist(), *pairs, strict=True):
        radius = MP.sqrt(-2 * MP.log((MP.mpf(first) + 0.5) / 2**bits))
        turn = MP.mpf(second) * 2 / 2**bits
        for z, exact in zip(zs, (MP.cospi(turn), MP.sinpi(turn)), strict=True):
            assert abs(long_to_mp(z) - radius * exact) <= abs(radius * exact) * bound
    i = np.arange(8)
    word = reference.words64(i, 1, 2) if bits == 64 else reference.words(i, 1, 2)
    z = np.stack(reference.normal_of_words(word[::2], word[1::2], bits), axis=-1).ravel()
    assert np.array_equal(reference.standard_normal(i, 1, 2, bits), z)


@pytest.mark.parametrize("cut", TRUNCATIONS)
@pytest.mark.parametrize("bits", [32, 64])
def test_truncated(cut: tuple[float, float], bits: Bits) -> None:
    """Three more of Newton's steps at 90 digits do not change the inverse CDF."""
    some = sorted(extreme_words(bits, 30))
    values = reference.truncated_of_words(np.array(some, np.uint64), *cut, bits)
    assert np.all(np.diff(values) >= 0)
    with MP.workdps(90):
        least, most = (MP.ncdf(end) for end in cut)
        for word, value in zip(some, values.tolist(), strict=True):
            v = (MP.mpf(word) + 0.5) / 2**bits
            target, z = least + v * (most - least), MP.mpf(value)
            for _ in range(3):
                z -= (MP.ncdf(z) - target) / MP.npdf(z)
            assert abs(value - z) <= abs(z) * 1e-15
            assert cut[0] <= value <= cut[1]


@pytest.mark.parametrize("wrong", [(1.0, 1.0), (math.nan, 1.0), (13.0, INF), (11.0, 12.0)])
def test_truncated_errors(wrong: tuple[float, float]) -> None:
    """The truncation is empty, or holds too little."""
    with pytest.raises(ValueError, match=r"lower|mass"):
        reference.standard_truncated_normal([0], 0, 0, *wrong)


@pytest.mark.parametrize(
    "index",
    [..., 2, -1, np.s_[1:], np.s_[::-2, 1], np.s_[..., -1], np.s_[1, ..., ::3], np.s_[0, 1, 2]],
)
def test_part(index: Any) -> None:
    """Parts of a small array are NumPy's, and one is of an array of 2^57 elements."""
    whole = np.arange(4 * 3 * 5).reshape(4, 3, 5)
    taken = reference.part(whole.shape, index)
    assert taken.shape == np.shape(whole[index])
    assert np.array_equal(taken, whole[index])
    far = reference.part((2**30, 2**27), np.s_[-2:, 5 :: 2**26])
    assert far.tolist() == [[r * 2**27 + 5, r * 2**27 + 5 + 2**26] for r in (2**30 - 2, 2**30 - 1)]


@pytest.mark.parametrize("k", [0, 1, 5, 9])
def test_masks(k: int) -> None:
    """The count is exact, per input and per output, and one column follows the rule itself."""
    down = ~kept_per((9, 7), "in", 9 - k, 1, "m", "oi")
    across = ~kept_per((6, 9), "out", 9 - k, 1, "m", "oi")
    assert np.all(down.sum(axis=0) == k)
    assert np.all(across.sum(axis=1) == k)
    need = k
    for row, word in enumerate(reference.words(np.arange(9) * 7 + 3, 1, "m", 2).tolist()):
        assert down[row, 3] == ((word * (9 - row)) >> 32 < need)
        need -= int(down[row, 3])
