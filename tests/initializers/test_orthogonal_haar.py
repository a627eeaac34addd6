"""Orthogonal matrices are Haar-distributed: uniform under every rotation.

Seeds are fixed. A mean of n samples may be off by five standard errors, as one in 1.7 million is;
a test of uniformity fails at p < 1e-5.
"""

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

import fastinit

# (size, matrices): moments of traces are exact from size 4 on; blocks are 16 or 32 reflectors.
SIZES = [(4, 40000), (17, 20000), (33, 8000), (140, 400)]
SMALLEST_P = 1e-5


def matrices(size: int, count: int, seed: int = 11) -> NDArray[np.float64]:
    """A batch of square matrices."""
    q = fastinit.orthogonal((count, size, size), layout="boi", seed=seed)
    return np.asarray(q, np.float64)


def check_mean(samples: NDArray[Any], expected: float, what: object) -> None:
    """Fail unless the mean is within five standard errors."""
    error = samples.std() / np.sqrt(samples.size)
    assert abs(samples.mean() - expected) <= 5 * error, (what, samples.mean(), expected, error)


@pytest.mark.parametrize(("size", "count"), SIZES)
def test_trace_moments(size: int, count: int) -> None:
    """E tr Q = 0, E (tr Q)^2 = 1, E (tr Q)^4 = 3 and E tr Q^2 = 1 (Diaconis and Shahshahani)."""
    q = matrices(size, count)
    trace = np.trace(q, axis1=1, axis2=2)
    check_mean(trace, 0, "tr Q")
    check_mean(trace**2, 1, "(tr Q)^2")
    check_mean(trace**4, 3, "(tr Q)^4")
    check_mean(np.einsum("pij,pji->p", q, q), 1, "tr Q^2")


def test_eigenvalues_repel_evenly() -> None:
    """E tr Q^k is 1 for even k and 0 for odd k: no angle is preferred."""
    q = matrices(24, 3000)
    power = q
    for k in range(2, 7):
        power = power @ q
        check_mean(np.trace(power, axis1=1, axis2=2), 1 - k % 2, f"tr Q^{k}")


def test_angles_are_uniform() -> None:
    """One eigenvalue of each matrix has its angle anywhere on (0, pi)."""
    values = np.linalg.eigvals(matrices(40, 1500))
    chooser = np.random.default_rng(0)
    angles = [
        chooser.choice(np.angle(row[row.imag > 1e-9])) for row in values if (row.imag > 1e-9).any()
    ]
    # Beside the fixed eigenvalues +1 and -1 of some classes, the density is even up to 1 / n.
    counts = np.histogram(angles, bins=8, range=(0, np.pi))[0]
    assert np.all(np.abs(counts / np.mean(counts) - 1) < 5 / np.sqrt(np.mean(counts)) + 1 / 40)


@pytest.mark.parametrize("size", [1, 2, 3, 16, 33])
def test_determinants_are_even(size: int) -> None:
    """Both signs occur half of the time."""
    signs = np.linalg.slogdet(matrices(size, 4000))[0]
    positive = int((signs > 0).sum())
    assert stats.binomtest(positive, 4000).pvalue > SMALLEST_P


@pytest.mark.parametrize("shape", [(5, 5), (20, 20), (9, 4), (4, 9), (40, 33)])
def test_every_entry_is_alike(shape: tuple[int, int]) -> None:
    """The mean is 0 and the variance 1 / M, also in the first and last column and corner."""
    count = 12000
    q = np.asarray(fastinit.orthogonal((count, *shape), layout="boi", seed=3), np.float64)
    for row, column in itertools.product((0, shape[0] // 2, -1), (0, shape[1] // 2, -1)):
        entry = q[:, row, column]
        check_mean(entry, 0, (row, column))
        check_mean(entry**2, 1 / max(shape), (row, column))


@pytest.mark.parametrize("column", [0, 7, -1])
def test_columns_are_uniform_on_the_sphere(column: int) -> None:
    """An entry's square has the beta distribution, in the first column as in the last."""
    size = 18
    entries = matrices(size, 5000)[:, :, column]
    for row in (0, 9, -1):
        p = stats.kstest(entries[:, row] ** 2, stats.beta(0.5, (size - 1) / 2).cdf).pvalue
        assert p > SMALLEST_P, row


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_rotation_changes_nothing(side: str) -> None:
    """R Q and Q R have the moments of Q, for a fixed rotation R."""
    size = 6
    rotation = np.linalg.qr(np.random.default_rng(5).standard_normal((size, size)))[0]
    q = matrices(size, 40000)
    turned = rotation @ q if side == "left" else q @ rotation
    trace = np.trace(turned, axis1=1, axis2=2)
    check_mean(trace, 0, "tr Q")
    check_mean(trace**2, 1, "(tr Q)^2")
    check_mean(trace**4, 3, "(tr Q)^4")
    check_mean(np.einsum("pij,pji->p", turned, turned), 1, "tr Q^2")
    for row, column in ((0, 0), (5, 5), (0, 5)):
        check_mean(turned[:, row, column] ** 4, 3 / (size * (size + 2)), (row, column))


def test_matrices_of_a_batch_are_independent() -> None:
    """Neighbors are uncorrelated: E tr(Q_p' Q_(p+1)) = 0, with variance 1."""
    q = matrices(7, 30000)
    product = np.einsum("pij,pij->p", q[:-1], q[1:])
    check_mean(product, 0, "tr")
    check_mean(product**2, 1, "tr^2")
