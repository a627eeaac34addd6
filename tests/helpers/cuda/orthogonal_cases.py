"""Orthogonal matrices to try on a CUDA device."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastinit import DeltaOrthogonal, Orthogonal
from helpers.cuda.cases import Case

EVERYTHING = np.s_[:]
PLAIN, BATCH = Orthogonal(), Orthogonal(gain=0.7, layout="boi")
# Bytes with which matrices of 17 columns count as large, and need several groups.
LITTLE = {"shared_memory": 8 << 10, "free_memory": 64 << 10}


def matrices(dtype: np.dtype[Any]) -> Iterator[Case]:
    """Sizes around those of blocks and panels; tall, wide; batches, convolutions, parts."""
    shapes = [(1, 1), (1, 9), (9, 1), (2, 2), (16, 16), (17, 13), (19, 18), (19, 33)]
    for k, shape in enumerate(shapes):
        yield Case(PLAIN, dtype, shape, EVERYTHING, k % 5)
    yield Case(PLAIN, dtype, (20, 7), np.s_[3:18, 1:5], 1)
    yield Case(PLAIN, dtype, (7, 20), np.s_[1:6, 3:18], 1)
    yield Case(PLAIN, dtype, (37, 36), np.s_[5:, 17:31])
    yield Case(PLAIN, dtype, (36, 37), np.s_[:20, 3:])
    yield Case(PLAIN, dtype, (150, 3), np.s_[70:])
    yield Case(BATCH, dtype, (5, 6, 8), np.s_[1:4, 2:5, 1:], 3)
    yield Case(Orthogonal(layout="obi"), dtype, (6, 5, 8), np.s_[1:4, 2:5, 1:])
    yield Case(Orthogonal(gain=3, layout="*io"), dtype, (3, 3, 4, 5), np.s_[1:, :2, 1:, 2:])
    yield Case(DeltaOrthogonal(), dtype, (6, 5, 3, 3), np.s_[:, :, 1:, :2])
    yield Case(DeltaOrthogonal(), dtype, (6, 5, 3, 3), np.s_[:, :, 2:, :2])


# The smallest matrices of each block size that shared memory does not hold, and a part that
# depends on few of their blocks.
LARGE = {
    16: ((33, 33), EVERYTHING),
    32: ((130, 129), np.s_[:, :32]),
    64: ((514, 513), np.s_[:, :16]),
    128: ((2049, 2049), np.s_[:, :16]),
}


def large(dtype: np.dtype[Any]) -> list[Case]:
    """Matrices and batches that are large where there is little shared memory."""
    return [
        Case(PLAIN, dtype, *LARGE[16], 1),
        Case(BATCH, dtype, (3, 20, 17), np.s_[1:, 3:, 2:16]),
        Case(BATCH, dtype, (2, 18, 40), np.s_[:, 16:]),
    ]
