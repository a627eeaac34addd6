"""Splines of KANs, compared with the recursion of Cox and de Boor and a pseudoinverse."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastinit import FanInUniform, KanSpline, Plan, uniform
from helpers.bits import check_bits


def bases(intervals: int, order: int) -> NDArray[Any]:
    """The B-splines at the knots of a grid from -1 to 1, which is extended by ``order`` knots."""
    step = 2 / intervals
    grid = np.arange(-order, intervals + order + 1) * step - 1
    x = (np.arange(intervals + 1) * step - 1)[:, None]
    found = np.eye(intervals + 1, len(grid) - 1, order)
    for k in range(1, order + 1):
        left = (x - grid[: -k - 1]) / (grid[k:-1] - grid[: -k - 1]) * found[:, :-1]
        right = (grid[k + 1 :] - x) / (grid[k + 1 :] - grid[1:-k]) * found[:, 1:]
        found = left + right
    return found


@pytest.mark.parametrize(("intervals", "order"), [(5, 3), (1, 3), (20, 3), (3, 2), (7, 1), (40, 5)])
def test_shortest_coefficients_through_noise(intervals: int, order: int) -> None:
    """The noise is that of the stream, and a spline goes through it at all knots."""
    spline = KanSpline(order, 0.3)
    found = spline((6, 4, intervals + order), seed=3, name="w", dtype="float64")
    half = 0.3 / (2 * intervals)
    u = uniform((6, 4, intervals + 1), -half, half, seed=3, name="w", dtype="float64")
    matrix = bases(intervals, order)
    np.testing.assert_allclose(found @ matrix.T, u, atol=1e-14 * half, rtol=1e-12)
    np.testing.assert_allclose(found, u @ np.linalg.pinv(matrix).T, rtol=1e-10, atol=1e-12 * half)


def test_moments() -> None:
    shape = (200, 100, 8)
    known = KanSpline().moments(shape)
    assert known is not None
    mean, std = known
    drawn = KanSpline()(shape, seed=0, name="w")
    assert mean == 0
    assert abs(drawn.mean(dtype=float)) < 6 * std / np.sqrt(drawn.size / 8)
    assert drawn.std(dtype=float) == pytest.approx(std, rel=0.01)


def test_too_few_coefficients() -> None:
    with pytest.raises(ValueError, match="order=3 needs a last axis of more than 3 coefficients"):
        KanSpline()((4, 3), seed=0, name="w")


def test_recipe() -> None:
    """The names and the values of efficient-kan."""
    names = {"base_weight": (9, 6), "spline_weight": (9, 6, 8), "spline_scaler": (9, 6)}
    shapes = {f"layers.0.{name}": shape for name, shape in names.items()}
    drawn = Plan(shapes, "kan", seed=0).init()
    for name, shape in shapes.items():
        what = KanSpline() if name.endswith("spline_weight") else FanInUniform()
        check_bits(drawn[name], what(shape, seed=0, name=name))
