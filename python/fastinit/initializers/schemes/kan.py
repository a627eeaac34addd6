"""Kolmogorov-Arnold networks: splines that start as small noise."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastinit.checks import not_negative, positive_integer
from fastinit.initializers.base import Initializer
from fastinit.initializers.computed import Computed, draw_bounds
from fastinit.initializers.distributions.uniform import Uniform
from fastinit.native import _cpu
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Bounds
from fastinit.native.dtypes import DTYPES, drawable, exceeds
from fastinit.native.request import Template

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KanSpline"]


@dataclasses.dataclass(frozen=True)
class KanSpline(Initializer):
    """Coefficients of B-splines that go through noise: the spline weights of a KAN.

    The last axis has the G + k coefficients of a spline of degree k on G equal intervals. Its
    values at the G + 1 knots are u_j ~ U(-noise / (2 G), noise / (2 G)), and the coefficients c are
    the shortest ones with B c = u, where row j of B has the basis at knot j: c = B' (B B')^-1 u.
    That is the start of ``KANLinear`` in efficient-kan (7b6ce1c), and of ``KANLayer`` in pykan (Liu
    et al. 2024, arXiv 2404.19756), for any range of the grid. The base weights and the scales of
    splines of efficient-kan are ``FanInUniform()`` (recipe ``kan``).

    Args:
        order: k, the degree of the splines; both libraries have 3 by default.
        noise: The width of the noise times G, 0 or more; efficient-kan has 0.1 by default.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of range; when drawn, the last axis has k or fewer coefficients.

    Example:
        >>> import fastinit
        >>> w = fastinit.KanSpline()((64, 32, 8), seed=0, name="spline_weight")  # G = 5, k = 3
        >>> at_knots = (w[..., :-2] + 4 * w[..., 1:-1] + w[..., 2:]) / 6
        >>> at_knots.shape, bool((abs(at_knots) < 0.01).all())
        ((64, 32, 6), True)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("noise",)

    order: int = 3
    noise: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", positive_integer(self.order, "order"))
        object.__setattr__(self, "noise", not_negative(self.noise, "noise"))

    def _intervals(self, shape: tuple[int, ...]) -> int:
        if not shape or shape[-1] <= self.order:
            raise ValueError(
                f"order={self.order} needs a last axis of more than {self.order} coefficients, not "
                f"shape {shape}"
            )
        return shape[-1] - self.order

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return 0, and the root of the mean variance of the coefficients."""
        if 0 in shape:
            return None
        intervals = self._intervals(shape)
        squares = math.fsum((_shortest(intervals, self.order) ** 2).flat) / shape[-1]
        return 0.0, self.noise / intervals / math.sqrt(12.0) * math.sqrt(squares)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which draws the noise of the splines that it needs."""
        precision, float64 = drawable(dtype, "spline"), DTYPES["float64"]
        intervals = self._intervals(shape)
        half = self.noise / (2 * intervals)
        at_knots = (*shape[:-1], intervals + 1)
        over = Uniform(-half, half).templates(at_knots, float64)
        may_fail = exceeds(precision, dtype)

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            *splines, columns = bounds
            knots = (*splines, (0, intervals + 1))
            u = draw_bounds(over, at_knots, float64, knots, seed, stream)
            of_knots = np.ascontiguousarray(_shortest(intervals, self.order)[:, slice(*columns)])
            found = np.empty((u.size // (intervals + 1), of_knots.shape[1]))
            _cpu.mixed_rows(u.reshape(len(found), intervals + 1), of_knots, found)
            return found.reshape(*u.shape[:-1], -1).astype(precision)

        return (Computed(shape, dtype, compute, True, over, may_fail=may_fail),)


@functools.lru_cache(maxsize=64)
@in_default_arithmetic
def _shortest(intervals: int, order: int) -> NDArray[np.float64]:
    """Return (B B')^-1 B, whose row j has the coefficients for the value 1 at knot j alone."""
    count = intervals + 1
    basis = np.zeros((count, intervals + order))
    for knot in range(count):
        basis[knot, knot : knot + order] = _at_integers(order)
    system = np.empty((count, count + intervals + order))
    for i in range(count):
        for j in range(count):  # fsum rounds once, whatever the order of its terms
            system[i, j] = math.fsum((basis[i] * basis[j]).tolist())
    system[:, count:] = basis
    for k in range(count):  # B B' is positive definite, so that no rows have to be exchanged
        system[k] /= system[k, k]
        factors = system[:, k].copy()
        factors[k] = 0.0
        system -= factors[:, None] * system[k]
    return np.ascontiguousarray(system[:, count:])


def _at_integers(order: int) -> list[float]:
    """Return the cardinal B-spline of a degree at 1, ..., degree: Eulerian numbers over k!."""
    numbers = [1]
    for k in range(2, order + 1):
        before = [0, *numbers, 0]
        numbers = [(i + 1) * before[i + 1] + (k - i) * before[i] for i in range(k)]
    return [each / math.factorial(order) for each in numbers]
