"""A second definition of discrete values, written from docs/streams.md alone."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.reference import Bits, words, words64

ATTEMPTS = 124


def ternary(
    indices: ArrayLike, seed: int, stream: str | int, bits: Bits, zeros: float, scale: float
) -> NDArray[np.float64]:
    """Signs times the scale, and zeros; both numbers are rounded to the precision."""
    if bits == 64:
        n = words64(indices, seed, stream).view(np.int64) >> 10 | 1
        threshold = zeros * 2.0**53
    else:
        n = (words(indices, seed, stream).view(np.int32) >> 7 | 1).astype(np.int64)
        threshold = float(np.float32(zeros)) * 2.0**24
        scale = float(np.float32(scale))
    return np.where(np.abs(n) < threshold, 0.0, np.sign(n) * scale)


def integers(indices: ArrayLike, seed: int, stream: str | int, low: int, high: int) -> list[int]:
    """Integers by Lemire's method, in Python's own arithmetic."""
    count = high - low
    found = []
    for index in np.ravel(indices).tolist():
        for attempt in range(ATTEMPTS):
            first = 0 if attempt == 0 else 6 + 2 * attempt
            top, bottom = (int(words([index], seed, stream, first + k)[0]) for k in (0, 1))
            whole, part = divmod((top << 32 | bottom) * count, 1 << 64)
            if part >= (1 << 64) % count or attempt == ATTEMPTS - 1:
                found.append(low + whole)
                break
    return found


def permutation(shape: tuple[int, ...], seed: int, stream: str | int) -> NDArray[np.int64]:
    """The order of the words in each row."""
    keys = words64(np.arange(int(np.prod(shape))).reshape(shape), seed, stream)
    return np.argsort(keys, axis=-1, kind="stable")
