"""Deterministic starts without random numbers: ZerO."""

from __future__ import annotations

import dataclasses
import math

from fastinit.initializers.base import Initializer
from fastinit.initializers.identity import Identity
from fastinit.initializers.scheme import Scheme
from fastinit.initializers.structured import Hadamard

__all__ = ["ZerO"]


@dataclasses.dataclass(frozen=True)
class ZerO(Scheme):
    """ZerO: zeros and ones only, up to a factor (Zhao et al. 2021, arXiv 2110.12661, algorithm 1).

    A matrix (outputs, inputs) with no more outputs than inputs is a partial identity. With more, it
    is c I H I', where H is Hadamard's matrix of 2^m rows, I and I' are partial identities,
    m = ceil(log2(outputs)) and c = 2^(-(m - 1) / 2); without H the added dimensions would stay
    equal. The authors' code has c = 2^(-m / 2) instead, whose columns have norm 1 where the outputs
    are a power of 2: ``Hadamard()``. The last layer of each residual branch, and biases, are zero.

    Raises:
        ValueError: When drawn, the shape does not have two axes.

    Example:
        >>> import fastinit
        >>> fastinit.ZerO()((2, 3))
        array([[1., 0., 0.],
               [0., 1., 0.]], dtype=float32)
        >>> fastinit.ZerO()((4, 2))[:, 1]
        array([ 0.70710677, -0.70710677,  0.70710677, -0.70710677], dtype=float32)
    """

    is_random = False

    def inner(self, shape: tuple[int, ...]) -> Initializer:
        """Return the identity, or Hadamard's matrix."""
        if len(shape) != 2:
            raise ValueError(f"shape {shape} is not that of a matrix; pass (outputs, inputs)")
        outputs, inputs = shape
        if outputs <= inputs:
            return Identity()
        doublings = (outputs - 1).bit_length()
        return Hadamard(math.sqrt(math.ldexp(1.0, 1 - doublings)))
