"""Structured matrices without random numbers: identities side by side, and Hadamard's matrix."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastinit.checks import finite
from fastinit.initializers.base import Initializer
from fastinit.initializers.tables.table import ClosedForm

if TYPE_CHECKING:
    from fastinit.initializers.tables.table import Array

__all__ = ["BlockIdentity", "Hadamard"]


def _check_matrix(shape: tuple[int, ...], what: str) -> None:
    if len(shape) < 2:
        raise ValueError(f"{what} needs two axes or more, and shape {shape} has {len(shape)}")


@dataclasses.dataclass(frozen=True)
class BlockIdentity(ClosedForm):
    """Identity matrices side by side, or one below the other, times a gain.

    Element (i, j) of the last two axes is ``gain`` if i and j are equal modulo the smaller of the
    two sizes, else 0. So every input reaches an output, and every output has an input, which an
    identity of that shape does not give (IDInit, Pan et al. 2025, arXiv 2503.04626).

    Args:
        gain: A finite number.

    Raises:
        TypeError: ``gain`` is not a number.
        ValueError: ``gain`` is not finite; when drawn, the shape has fewer than two axes.

    Example:
        >>> import fastinit
        >>> fastinit.BlockIdentity()((2, 5))
        array([[1., 0., 1., 0., 1.],
               [0., 1., 0., 1., 0.]], dtype=float32)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)

    gain: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", finite(self.gain, "gain"))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that there are two axes."""
        _check_matrix(shape, "BlockIdentity")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the gain where the indices are equal modulo the smaller size."""
        size = float(min(shape[-2:]))
        found: Array = np.where(index[-2] % size == index[-1] % size, self.gain, 0.0)
        return found


@dataclasses.dataclass(frozen=True)
class Hadamard(ClosedForm):
    """Hadamard matrix of Sylvester, or its upper left part, times a scale.

    Element (i, j) of the last two axes is scale * (-1)^b, where b is the number of bits that i and
    j have in common. The rows of a square matrix whose size is a power of 2 are orthogonal. ZerO
    (Zhao et al. 2021, arXiv 2110.12661) has these matrices where a layer widens.

    Args:
        scale: A finite number; None means 2^(-m/2), where 2^m is the smallest power of 2 that is
            no less than both sizes. The rows of the whole matrix then have the norm 1.

    Raises:
        TypeError: ``scale`` is not a number.
        ValueError: ``scale`` is not finite; when drawn, the shape has fewer than two axes.

    Example:
        >>> import fastinit
        >>> fastinit.Hadamard(1)((2, 4))
        array([[ 1.,  1.,  1.,  1.],
               [ 1., -1.,  1., -1.]], dtype=float32)
    """

    scale: float | None = None

    def __post_init__(self) -> None:
        if self.scale is not None:
            object.__setattr__(self, "scale", finite(self.scale, "scale"))

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """Return these values times a number, where the scale is given."""
        if self.scale is None:
            return super().scaled(apply)
        return Hadamard(apply(self.scale))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that there are two axes."""
        _check_matrix(shape, "Hadamard")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the scale with the sign of the bits in common."""
        doublings = (max(shape[-2:]) - 1).bit_length()
        scale = math.sqrt(math.ldexp(1.0, -doublings)) if self.scale is None else self.scale
        return hadamard_signs(index[-2], index[-1]) * scale


def hadamard_signs(row: Array, column: Array) -> Array:
    """Return -1 where two numbers have an odd number of bits in common, else 1."""
    common = row.astype(np.int64) & column.astype(np.int64)
    for shift in (32, 16, 8, 4, 2, 1):
        common = common ^ (common >> shift)
    found: Array = np.where(common & 1, -1.0, 1.0)
    return found
