"""Functions of orthogonal matrices: each draws one array through its initializer object."""

from __future__ import annotations

from typing import Any, Unpack

from fastinit.functions.placement import Placement, Shape
from fastinit.initializers import DeltaOrthogonal, Orthogonal


def orthogonal(
    shape: Shape, gain: float = 1.0, layout: str = "oi*", **where: Unpack[Placement]
) -> Any:
    """Orthogonal matrices, uniformly distributed (Haar), times a gain (Saxe et al. 2013).

    The matrix is (output axes, all others), flattened as in torch: its rows are orthonormal where
    it is wide, its columns where it is tall. Each index of a batch axis is a matrix of its own. By
    Stewart's method (SIAM J. Numer. Anal. 17(3), 1980), without a factorization.

    Args:
        shape: the whole array's, such as (out, in) or (out, in, height, width).
        gain: what every entry is multiplied with, finite.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras, "boi" a
            batch of matrices.
        **where: ``seed``, ``name``, ``dtype`` (float64, float32, float16 or bfloat16),
            ``device``, ``out``, ``index``; see ``Initializer``. A part costs as much as the
            matrices that it touches.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, a layout without an output axis or that does not fit
            the shape, another dtype, or ``out`` that does not fit.

    Example:
        >>> import fastinit, numpy as np
        >>> q = fastinit.orthogonal((64, 32), seed=0)
        >>> bool(np.allclose(q.T @ q, np.eye(32), atol=1e-6))
        True
        >>> fastinit.orthogonal((8, 64, 64), layout="boi", dtype="bfloat16").shape
        (8, 64, 64)
    """
    return Orthogonal(gain, layout)(shape, **where)


def delta_orthogonal(
    shape: Shape, gain: float = 1.0, layout: str = "oi*", **where: Unpack[Placement]
) -> Any:
    """An orthogonal matrix at the centre of a convolution's kernel, zeros elsewhere.

    The convolution then keeps the norm of its input (Xiao et al. 2018, arXiv 1806.05393).

    Args:
        shape: the whole kernel's, with as many outputs as inputs, or more.
        gain: what every entry is multiplied with, finite.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.
        **where: ``seed``, ``name``, ``dtype`` (float64, float32, float16 or bfloat16),
            ``device``, ``out``, ``index``; see ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, fewer outputs than inputs, a layout that does
            not fit the shape, another dtype, or ``out`` that does not fit.

    Example:
        >>> import fastinit
        >>> kernel = fastinit.delta_orthogonal((3, 3, 2, 4), layout="*io", seed=0)
        >>> int((kernel != 0).sum()), int((kernel[1, 1] != 0).sum())
        (8, 8)
    """
    return DeltaOrthogonal(gain, layout)(shape, **where)
