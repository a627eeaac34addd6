"""A second definition of orthogonal matrices: Stewart's method in float64, from docs/streams.md.

Reflectors are applied one by one, so the result is that of the specification except for roundings.
"""

import math

import numpy as np
from numpy.typing import NDArray

from helpers.reference import F64, Bits, standard_normal


def reflectors(x: F64) -> tuple[F64, F64, F64]:
    """(v, tau, D) of normals in the shape of the tall matrix; only those from the diagonal on."""
    columns = x.shape[1]
    v = np.tril(x)
    tau, signs = np.zeros(columns), np.ones(columns)
    for k in range(columns):
        head, tail = float(x[k, k]), float(np.square(x[k + 1 :, k]).sum())
        side = 1.0 if head >= 0 else -1.0
        if tail > 0:
            v[k, k] = head + side * math.sqrt(head**2 + tail)
            tau[k] = 2 / (v[k, k] ** 2 + tail)
            signs[k] = -side
        elif head != 0:
            v[k, k], tau[k], signs[k] = side, 2.0, -side
        else:
            v[k, k] = 0.0
    return v, tau, signs


def product(v: F64, tau: F64, signs: F64) -> F64:
    """H_0 H_1 ... H_(N-1) D."""
    q = np.zeros(v.shape)
    np.fill_diagonal(q, signs)
    for k in reversed(range(v.shape[1])):
        q -= tau[k] * np.outer(v[:, k], v[:, k] @ q)
    return q


def matrix(
    rows: int, columns: int, seed: int, stream: str | int, number: int = 0, bits: Bits = 32
) -> F64:
    """Matrix `number` of a batch of rows x columns; the normals are rounded as the library's."""
    high, low = max(rows, columns), min(rows, columns)
    index = number * high * low + np.arange(high * low)
    z = standard_normal(index, seed, stream, bits).astype(f"f{bits // 8}").astype(np.float64)
    tall = product(*reflectors(z.reshape(high, low)))
    return tall if rows >= columns else tall.T


def batch(
    count: int, rows: int, columns: int, seed: int, stream: str | int, bits: Bits = 32
) -> NDArray[np.float64]:
    """Several matrices of one stream."""
    return np.stack([matrix(rows, columns, seed, stream, p, bits) for p in range(count)])
