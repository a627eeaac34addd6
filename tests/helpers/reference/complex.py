"""A second definition of complex values, written from docs/streams.md alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers import reference
from helpers.reference import Bits

Complex = NDArray[Any]


def _halves(indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return 2 * indices, 2 * indices + 1


def normal(indices: NDArray[np.int64], seed: int, stream: str, bits: Bits) -> Complex:
    """The circular normal of variance 1."""
    real, imaginary = (
        reference.standard_normal(half, seed, stream, bits).astype(np.float64)
        for half in _halves(indices)
    )
    return (real + 1j * imaginary) / math.sqrt(2)


def _uniforms(indices: NDArray[np.int64], seed: int, stream: str, bits: Bits) -> Any:
    return (
        reference.uniform(half, seed, stream, 0.0, 1.0, f"f{bits // 8}").astype(np.float64)
        for half in _halves(indices)
    )


def disk(indices: NDArray[np.int64], seed: int, stream: str, bits: Bits) -> Complex:
    """Uniform on the disk of the radius sqrt(2), which has the variance 1."""
    u, v = _uniforms(indices, seed, stream, bits)
    return np.asarray(np.sqrt(2 * u) * np.exp(2j * np.pi * v))


def truncated(
    indices: NDArray[np.int64], seed: int, stream: str, bits: Bits, upper: float
) -> Complex:
    """The circular normal of variance 1 before its modulus is truncated."""
    u, v = _uniforms(indices, seed, stream, bits)
    radius = np.sqrt(-np.log1p(np.expm1(-(upper**2)) * u))
    return np.asarray(radius * np.exp(2j * np.pi * v))


def unitary(z: Complex) -> Complex:
    """Stewart's product of reflectors, as dense matrices, for tall z."""
    rows, columns = z.shape
    found = np.eye(rows, columns, dtype=np.complex128)
    for k in reversed(range(columns)):
        x = np.where(np.arange(rows) < k, 0, z[:, k])
        phase = x[k] / abs(x[k])
        v = x.copy()
        v[k] += phase * np.linalg.norm(x)
        found[:, k] *= -phase
        found = found - np.outer(v, v.conj() @ found) * (2 / np.linalg.norm(v) ** 2)
    return found
