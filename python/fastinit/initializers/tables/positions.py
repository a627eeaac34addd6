"""Tables of positions: sinusoidal encodings, and the offsets of deformable attention."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from fastinit.checks import boolean, finite, integer, positive_integer
from fastinit.initializers.tables.table import ClosedForm, flat_index
from fastinit.native.functions import evaluate

if TYPE_CHECKING:
    from fastinit.initializers.tables.table import Array

__all__ = ["DeformableRing", "Sinusoidal"]

_MOST_POSITIONS = 1 << 40  # the largest argument of the library's own sine


@dataclasses.dataclass(frozen=True)
class Sinusoidal(ClosedForm):
    """Sinusoidal positions: sines and cosines of a geometric sequence of frequencies.

    The axis before the last counts positions p, the last one n channels. Frequency k of h = n / 2
    is theta^(-k / h), or theta^(-k / (h - 1)) with ``endpoint``, and gives sin(p f) and cos(p f):
    next to each other if ``interleaved`` (Vaswani et al. 2017, arXiv 1706.03762), otherwise all
    sines before all cosines (Marian and Pegasus in transformers; with ``endpoint``, tensor2tensor,
    fairseq and Whisper).

    Args:
        theta: The ratio of the frequencies, a positive number.
        interleaved: Whether sine and cosine alternate.
        endpoint: Whether the last frequency is 1 / theta.
        first: The position of row 0.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``theta`` is not positive; when drawn, there are fewer than two axes, an odd
            number of channels, or positions beyond 2^40.

    Example:
        >>> import fastinit
        >>> fastinit.Sinusoidal()((2, 4)).round(4)
        array([[0.    , 1.    , 0.    , 1.    ],
               [0.8415, 0.5403, 0.01  , 1.    ]], dtype=float32)
        >>> whisper = fastinit.Sinusoidal(interleaved=False, endpoint=True)((1500, 384))
    """

    theta: float = 10000.0
    interleaved: bool = True
    endpoint: bool = False
    first: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "theta", finite(self.theta, "theta"))
        if self.theta <= 0:
            raise ValueError(f"theta={self.theta} is not positive; pass a positive number")
        for field in ("interleaved", "endpoint"):
            object.__setattr__(self, field, boolean(getattr(self, field), field))
        object.__setattr__(self, "first", integer(self.first, "first", "a position"))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that there are positions and pairs of channels."""
        if len(shape) < 2 or shape[-1] % 2:
            raise ValueError(
                f"Sinusoidal needs an axis of positions and one with an even number of channels, "
                f"not shape {shape}"
            )
        if max(abs(self.first), abs(self.first + shape[-2])) > _MOST_POSITIONS:
            raise ValueError(f"positions are at most 2**40; shape {shape} has more")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the sines and cosines."""
        channel, half = index[-1], shape[-1] // 2
        if self.interleaved:
            is_sine, k = channel % 2 == 0, np.floor(channel / 2)
        else:
            is_sine, k = channel < half, channel % half
        steps = max(half - self.endpoint, 1)
        frequency = evaluate("exponential_to_base", k / -float(steps), self.theta)
        angle = (index[-2] + self.first) * frequency
        found = np.empty_like(angle)
        for name, where in (("sin", is_sine.ravel()), ("cos", ~is_sine.ravel())):
            found[..., where] = evaluate(name, angle[..., where])
        return found


@dataclasses.dataclass(frozen=True)
class DeformableRing(ClosedForm):
    """Rings of sampling offsets around a point: the bias of deformable attention.

    Head h of H looks in the direction of the angle 2 pi h / H, point p = 0, 1, ... at p + 1 times
    the direction (cos, sin), which is divided by its larger coordinate so that it lies on a square
    (Zhu et al. 2020, arXiv 2010.04159; Deformable DETR, RT-DETR, Grounding DINO).

    The values are in the order (head, level, point, coordinate), whatever the axes of the shape.

    Args:
        heads: The number of heads.
        levels: The number of levels of features.
        points: The number of points for each head and level.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: A number is below 1; when drawn, the shape does not have as many elements.

    Example:
        >>> import fastinit
        >>> ring = fastinit.DeformableRing(heads=4, levels=1, points=2)
        >>> ring((4, 2, 2))[1]
        array([[0., 1.],
               [0., 2.]], dtype=float32)
    """

    heads: int
    levels: int
    points: int

    def __post_init__(self) -> None:
        for field in ("heads", "levels", "points"):
            object.__setattr__(self, field, positive_integer(getattr(self, field), field))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check the number of elements."""
        wanted = 2 * self.heads * self.levels * self.points
        if math.prod(shape) != wanted:
            raise ValueError(
                f"heads={self.heads}, levels={self.levels} and points={self.points} give {wanted} "
                f"values, and shape {shape} has {math.prod(shape)}"
            )

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the coordinates of the points."""
        flat = flat_index(shape, index)
        pair, is_sine = np.floor(flat / 2), flat % 2 == 1
        head, point = np.floor(pair / (self.levels * self.points)), pair % self.points
        cos, sin = self._direction(head)
        largest = np.maximum(np.abs(cos), np.abs(sin))
        found: Array = np.where(is_sine, sin, cos) / largest * (point + 1)
        return found

    def _direction(self, head: Array) -> tuple[Array, Array]:
        """Return cosine and sine, which are exactly 0 at quarter turns, where angles round."""
        turn = head * (2 * math.pi / self.heads)
        cos, sin = evaluate("cos", turn), evaluate("sin", turn)
        quarters = 4 * head % self.heads == 0
        is_odd = np.floor(4 * head / self.heads) % 2 == 1
        return np.where(quarters & is_odd, 0.0, cos), np.where(quarters & ~is_odd, 0.0, sin)
