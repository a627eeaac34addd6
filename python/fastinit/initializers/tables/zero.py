"""Deterministic starts without random numbers: ZerO."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from fastinit.initializers.tables.structured import hadamard_signs
from fastinit.initializers.tables.table import ClosedForm

if TYPE_CHECKING:
    from fastinit.initializers.tables.table import Array

__all__ = ["ZerO"]


@dataclasses.dataclass(frozen=True)
class ZerO(ClosedForm):
    """ZerO: zeros and ones only, up to a factor (Zhao et al. 2021, arXiv 2110.12661).

    A matrix (outputs, inputs) with no more outputs than inputs is a partial identity. With more, it
    is c I H I', where H is Hadamard's matrix of 2^m rows, I and I' are partial identities,
    m = ceil(log2(outputs)) and c = 2^(-(m - 1) / 2); without H the added dimensions would stay
    equal. A kernel (outputs, inputs, ...) of odd sizes has such a matrix at its center. The last
    layer of each residual branch, and biases, are zero.

    The authors' code has c = 2^(-m / 2) instead, whose columns have norm 1 where the outputs are a
    power of 2; for matrices, that is ``Hadamard()``.

    Raises:
        ValueError: When drawn, the shape has fewer than two axes, or a kernel of even size.

    Example:
        >>> import fastinit
        >>> fastinit.ZerO()((2, 3))
        array([[1., 0., 0.],
               [0., 1., 0.]], dtype=float32)
        >>> fastinit.ZerO()((4, 2))[:, 1]
        array([ 0.70710677, -0.70710677,  0.70710677, -0.70710677], dtype=float32)
        >>> fastinit.ZerO()((1, 1, 3))
        array([[[0., 1., 0.]]], dtype=float32)
    """

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that there is a matrix at the center."""
        if len(shape) < 2 or any(size and size % 2 == 0 for size in shape[2:]):
            raise ValueError(
                f"ZerO needs (outputs, inputs) and kernel axes of odd sizes, not shape {shape}"
            )

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the identity or Hadamard's matrix at the center of the kernel."""
        outputs, inputs = shape[:2]
        if outputs <= inputs:
            found: Array = np.where(index[0] == index[1], 1.0, 0.0)
        else:
            doublings = (outputs - 1).bit_length()
            scale = math.sqrt(math.ldexp(1.0, 1 - doublings))
            found = hadamard_signs(index[0], index[1]) * scale
        for size, each in zip(shape[2:], index[2:], strict=True):
            found = np.where(each == size // 2, found, 0.0)
        return found
