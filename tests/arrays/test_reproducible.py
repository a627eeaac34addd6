"""Sums and products whose bits depend on their arguments alone, compared with NumPy's."""

import numpy as np
import pytest

from fastinit.arrays.reproducible import (
    leading_svd,
    matmul,
    norms,
    qr,
    svd,
    tree_sum,
)
from helpers.bits import check_bits

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 1000])
def test_sums(count: int) -> None:
    values = RANDOM.standard_normal((4, count))
    np.testing.assert_allclose(tree_sum(values), values.sum(1), rtol=0, atol=1e-13)
    check_bits(tree_sum(values), tree_sum(np.ascontiguousarray(values.T), 0))
    np.testing.assert_allclose(norms(values), np.linalg.norm(values, axis=1), rtol=1e-14)


@pytest.mark.parametrize(("slices", "error"), [(2, 2.0**-40), (3, 2.0**-50)])
def test_products(slices: int, error: float) -> None:
    """The bound is that of the docstring; rows may differ by many orders of magnitude."""
    left = RANDOM.standard_normal((30, 77)) * 10.0 ** RANDOM.integers(-200, 200, (30, 1))
    right = RANDOM.standard_normal((77, 20)) * 10.0 ** RANDOM.integers(-90, 90, (1, 20))
    exact = left.astype(np.longdouble) @ right.astype(np.longdouble)
    size = np.abs(left).max(1)[:, None] * np.abs(right).max(0)
    assert float((np.abs(matmul(left, right, slices) - exact) / (77 * size)).max()) < error


def test_products_depend_on_no_order() -> None:
    """Sums of other orders, as other libraries and threads have them, give the same bits."""
    left, right = RANDOM.standard_normal((300, 64)), RANDOM.standard_normal((64, 5))
    order = RANDOM.permutation(64)
    whole = matmul(left, right)
    check_bits(matmul(left[:, order], right[order]), whole)
    check_bits(matmul(left[100:103], right[:, 1:3]), np.ascontiguousarray(whole[100:103, 1:3]))
    check_bits(matmul(np.zeros((2, 3)), np.ones((3, 2))), np.zeros((2, 2)))


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (40, 7), (30, 24)])
def test_factorizations(shape: tuple[int, int]) -> None:
    matrix = RANDOM.standard_normal(shape)
    q, upper = qr(matrix)
    np.testing.assert_allclose(q @ upper, matrix, atol=1e-13)
    np.testing.assert_allclose(q.T @ q, np.eye(shape[1]), atol=1e-13)
    assert (np.diag(upper) >= 0).all()
    assert (np.tril(upper, -1) == 0).all()
    left, sizes, right = svd(matrix)
    np.testing.assert_allclose(left * sizes @ right, matrix, atol=1e-13)
    np.testing.assert_allclose(sizes, np.linalg.svd(matrix)[1], rtol=1e-12)


def test_factorizations_of_deficient_matrices() -> None:
    matrix = RANDOM.standard_normal((9, 2)) @ RANDOM.standard_normal((2, 5))
    left, sizes, right = svd(matrix)
    np.testing.assert_allclose(left * sizes @ right, matrix, atol=1e-13)
    assert (sizes[2:] < 1e-13).all()
    assert not svd(np.zeros((4, 3)))[1].any()


def test_leading_triplets() -> None:
    """The rank is 6, so that six vectors find all of it."""
    matrix = RANDOM.standard_normal((50, 6)) @ RANDOM.standard_normal((6, 40))
    left, sizes, right = leading_svd(
        lambda x: matmul(matrix, x),
        lambda x: matmul(matrix.T, x),
        RANDOM.standard_normal((40, 6)),
        1,
    )
    np.testing.assert_allclose(left * sizes @ right, matrix, atol=1e-11)
    np.testing.assert_allclose(sizes, np.linalg.svd(matrix)[1][:6], rtol=1e-12)
