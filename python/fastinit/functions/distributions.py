"""Functions of the plain distributions: each draws one array through its initializer object."""

from __future__ import annotations

from typing import Any, Unpack

from fastinit.functions.placement import Placement, Shape
from fastinit.initializers import Constant, Normal, TruncatedNormal, Uniform

_ZEROS = Constant(0)
_ONES = Constant(1)


def zeros(shape: Shape, **where: Unpack[Placement]) -> Any:
    """All 0, in any dtype.

    Args:
        shape: the whole array's.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: ``out`` does not fit, or another argument is out of range.

    Example:
        >>> import fastinit
        >>> fastinit.zeros(2, dtype="bool")
        array([False, False])
    """
    return _ZEROS(shape, **where)


def ones(shape: Shape, **where: Unpack[Placement]) -> Any:
    """All 1, in any dtype.

    Args:
        shape: the whole array's.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: ``out`` does not fit, or another argument is out of range.

    Example:
        >>> import fastinit
        >>> fastinit.ones((1, 2))
        array([[1., 1.]], dtype=float32)
    """
    return _ONES(shape, **where)


def constant(shape: Shape, value: float, **where: Unpack[Placement]) -> Any:
    """All ``value``, in any dtype.

    Args:
        shape: the whole array's.
        value: a number that the dtype can hold.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: the dtype cannot hold the value, or ``out`` does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.constant(2, 0.5)
        array([0.5, 0.5], dtype=float32)
    """
    return Constant(value)(shape, **where)


def normal(shape: Shape, mean: float = 0.0, std: float = 1.0, **where: Unpack[Placement]) -> Any:
    """Normal with a mean and a standard deviation.

    Args:
        shape: the whole array's.
        mean: finite.
        std: finite, 0 or more.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: a number out of range, or ``out`` does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.normal((2, 3), std=0.02, seed=0).shape
        (2, 3)
    """
    return Normal(mean, std)(shape, **where)


def uniform(shape: Shape, low: float = 0.0, high: float = 1.0, **where: Unpack[Placement]) -> Any:
    """Uniform on the open interval (low, high).

    Args:
        shape: the whole array's.
        low: finite.
        high: finite, ``low`` or more.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: a bound out of range, no value of the dtype between them, or ``out`` does not
            fit.

    Example:
        >>> import fastinit
        >>> bool((fastinit.uniform(1000, seed=0) > 0).all())
        True
    """
    return Uniform(low, high)(shape, **where)


def truncated_normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    lower: float = -2.0,
    upper: float = 2.0,
    compensate: bool = False,
    **where: Unpack[Placement],
) -> Any:
    """Normal cut to [mean + lower std, mean + upper std]; the bounds are in sigmas.

    Args:
        shape: the whole array's.
        mean: of the normal before the cut, finite.
        std: of the normal before the cut, finite, 0 or more.
        lower: the lower bound in sigmas, or -inf.
        upper: the upper bound in sigmas, or inf.
        compensate: make ``std`` that of the values, by dividing it by the cut standard normal's.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: a number out of range, too little mass between the bounds, no value of the
            dtype there, or ``out`` does not fit.

    Example:
        >>> import fastinit
        >>> bool((abs(fastinit.truncated_normal(1000, std=0.02, seed=0)) <= 0.04).all())
        True
    """
    return TruncatedNormal(mean, std, lower, upper, compensate)(shape, **where)
