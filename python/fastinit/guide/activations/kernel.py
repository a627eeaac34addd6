"""The kernel of a function: E f(x) f(y) of normal variables with a correlation."""

from __future__ import annotations

import functools
import math

import numpy as np

from fastinit.guide.activations.elementwise import Array, Function
from fastinit.guide.activations.quadrature import (
    EDGES,
    NODES,
    POINTS,
    WEIGHTS,
    Resolved,
    density,
    resolve,
)

_TERMS = 300  # the nodes of half an interval integrate this Hermite polynomial
_ACCURACY = 1e-13  # of the series, relative to E f^2
_AGREEMENT = 1e-11  # of two quadratures
_MOST_PARTS = 16
_REACH = 12.0  # standard deviations of the variable across the diagonal
_STEP = 3.0  # the width of its intervals
_MOST_POINTS = 1 << 20  # at a time


class Kernel:
    """E f(x) f(y) of standard normal x and y, as a function of their correlation.

    It is the series of the squared Hermite coefficients, the dual activation of Daniely et al.
    2016 (arXiv 1602.05897). Close to a correlation of 1 or -1 the series of a function with kinks
    takes too many terms. There the integral is computed in coordinates along and across the
    diagonal, split where either variable is at a kink.
    """

    def __init__(self, function: Function, resolved: Resolved, name: str) -> None:
        self._function, self._resolved, self._name = function, resolved, name

    @functools.cached_property
    def coefficients(self) -> Array:
        """The squares of the first coefficients in normalized Hermite polynomials."""
        points = self._resolved.points.reshape(-1)
        weighted = (self._resolved.weights * self._resolved.values).reshape(-1)
        before, now = np.zeros_like(points), np.ones_like(points)
        found = np.empty(_TERMS)
        for n in range(_TERMS):
            found[n] = weighted @ now
            before, now = now, (points * now - math.sqrt(n) * before) / math.sqrt(n + 1)
        return found**2

    @np.errstate(all="ignore")
    def __call__(self, correlation: float) -> float:
        """Return E f(x) f(y); ``correlation`` is within [-1, 1]."""
        total = self._resolved.second_moment
        if correlation == 1:
            return total
        if abs(correlation) ** _TERMS * self._rest <= _ACCURACY * total:
            return self.series(correlation)
        if correlation == -1:
            return self._opposite()
        return self._near_diagonal(correlation)

    def series(self, correlation: float) -> float:
        """Return the sum of the series, with its rest at the power of the first term left out.

        The error is less than the rest, which is 0 of smooth functions, 1e-5 of those with kinks.
        """
        powers = correlation ** np.arange(_TERMS + 1)
        return float(np.sum(np.append(self.coefficients, self._rest) * powers))

    @functools.cached_property
    def _rest(self) -> float:
        return max(self._resolved.second_moment - float(self.coefficients.sum()), 0.0)

    def _opposite(self) -> float:
        """Return E f(x) f(-x)."""
        shifted = 2.0 * math.sqrt(self._resolved.second_moment)  # so that it is nowhere 0
        product = resolve(lambda x: shifted + self._function(x) * self._function(-x), self._name)
        return product.mean - shifted

    def _near_diagonal(self, correlation: float) -> float:
        """Return E f(x) f(y) by quadrature, with more intervals until two results agree."""
        parts, last = 1, math.inf
        while True:
            found = self._quadrature(correlation, parts)
            is_settled = abs(found - last) <= _AGREEMENT * self._resolved.second_moment
            if is_settled or parts == _MOST_PARTS:
                return found
            parts, last = 2 * parts, found

    def _quadrature(self, correlation: float, parts: int) -> float:
        """Return E f(x) f(y) with x = c p + s m and y = c p - s m, up to the sign of both."""
        sign = math.copysign(1.0, correlation)
        along = math.sqrt((1 + abs(correlation)) / 2)
        across = math.sqrt((1 - abs(correlation)) / 2)
        kinks, mirrored = self._resolved.kinks, sign * self._resolved.kinks
        layers = np.arange(-3, 4) * _STEP * across
        sharp = (np.concatenate([kinks, mirrored])[:, None] + layers).reshape(-1) / along
        p, outer = _rule(np.sort(np.concatenate([EDGES, sharp]))[None], parts)
        p, outer = p.reshape(-1), outer.reshape(-1)
        fixed = np.arange(-_REACH, _REACH + _STEP, _STEP)
        rows = max(1, _MOST_POINTS // ((len(fixed) + 2 * len(kinks)) * NODES * parts))
        found = 0.0
        for start in range(0, len(p), rows):
            at = along * p[start : start + rows, None]
            splits = np.concatenate([(kinks - at) / across, (at - mirrored) / across], axis=1)
            edges = [np.broadcast_to(fixed, (len(at), len(fixed))), splits.clip(-_REACH, _REACH)]
            m, inner = _rule(np.sort(np.concatenate(edges, axis=1), axis=1), parts)
            left = self._values(at[:, :, None] + across * m)
            right = self._values(sign * (at[:, :, None] - across * m))
            sums = np.sum(inner * left * right, axis=(1, 2))
            found += float(np.sum(outer[start : start + rows] * sums))
        return found

    def _values(self, points: Array) -> Array:
        found = self._function(points.reshape(-1))
        return np.asarray(found, dtype=np.float64).reshape(points.shape)


def _rule(edges: Array, parts: int) -> tuple[Array, Array]:
    """Return nodes and weights, with the normal density, of intervals between edges in rows.

    Every interval is divided into equal parts.
    """
    low, width = edges[:, :-1, None], np.diff(edges)[:, :, None] / parts
    starts = (low + width * np.arange(parts)).reshape(len(edges), -1, 1)
    half = 0.5 * np.repeat(width, parts, axis=1)
    nodes = starts + half + half * POINTS
    return nodes, half * WEIGHTS * density(nodes)
