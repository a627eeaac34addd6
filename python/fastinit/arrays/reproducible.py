"""Sums, products and factorizations whose bits depend on their arguments alone.

NumPy and BLAS leave the order of sums open: it depends on the library, the processor and the number
of threads. Here sums are trees of a fixed shape, and products of matrices are made of products of
integers that are exact in float64, in whatever order BLAS adds them (Ozaki et al., "Error-free
transformations of matrix multiplication", Numerical Algorithms 59, 2012). All else is elementwise
arithmetic of IEEE 754.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_ROWS = 256  # of a product that are computed at a time
LEAST = -900  # exponent: rows of smaller numbers keep fewer digits
_SWEEPS = 40  # of Jacobi rotations, of which ten suffice in practice


def tree_sum(values: NDArray[Any], axis: int = -1) -> Array:
    """Return the sums along an axis in float64, each as a tree that halves the axis.

    Zeros are appended up to a power of two; then the second half is added to the first until one
    element is left. The error is at most log2(n) roundings.

    Example:
        >>> import numpy as np
        >>> from fastinit.arrays.reproducible import tree_sum
        >>> tree_sum(np.arange(6.0).reshape(2, 3))
        array([ 3., 12.])
    """
    rows = np.moveaxis(values, axis, 0)
    count = rows.shape[0]
    if count == 0:
        return np.zeros(rows.shape[1:])
    half = 1 << max(count - 1, 0).bit_length() - 1 if count > 1 else 0
    total = rows[: half or 1].astype(np.float64)
    if half:
        total[: count - half] += rows[half:]
    while half > 1:
        half //= 2
        total[:half] += total[half : 2 * half]
    found: Array = total[0]
    return found


def norms(values: NDArray[Any], axis: int = -1) -> Array:
    """Return the Euclidean norms along an axis in float64, of complex numbers by their moduli.

    Example:
        >>> import numpy as np
        >>> from fastinit.arrays.reproducible import norms
        >>> norms(np.float32([[3, 4]])), norms(np.complex64([[3j, 4]]))
        (array([5.]), array([5.]))
    """
    wide = values.real.astype(np.float64)
    squares = wide * wide
    if values.dtype.kind == "c":
        other = values.imag.astype(np.float64)
        squares += other * other
    found: Array = np.sqrt(tree_sum(squares, axis))
    return found


def matmul(left: NDArray[Any], right: NDArray[Any], slices: int = 3) -> Array:
    """Return the product of two matrices in float64.

    Each row of ``left`` and column of ``right`` is divided into ``slices`` slices of integers of b
    bits, times powers of two, such that 2 b + log2(n) <= 53 for sums of n products. The error of an
    element is below n 2^(1 - b slices) times the largest magnitudes of its row and its column.

    Args:
        left: A matrix of any float dtype.
        right: A matrix with as many rows as ``left`` has columns.
        slices: 2 for some 12 digits, 3 for those of float64.

    Example:
        >>> import numpy as np
        >>> from fastinit.arrays.reproducible import matmul
        >>> matmul(np.eye(2), np.array([[0.1, 0.2], [0.3, 0.4]]))
        array([[0.1, 0.2],
               [0.3, 0.4]])
    """
    inner = left.shape[1]
    bits = bits_of(inner)
    columns, units = sliced(right.T, bits, slices)
    turned = [np.ascontiguousarray(each.T) for each in columns]
    found = np.empty((left.shape[0], right.shape[1]))
    for start in range(0, left.shape[0], _ROWS):
        rows, own = sliced(left[start : start + _ROWS], bits, slices)
        found[start : start + _ROWS] = product_of_slices(rows, turned, bits) * own[:, None] * units
    return found


def product_of_slices(rows: Sequence[Array], columns: Sequence[Array], bits: int) -> Array:
    """Return the product of two matrices that are given as slices, in the units of the first ones.

    Args:
        rows: The slices of the first matrix.
        columns: As many slices of the second matrix.
        bits: The number of bits of a slice.
    """
    total = np.zeros((len(rows[0]), columns[0].shape[1]))
    for order in reversed(range(len(rows))):  # the small ones first
        for k in range(order + 1):
            total += (rows[k] @ columns[order - k]) * 2.0 ** (-bits * order)
    return total


def bits_of(inner: int) -> int:
    """Return the bits of integers for which sums of ``inner`` products are exact in float64."""
    return (53 - max(inner - 1, 0).bit_length()) // 2


def sliced(rows: NDArray[Any], bits: int, slices: int) -> tuple[list[Array], Array]:
    """Return the slices of each row as integers, and the unit of those of the first slice.

    Args:
        rows: A matrix.
        bits: The number of bits of a slice.
        slices: The number of slices.
    """
    rest = rows.astype(np.float64)
    largest = np.maximum(rest.max(axis=1, initial=0.0), -rest.min(axis=1, initial=0.0))
    exponents = np.maximum(np.frexp(largest)[1], LEAST)
    rest *= np.ldexp(1.0, bits - exponents)[:, None]
    found = []
    for k in range(slices):
        found.append(np.rint(rest))
        if k + 1 < slices:
            rest -= found[-1]
            rest *= 2.0**bits
    return found, np.ldexp(1.0, exponents - bits)


def qr(matrix: NDArray[Any]) -> tuple[Array, Array]:
    """Return Q with orthonormal columns, and R, upper triangular with a diagonal >= 0.

    The method is that of Householder.

    Args:
        matrix: A matrix with as many rows as columns, or more.

    Example:
        >>> import numpy as np
        >>> from fastinit.arrays.reproducible import qr
        >>> q, r = qr(np.array([[3.0], [4.0]]))
        >>> q.round(15), r
        (array([[0.6],
               [0.8]]), array([[5.]]))
    """
    work = matrix.astype(np.float64)
    rows, count = work.shape
    reflectors: list[tuple[Array, float]] = []
    for k in range(count):
        column = work[k:, k].copy()
        norm = float(norms(column))
        column[0] += math.copysign(norm, column[0])
        square = float(tree_sum(column * column))
        factor = 2.0 / square if square else 0.0
        reflectors.append((column, factor))
        _reflect(work[k:, k:], column, factor)
    upper = np.triu(work[:count])
    q = np.zeros((rows, count))
    np.fill_diagonal(q, 1.0)
    for k in reversed(range(count)):
        _reflect(q[k:, k:], *reflectors[k])
    signs = np.where(np.diag(upper) < 0, -1.0, 1.0)
    return q * signs, upper * signs[:, None]


def _reflect(block: Array, vector: Array, factor: float) -> None:
    """Apply I - factor v v' to a block in place."""
    dots = tree_sum(vector[:, None] * block, 0)
    block -= vector[:, None] * (factor * dots)


def svd(matrix: NDArray[Any]) -> tuple[Array, Array, Array]:
    """Return U, the singular values in decreasing order, and V', by one-sided Jacobi rotations.

    Args:
        matrix: A matrix of a few hundred columns at most, and as many rows or more.

    Example:
        >>> import numpy as np
        >>> from fastinit.arrays.reproducible import svd
        >>> svd(np.diag([1.0, 2.0]))[1]
        array([2., 1.])
    """
    q, upper = qr(matrix)
    columns = np.ascontiguousarray(upper)  # row k is column k of R'
    count = columns.shape[0]
    turned = np.eye(count)
    rounds = _rounds(count)
    for _ in range(_SWEEPS):
        apart = [_rotate(columns, turned, *each) for each in rounds]
        if not any(apart):
            break
    sizes = norms(columns)
    order = np.argsort(-sizes, kind="stable")
    sizes = sizes[order]
    right = columns[order] / np.where(sizes > 0, sizes, 1.0)[:, None]
    left = matmul(q, np.ascontiguousarray(turned[order].T))
    return left, sizes, right


def _rounds(count: int) -> list[tuple[Any, Any]]:
    """Return pairs of rows, in rounds in which each row occurs once, so that each pair meets."""
    players: list[int | None] = [*range(count), *([None] if count % 2 else [])]
    found = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = zip(players[:half], players[: half - 1 : -1], strict=True)
        kept = [(min(a, b), max(a, b)) for a, b in pairs if a is not None and b is not None]
        if kept:
            first, second = zip(*kept, strict=True)
            found.append((np.array(first), np.array(second)))
        players[1:] = [players[-1], *players[1:-1]]
    return found


def _rotate(rows: Array, turned: Array, first: Any, second: Any) -> bool:
    """Make pairs of rows orthogonal; return whether one of them was not."""
    a, b = rows[first], rows[second]
    aa, bb, ab = tree_sum(a * a), tree_sum(b * b), tree_sum(a * b)
    is_apart = np.abs(ab) > 1e-15 * np.sqrt(aa * bb)
    if not is_apart.any():
        return False
    with np.errstate(all="ignore"):
        zeta = (bb - aa) / (2.0 * ab)
        tangent = np.where(zeta < 0, -1.0, 1.0) / (np.abs(zeta) + np.sqrt(1.0 + zeta * zeta))
    tangent = np.where(is_apart, tangent, 0.0)
    cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
    sine = cosine * tangent
    for each in (rows, turned):
        x, y = each[first], each[second]
        each[first] = cosine[:, None] * x - sine[:, None] * y
        each[second] = sine[:, None] * x + cosine[:, None] * y
    return True


def leading_svd(
    times: Callable[[Array], Array],
    transposed_times: Callable[[Array], Array],
    sketch: Array,
    rounds: int,
) -> tuple[Array, Array, Array]:
    """Return the leading singular vectors and values of a matrix, from products with it.

    The randomized method of Halko, Martinsson and Tropp (SIAM Review 53, 2011, algorithms 4.4 and
    5.1), with as many triplets as ``sketch`` has columns.

    Args:
        times: Returns the product with a matrix.
        transposed_times: Returns the product of the transposed matrix with a matrix.
        sketch: A random matrix of as many rows as the matrix has columns.
        rounds: The number of power iterations.
    """
    basis = qr(times(sketch))[0]
    for _ in range(rounds):
        basis = qr(times(qr(transposed_times(basis))[0]))[0]
    right, sizes, left = svd(transposed_times(basis))
    return matmul(basis, np.ascontiguousarray(left.T)), sizes, np.ascontiguousarray(right.T)
