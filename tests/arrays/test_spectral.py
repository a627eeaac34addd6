"""Eigenvalues and spectral norms, compared with LAPACK's."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fastinit.arrays.spectral import FixedPoint, eigen, spectral_norm

RANDOM = np.random.default_rng(0)


def symmetric(values: NDArray[np.float64]) -> NDArray[np.float64]:
    turned = np.linalg.qr(RANDOM.standard_normal((len(values), len(values))))[0]
    matrix = (turned * values) @ turned.T
    found: NDArray[np.float64] = (matrix + matrix.T) / 2
    return found


SYMMETRIC = {
    "one number": np.array([[-3.0]]),
    "two": np.array([[1.0, 2.0], [2.0, 1.0]]),
    "zeros": np.zeros((7, 7)),
    "diagonal": np.diag([1.0, 3.0, -2.0, 3.0]),
    "random": symmetric(RANDOM.standard_normal(65)),
    "equal values": symmetric(np.repeat([2.0, -1.0, 0.0], 11)),
    "many magnitudes": symmetric(10.0 ** -np.arange(20.0)),
    "huge": symmetric(RANDOM.standard_normal(9)) * 1e300,
    "tiny": symmetric(RANDOM.standard_normal(9)) * 1e-250,
    "many rotations": symmetric(RANDOM.standard_normal(300)),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_eigenvectors(name: str) -> None:
    matrix = SYMMETRIC[name]
    before = matrix.copy()
    values, vectors = eigen(matrix)
    unit = np.abs(matrix).max(initial=0.0) or 1.0
    count = len(matrix)
    assert (matrix == before).all()
    assert (np.diff(values) <= 0).all()
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(count), atol=1e-15 * (count + 5))
    expected = np.sort(np.linalg.eigvalsh(matrix / unit))[::-1]
    np.testing.assert_allclose(values / unit, expected, atol=1e-15 * (count + 5))
    left = vectors @ (matrix / unit)
    np.testing.assert_allclose(left, values[:, None] / unit * vectors, atol=1e-15 * (count + 5))


@pytest.mark.parametrize(("slices", "error"), [(1, 2.0**-19), (2, 2.0**-39), (3, 2.0**-50)])
def test_products_from_both_sides(slices: int, error: float) -> None:
    """The error of a product is that of the largest elements."""
    matrix, other = RANDOM.standard_normal((90, 70)), RANDOM.standard_normal((70, 5))
    of = FixedPoint(matrix, slices)
    bound = error * 70 * np.abs(matrix).max() * np.abs(other).max()
    np.testing.assert_allclose(of.times(other), matrix @ other, rtol=0, atol=bound)
    back = of.transposed_times(matrix[:, :4])
    bound = error * 90 * np.abs(matrix).max() ** 2
    np.testing.assert_allclose(back, matrix.T @ matrix[:, :4], rtol=0, atol=bound)


@pytest.mark.parametrize("tolerance", [0.01, 1e-6, 1e-11])
@pytest.mark.parametrize("shape", [(1, 1), (8, 3), (60, 40), (300, 200)])
def test_spectral_norm(shape: tuple[int, int], tolerance: float) -> None:
    matrix = RANDOM.standard_normal(shape)
    found = spectral_norm(matrix, RANDOM.standard_normal((shape[1], 8)), tolerance)
    assert abs(found / float(np.linalg.norm(matrix, 2)) - 1) < tolerance


def test_norm_of_zeros() -> None:
    assert spectral_norm(np.zeros((20, 12)), RANDOM.standard_normal((12, 8)), 0.01) == 0
