"""Eigenvalues and spectral norms whose bits depend on their arguments alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.arrays.reproducible import (
    LEAST,
    bits_of,
    matmul,
    norms,
    product_of_slices,
    qr,
    sliced,
)
from fastinit.native import _cpu

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def eigen(matrix: NDArray[Any]) -> tuple[Array, Array]:
    """Return the eigenvalues of a symmetric matrix in decreasing order, and the eigenvectors.

    Args:
        matrix: A symmetric matrix of finite numbers, of up to a few thousand rows.

    Returns:
        The eigenvalues, and the eigenvectors as rows in the same order.

    Example:
        >>> import numpy as np
        >>> from fastinit.arrays.spectral import eigen
        >>> eigen(np.array([[2.0, 1.0], [1.0, 2.0]]))[0].round(12)
        array([3., 1.])
    """
    unit = _unit(matrix)
    vectors = np.ascontiguousarray(matrix.astype(np.float64) / unit)  # no square overflows
    values = np.empty(len(vectors))
    _cpu.eigenvectors(vectors, values)
    order = np.argsort(-values, kind="stable")
    return values[order] * unit, vectors[order]


def _unit(matrix: NDArray[Any]) -> float:
    """Return the power of two above the largest magnitude."""
    largest = max(float(matrix.max(initial=0.0)), -float(matrix.min(initial=0.0)))
    return math.ldexp(1.0, max(math.frexp(largest)[1], LEAST))


class FixedPoint:
    """A matrix as integers times one power of two, for products with many others.

    The products are exact but for the rounding of both factors. One unit for all elements allows
    products from both sides, which those of ``matmul`` with a unit per row do not.

    Args:
        matrix: A matrix of finite numbers.
        slices: 1 for some 6 digits of the largest element, 2 for 12 and 3 for those of float64.
    """

    def __init__(self, matrix: NDArray[Any], slices: int) -> None:
        self._bits = bits_of(max(matrix.shape))
        self._unit = _unit(matrix) * 2.0**-self._bits
        rest = matrix.astype(np.float64) / self._unit
        self._slices = []
        for _ in range(slices):
            self._slices.append(np.rint(rest))
            rest -= self._slices[-1]
            rest *= 2.0**self._bits

    def times(self, right: Array) -> Array:
        """Return the product with another matrix."""
        return self._times(self._slices, right)

    def transposed_times(self, right: Array) -> Array:
        """Return the product of the transposed matrix with another one."""
        return self._times([each.T for each in self._slices], right)

    def _times(self, rows: list[Array], right: Array) -> Array:
        columns, units = sliced(right.T, self._bits, len(rows))
        turned = [np.ascontiguousarray(each.T) for each in columns]
        return product_of_slices(rows, turned, self._bits) * (units * self._unit)


def spectral_norm(matrix: NDArray[Any], start: NDArray[Any], tolerance: float) -> float:
    """Return the largest singular value of a matrix, by block power iteration with all powers kept.

    The largest Ritz value of the Krylov space of A'A and ``start`` is found for more and more
    powers, until its residual says that a singular value lies within ``tolerance`` of it.

    Args:
        matrix: A matrix A with as many rows as columns, or more.
        start: Random vectors, as columns of as many rows as the matrix has columns.
        tolerance: The largest relative distance from a singular value.

    Example:
        >>> import numpy as np
        >>> from fastinit.arrays.spectral import spectral_norm
        >>> spectral_norm(np.diag([3.0, 4.0]), np.ones((2, 1)), 1e-6).__round__(5)
        4.0
    """
    slices = 1 if tolerance >= 1e-3 else 2 if tolerance >= 1e-9 else 3
    exact = min(slices + 1, 3)  # the basis is orthogonal to more digits
    of, limit = FixedPoint(matrix, slices), matrix.shape[1]
    basis = qr(start[:, :limit])[0]
    images = of.times(basis)
    back = of.transposed_times(images)
    gram = matmul(images.T, images, exact)
    while True:
        squares, vectors = eigen(gram)
        ritz, square = np.ascontiguousarray(vectors[:1].T), float(squares[0])
        residual = matmul(back, ritz, exact) - square * matmul(basis, ritz, exact)
        # |s^2 - square| <= residual for a singular value s
        if float(norms(residual, 0)[0]) <= 2 * tolerance * square or basis.shape[1] == limit:
            return math.sqrt(max(square, 0.0))
        fresh = back[:, -start.shape[1] :][:, : limit - basis.shape[1]]
        for _ in range(2):
            fresh = fresh - matmul(basis, matmul(basis.T, fresh, exact), exact)
        fresh = qr(fresh)[0]
        new = of.times(fresh)
        beside = matmul(images.T, new, exact)
        gram = np.block([[gram, beside], [beside.T, matmul(new.T, new, exact)]])
        basis = np.concatenate([basis, fresh], axis=1)
        images = np.concatenate([images, new], axis=1)
        back = np.concatenate([back, of.transposed_times(new)], axis=1)
