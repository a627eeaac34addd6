"""Masks whose elements, or blocks of elements, are independent of each other."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Never

import numpy as np

from fastinit.initializers.function_help import draws
from fastinit.initializers.masks.masked import (
    Base,
    Masked,
    block_of,
    draw_mask,
    fraction,
    grid_of,
)
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.masks import BlockMask, bernoulli_mask
from fastinit.native.request import Template
from fastinit.streams import Seed

__all__ = ["Bernoulli", "bernoulli"]


@dataclasses.dataclass(frozen=True)
class Bernoulli(Masked):
    """Each weight is kept independently with probability p; the others are 0.

    Args:
        p: The probability that a weight is kept, 0 to 1, to within 2**-32.
        base: The initializer that draws the values: an object, or a name such as "he_normal". None
            for ones, so that the result is the mask: 1 (True) is kept.
        correct_fan: Whether fans count only the weights that are kept on average.
        layout: The role of each axis; only fans depend on it.
        block: The size of a block on each axis, as (16, 16): whole blocks are kept or zeroed.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``p`` is out of range; the base is masked, or has another layout or no fan to
            correct; when drawn, the shape does not divide into blocks.

    Example:
        >>> import fastinit
        >>> round(float(fastinit.Bernoulli(0.25)((1000, 1000), seed=0).mean()), 2)
        0.25
    """

    p: float = 0.5
    base: Base = None
    correct_fan: bool = False
    layout: str = "oi*"
    block: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", fraction(self.p, "p"))
        object.__setattr__(self, "block", block_of(self.block))
        self._check_base()

    def _threshold(self) -> int:
        return math.floor((1 - self.p) * 2**32)

    def density(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Return (the probability, 1)."""
        return {0: 1.0, 1 << 32: 0.0}.get(self._threshold(), self.p), 1.0

    def mask(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Template:
        """Return zeros where the word is below floor((1 - p) 2**32)."""
        if self.block is None:
            return bernoulli_mask(dtype, self._threshold())
        grid_of(shape, self.block)
        return BlockMask(dtype, shape, self.block, threshold=self._threshold())


@draws(Bernoulli)
def bernoulli(
    shape: Shape,
    p: float = 0.5,
    base: Base = None,
    *extra: Never,
    block: tuple[int, ...] | None = None,
    correct_fan: bool = False,
    layout: str = "oi*",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Bernoulli(p, base, correct_fan, layout, block)``.

    Without a base it is the mask itself: True (1) where a weight is kept; its ``dtype`` is bool
    unless it or ``out`` is given.

    Example:
        >>> import fastinit
        >>> round(float(fastinit.bernoulli((1000, 1000), 0.1, seed=0).mean()), 2)
        0.1
    """
    if extra or unknown:
        raise unexpected(bernoulli, shape, extra, unknown)
    initializer = Bernoulli(p, base, correct_fan, layout, block)
    if base is None:
        return draw_mask(initializer, shape, seed, name, dtype, device, out, index)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
