"""Elements with chosen words: Philox run backwards.

Some code runs for one word in 2^33 or fewer, too few to find by drawing. But Philox maps counters
to words one to one, so any four words have a counter, which is an element and a stream.
"""

from __future__ import annotations

import numpy as np

from helpers.reference import LOW32, U32, words

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_INVERSES = tuple(np.uint64(pow(each, -1, 1 << 32)) for each in _MULTIPLIERS)


def counters(drawn: U32, seed: int) -> U32:
    """The counters, of shape (..., 4), whose words under a seed are these."""
    a, b, c, d = np.moveaxis(np.asarray(drawn, np.uint32).astype(np.uint64), -1, 0)
    high, one, two = np.uint64(32), *(np.uint64(each) for each in _MULTIPLIERS)
    for step in reversed(range(10)):
        k0 = np.uint64(((seed & 0xFFFFFFFF) + step * _WEYL[0]) % 2**32)
        k1 = np.uint64(((seed >> 32) + step * _WEYL[1]) % 2**32)
        c0, c2 = d * _INVERSES[0] & LOW32, b * _INVERSES[1] & LOW32
        a, b, c, d = c0, a ^ c2 * two >> high ^ k0, c2, c ^ c0 * one >> high ^ k1
    return np.stack([a, b, c, d], axis=-1).astype(np.uint32)


def smallest(place: int, seed: int) -> tuple[int, int]:
    """(element, stream) of a 64-bit word below 2^25, at this place in its Philox block."""
    drawn = np.random.default_rng(place).integers(0, 1 << 32, (1 << 18, 4), np.uint32)
    drawn[:, place] = 0
    found = counters(drawn, seed).astype(np.uint64)
    for low, high, *stream in found[found[:, 1] < 1 << 24].tolist():
        element = 4 * (low | high << 32) + place
        number = stream[0] | stream[1] << 32
        if words(element, seed, number, 1) < 1 << 25:
            assert words(element, seed, number) == 0
            return element, number
    raise AssertionError("no such word among 2^18 blocks")
