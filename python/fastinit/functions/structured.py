"""Functions of the structured constants: each draws one array through its initializer object."""

from __future__ import annotations

from typing import Any, Unpack

from fastinit.functions.placement import Placement, Shape
from fastinit.initializers import Dirac, Identity


def eye(shape: Shape, layout: str = "oi*", **where: Unpack[Placement]) -> Any:
    """Ones on the diagonal of the output and input axes, zeros elsewhere.

    Args:
        shape: the whole array's, of a matrix or a convolution (ones at the kernel's centre).
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: a shape that does not fit the layout, or ``out`` that does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.eye((2, 3), dtype="bool")
        array([[ True, False, False],
               [False,  True, False]])
    """
    return Identity(1, layout)(shape, **where)


def identity(
    shape: Shape, gain: float = 1, *, layout: str = "oi*", **where: Unpack[Placement]
) -> Any:
    """``gain`` times the identity: recurrent weights (Le et al. 2015, arXiv 1504.00941).

    Args:
        shape: the whole array's, of a matrix or a convolution (``gain`` at the kernel's centre).
        gain: finite.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: a shape that does not fit the layout, a dtype that cannot hold the gain, or
            ``out`` that does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.identity((2, 2), 0.5)
        array([[0.5, 0. ],
               [0. , 0.5]], dtype=float32)
    """
    return Identity(gain, layout)(shape, **where)


def dirac(
    shape: Shape,
    groups: int = 1,
    gain: float = 1,
    *,
    layout: str = "oi*",
    **where: Unpack[Placement],
) -> Any:
    """A convolution that passes its input on: ``gain`` at the kernel's centre, for each channel.

    Args:
        shape: the whole array's; the centre of a kernel axis is size // 2.
        groups: of a grouped convolution: each passes its own channels on.
        gain: finite.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: groups that do not divide the axis, a shape that does not fit the layout, a
            dtype that cannot hold the gain, or ``out`` that does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.dirac((4, 2, 3, 3), groups=2)[:, :, 1, 1]
        array([[1., 0.],
               [0., 1.],
               [1., 0.],
               [0., 1.]], dtype=float32)
    """
    return Dirac(groups, gain, layout)(shape, **where)
