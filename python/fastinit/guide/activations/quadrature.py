"""Functions of a standard normal variable, resolved as polynomials in pieces.

Between its kinks an activation is smooth, so that on a short interval a polynomial of degree 15
through Gauss-Legendre nodes is the function to the last digits: it gives integrals and slopes.
Intervals are halved until that is so. At a kink or a jump it never is; there the halves shrink to
the spacing of numbers, which finds the kink and makes the error of its interval vanish.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre

from fastinit.guide.activations.elementwise import Array, Function

NODES = 16
POINTS, WEIGHTS = legendre.leggauss(NODES)
_VANDERMONDE = legendre.legvander(POINTS, NODES - 1)
_TO_COEFFICIENTS = _VANDERMONDE * WEIGHTS[:, None] * (np.arange(NODES) + 0.5)
_TO_SLOPES = _TO_COEFFICIENTS @ np.stack(
    [legendre.legval(POINTS, legendre.legder(unit)) for unit in np.eye(NODES)]
)

# The first intervals: halves up to 13, then wider ones, up to where the density underflows. They
# are shifted, so that no edge is at a kink, which would hide it.
_SHIFT = 0.0137
_FAR = (16.0, 20.0, 25.0, 31.0, 38.5)
EDGES = np.array([*(-each for each in reversed(_FAR)), *np.arange(-13, 13.5, 0.5), *_FAR]) + _SHIFT
_DEEPEST = 47  # halvings, to 4e-15
_KINK = 8  # halvings that show a kink, or something as sharp
_MOST = 200_000  # intervals
_JUMP = 1e-7  # relative to the root mean square, between points as near as this:
_NEIGHBORS = 1e-13
_TOLERANCE, _SLOPE_TOLERANCE = 1e-14, 1e-12
_ROUNDING = 8  # rounding errors, of a value and of its argument, that a coefficient may have
_SLOWEST = 1e-8  # part of E f^2 beyond 28 standard deviations, and in the shortest intervals


@dataclasses.dataclass(frozen=True, eq=False)
class Resolved:
    """A function of a standard normal variable.

    Attributes:
        points: nodes, as many rows as intervals.
        weights: the weights of the nodes, with the normal density: they sum to 1.
        values: the function at the nodes.
        slopes: its derivative there.
        kinks: where it is not smooth, in order.
        has_jumps: whether it is discontinuous.
    """

    points: Array
    weights: Array
    values: Array
    slopes: Array
    kinks: Array
    has_jumps: bool

    @functools.cached_property
    def mean(self) -> float:
        """E f."""
        return float(np.sum(self.weights * self.values))

    @functools.cached_property
    def second_moment(self) -> float:
        """E f^2."""
        return float(np.sum(self.weights * self.values**2))

    @functools.cached_property
    def slope_second_moment(self) -> float:
        """E f'^2, infinite where the function jumps."""
        return math.inf if self.has_jumps else float(np.sum(self.weights * self.slopes**2))


@dataclasses.dataclass(frozen=True, eq=False)
class _Intervals:
    """Intervals, how often they were halved, and the values of a function at their nodes."""

    low: Array
    high: Array
    depth: Array
    values: Array

    def select(self, which: npt.NDArray[Any]) -> _Intervals:
        """Return the intervals that a mask or an order names."""
        return _Intervals(self.low[which], self.high[which], self.depth[which], self.values[which])


@np.errstate(all="ignore")
def resolve(function: Function, name: str) -> Resolved:
    """Return a function of a standard normal variable, resolved.

    Raises:
        ValueError: a value is not finite, E f^2 is infinite, or the function is too irregular.
    """
    low, high, depth = EDGES[:-1], EDGES[1:], np.zeros(len(EDGES) - 1)
    kept: list[_Intervals] = []
    scale = slope_scale = eps = 0.0
    for level in range(_DEEPEST + 1):
        values, precision = _evaluate(function, _nodes(low, high), name)
        found = _Intervals(low, high, depth, values)
        if level == 0:
            eps = precision
            scale, slope_scale = _scales(found)
        is_fine = _is_resolved(found, scale, slope_scale, eps)
        if level == _DEEPEST:
            is_fine[:] = True
        kept.append(found.select(is_fine))
        low, high = _halves(low[~is_fine], high[~is_fine])
        depth = np.full(len(low), level + 1.0)
        if not len(low):
            break
        if len(low) + sum(len(each.low) for each in kept) > _MOST:
            raise ValueError(
                f"activation={name} is too irregular: {_MOST} intervals do not resolve it; pass a "
                "function that is smooth in pieces"
            )
    joined = _Intervals(
        np.concatenate([each.low for each in kept]),
        np.concatenate([each.high for each in kept]),
        np.concatenate([each.depth for each in kept]),
        np.concatenate([each.values for each in kept]),
    )
    return _finished(joined.select(np.argsort(joined.low)), name)


def _nodes(low: Array, high: Array) -> Array:
    """Return the Gauss-Legendre nodes of each interval, in rows."""
    nodes: Array = 0.5 * (low + high)[:, None] + 0.5 * (high - low)[:, None] * POINTS
    return nodes


def _halves(low: Array, high: Array) -> tuple[Array, Array]:
    middle = 0.5 * (low + high)
    return np.concatenate([low, middle]), np.concatenate([middle, high])


def density(points: Array) -> Array:
    """Return the standard normal density."""
    found: Array = np.exp(-0.5 * points**2) / math.sqrt(2.0 * math.pi)
    return found


def _evaluate(function: Function, points: Array, name: str) -> tuple[Array, float]:
    """Return finite values, and the rounding error of 1 in their dtype."""
    found = function(points.reshape(-1))
    values = np.asarray(found, dtype=np.float64).reshape(points.shape)
    wrong = ~np.isfinite(values)
    if wrong.any():
        where = points[wrong][np.argmin(np.abs(points[wrong]))]
        what = values[wrong][np.argmin(np.abs(points[wrong]))]
        raise ValueError(
            f"activation={name} is {what} at {where:.4g}, so its moments are not finite; pass a "
            "function that is finite for all real numbers"
        )
    return values, float(np.finfo(found.dtype).eps)


def _scales(found: _Intervals) -> tuple[float, float]:
    """Return first estimates of E f^2 and E f'^2."""
    half = 0.5 * (found.high - found.low)[:, None]
    weights = half * WEIGHTS * density(_nodes(found.low, found.high))
    slopes = found.values @ _TO_SLOPES / half
    second = float(np.sum(weights * found.values**2))
    return second, float(np.sum(weights * slopes**2)) + 1e-6 * second


def _is_resolved(
    found: _Intervals, scale: float, slope_scale: float, eps: float
) -> npt.NDArray[np.bool_]:
    """Return where the last coefficients are so small that the moments have all their digits."""
    width = found.high - found.low
    nearest = np.where(found.low * found.high < 0, 0.0, np.minimum(abs(found.low), abs(found.high)))
    coefficients = found.values @ _TO_COEFFICIENTS
    rest = np.abs(coefficients[:, -3:]).max(axis=1)
    largest = np.abs(found.values).max(axis=1)
    steepest = np.abs(found.values @ _TO_SLOPES).max(axis=1) * 2.0 / width
    weight = density(nearest)
    relaxed = eps / np.finfo(np.float64).eps
    is_fine = weight * width * rest * largest <= _TOLERANCE * relaxed * scale
    is_fine &= weight * rest * NODES**2 * steepest <= _SLOPE_TOLERANCE * relaxed * slope_scale
    moved = np.maximum(abs(found.low), abs(found.high)) * abs(coefficients[:, 1]) * 2.0 / width
    resolved: npt.NDArray[np.bool_] = is_fine | (rest <= _ROUNDING * eps * (largest + moved))
    return resolved


def _finished(found: _Intervals, name: str) -> Resolved:
    """Return the result of all intervals, which are in order."""
    points = _nodes(found.low, found.high)
    half = 0.5 * (found.high - found.low)[:, None]
    weights = half * WEIGHTS * density(points)
    slopes = found.values @ _TO_SLOPES / half
    parts = np.sum(weights * found.values**2, axis=1)
    total = float(parts.sum())
    is_deepest = found.depth == _DEEPEST
    is_far = np.abs(found.low + found.high) > 2 * _FAR[-2]
    if not math.isfinite(total) or parts[is_far | is_deepest].sum() > _SLOWEST * total:
        raise ValueError(
            f"activation={name} is so large far from 0, or at a pole, that E f^2 of a normal "
            "variable is infinite or cannot be computed; pass a function that grows more slowly"
        )
    slopes[is_deepest] = 0.0  # without weight, and meaningless where a kink is
    steps = np.abs(np.diff(found.values.reshape(-1)))[np.diff(points.reshape(-1)) < _NEIGHBORS]
    has_jumps = bool((steps > _JUMP * math.sqrt(total)).any())
    return Resolved(points, weights, found.values, slopes, _kinks(found), has_jumps)


def _kinks(found: _Intervals) -> Array:
    """Return the centers of runs of short intervals that are shorter than those beside them."""
    starts = np.flatnonzero(np.diff(found.depth, prepend=np.nan))
    ends = [*starts[1:], len(found.depth)]
    depths = [0.0, *found.depth[starts], 0.0]
    return np.array(
        [
            0.5 * (found.low[start] + found.high[end - 1])
            for k, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
            if depths[k] >= _KINK and depths[k] > max(depths[k - 1], depths[k + 1])
        ]
    )
