"""The theoretical densities of an initializer's values and of its matrices' singular values."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fastinit.initializers import (
    Initializer,
    LogUniform,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
)
from fastinit.initializers.gains import gain_of

_GRID = 4001  # points at which the law of Marchenko and Pastur is integrated

Array = npt.NDArray[np.float64]


def density(drawn: Initializer, x: Array) -> tuple[list[float], list[float]] | None:
    """Return the points and the density there; None where no closed form is known."""
    if isinstance(drawn, Normal) and drawn.std:
        found = _normal((x - drawn.mean) / drawn.std) / drawn.std
    elif isinstance(drawn, TruncatedNormal) and drawn.std:
        z = (x - drawn.mean) / drawn.std_before
        upper, lower = (math.erf(each / math.sqrt(2)) for each in (drawn.upper, drawn.lower))
        inside = (z >= drawn.lower) & (z <= drawn.upper)
        found = inside * _normal(z) / drawn.std_before / ((upper - lower) / 2)
    elif isinstance(drawn, Uniform) and drawn.low < drawn.high:
        found = np.full_like(x, 1 / (drawn.high - drawn.low))
    elif isinstance(drawn, LogUniform) and drawn.low < drawn.high:
        found = 1 / (x * math.log(drawn.high / drawn.low))
    else:
        return None
    return x.tolist(), found.tolist()


def _normal(z: Array) -> Array:
    found: Array = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return found


def singular_values(drawn: Initializer, shape: tuple[int, ...]) -> tuple[float, ...]:
    """Return those expected of a matrix of the first axis and all others; () where not known."""
    rows, columns = shape[0], math.prod(shape[1:])
    few = min(rows, columns)
    if isinstance(drawn, Orthogonal) and drawn.layout.startswith("oi"):
        return (gain_of(drawn.gain),) * few
    resolved = drawn.resolve(shape)
    moments = resolved.moments(shape)
    is_independent = isinstance(resolved, (Normal, TruncatedNormal, Uniform))
    if not is_independent or moments is None or moments[0] != 0:
        return ()
    return tuple(moments[1] * each for each in _marchenko_pastur(rows, columns))


def _marchenko_pastur(rows: int, columns: int) -> list[float]:
    """Return the singular values of a large matrix of independent values of variance 1.

    These are quantiles of the law of Marchenko and Pastur 1967 (Math. USSR Sb. 1, 457): with y the
    ratio of the sides, the squares over the longer side have the density
    sqrt((b - x)(x - a)) / (2 pi y x) between a and b = (1 -+ sqrt(y))^2.
    """
    few, many = sorted((rows, columns))
    y = few / many
    root = math.sqrt(y)
    # x = 1 + y + 2 sqrt(y) cos t removes the square roots at both ends.
    t = (np.arange(_GRID) + 0.5) * (math.pi / _GRID)
    x = 1 + y + 2 * root * np.cos(t)
    weight = np.cumsum(np.sin(t) ** 2 / x)
    quantiles = np.interp((np.arange(few) + 0.5) / few, weight / weight[-1], x)
    return [float(each) for each in np.sqrt(many * quantiles)]
