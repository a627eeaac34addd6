"""The words of native values: Random123's known answer, and the reference's words.

The native code exposes no words, but uniform values on (-1, 1) are n * 2^-53 with
n = (int64(word64) >> 10) | 1, so they show a word of purpose 0 whole and the 21 top bits of one of
purpose 1; in float32 they show 24 bits. Of the known answers, the native code reaches the one of
counter 0 and key 0: the others have counters above the largest block (2^56) and purpose. All other
native words are compared with the reference's, which is checked against all of them.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from helpers import reference
from helpers.requests import ENDLESS, draw_at
from helpers.settings import SETS, instruction_set

ANSWERS = Path(__file__).parents[1] / "data" / "philox4x32-10.txt"
UNIT = fastinit.Uniform(-1.0, 1.0)
CARRIES = [(1 << 34) * k - back for k in (1, 3, 1 << 12, 1 << 23) for back in (61, 19, 4, 1)]
OFFSETS = [0, 1, 2, 3, 5, (1 << 32) - 7, (1 << 57) + 5, ENDLESS - 67, *CARRIES]


def shown(seed: int, stream: int, offset: int, count: int) -> NDArray[np.uint64]:
    """The words of float64 values, without their 11 low bits."""
    values = draw_at(UNIT, np.dtype(np.float64), offset, count, seed, stream)
    n = (values * 2.0**53).astype(np.int64)
    assert np.all(n & 1 == 1)
    return (n.view(np.uint64) << np.uint64(10)) >> np.uint64(11) << np.uint64(11)


def some_streams(count: int) -> list[tuple[int, int]]:
    """Seeds and streams at all ends of their halves, and random ones."""
    low, high = (1 << 32) - 1, ((1 << 32) - 1) << 32
    ends = [(s, t) for s in (0, 1, low, high, low | high) for t in (0, 1, low, high, low | high)]
    random = np.random.default_rng(1).integers(0, 1 << 64, (count, 2), np.uint64)
    return ends + [(int(seed), int(stream)) for seed, stream in random]


@pytest.mark.parametrize("name", SETS)
def test_known_answer(name: str) -> None:
    lines = ANSWERS.read_text(encoding="utf-8").splitlines()
    cases = [[int(word, 16) for word in line.split()] for line in lines if line[0] != "#"]
    (expected,) = [case[6:] for case in cases if not any(case[:6])]
    with instruction_set(name):
        words = shown(0, 0, 0, 4) >> np.uint64(32)
    assert words.tolist() == expected


@pytest.mark.parametrize("name", SETS)
def test_words_of_both_purposes(name: str) -> None:
    """Seeds and streams have 64 bits, offsets 58 bits, across every carry."""
    keep = ~np.uint64(2047)
    with instruction_set(name):
        for k, (seed, stream) in enumerate(some_streams(200)):
            offset = OFFSETS[k % len(OFFSETS)]
            index = np.arange(offset, offset + 67, dtype=np.uint64)
            expected = reference.words64(index, seed, stream) & keep
            found = shown(seed, stream, offset, 67)
            assert np.array_equal(found, expected), (seed, stream, offset)


@pytest.mark.parametrize("name", SETS)
def test_words_of_float32(name: str) -> None:
    """float32 values show the 24 top bits of the words of purpose 0."""
    with instruction_set(name):
        for k, (seed, stream) in enumerate(some_streams(100)):
            offset = OFFSETS[-1 - k % len(OFFSETS)]
            index = np.arange(offset, offset + 67, dtype=np.uint64)
            values = draw_at(UNIT, np.dtype(np.float32), offset, 67, seed, stream)
            n = (values * np.float32(2**24)).astype(np.int32)
            words = reference.words(index, seed, stream)
            assert np.array_equal(n, (words.view(np.int32) >> 7) | 1), (seed, stream, offset)


def test_purposes_differ() -> None:
    """The two halves of a float64 value's word differ."""
    words = shown(3, 5, 0, 1000)
    assert np.all(words >> np.uint64(43) != words << np.uint64(32) >> np.uint64(43))
