"""Functions of variance scaling: each draws one array through its initializer object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from fastinit.functions.placement import Placement, Shape
from fastinit.initializers import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)


class Scaled(Placement, total=False):
    """``Placement`` and the options of ``HeNormal``."""

    mode: str
    gain: float | None
    nonlinearity: str | None
    a: float | None
    truncated: bool
    layout: str
    groups: int
    fan: float | None


def variance_scaling(
    shape: Shape,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "normal",
    *,
    layout: str = "oi*",
    groups: int = 1,
    fan: float | None = None,
    **where: Unpack[Placement],
) -> Any:
    """Mean 0 and variance scale / fan.

    Args:
        shape: the whole array's.
        scale: finite, 0 or more.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg".
        distribution: "normal", "uniform" or "truncated_normal" (at 2 sigmas, compensated).
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.
        groups: of a grouped convolution.
        fan: replaces the fan of shape, mode, layout and groups.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, a shape that lacks an input or output axis, or ``out``
            does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.variance_scaling((64, 32, 3, 3), 2.0, "fan_out", seed=0).dtype
        dtype('float32')
    """
    return VarianceScaling(scale, mode, distribution, layout, groups, fan)(shape, **where)


_PLACEMENT = Placement.__optional_keys__


def _draw(initializer: Callable[..., VarianceScaling], shape: Shape, options: Scaled) -> Any:
    """Draw with the options that place the array; the others are the initializer's."""
    where = {key: options.pop(key) for key in _PLACEMENT & options.keys()}  # type: ignore[misc]
    return initializer(**options)(shape, **where)


def he_normal(shape: Shape, **options: Unpack[Scaled]) -> Any:
    """Normal, std = sqrt(2) / sqrt(fan_in) (He et al. 2015, arXiv 1502.01852).

    Args:
        shape: the whole array's.
        **options: ``mode``, ``gain`` or ``nonlinearity`` (by name, with its slope ``a``),
            ``truncated`` (at 2 sigmas, as JAX and Keras mean it), ``layout``, ``groups``,
            ``fan``; see ``HeNormal``. And those that say which numbers and where:
            ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, a shape that lacks an input or output axis, or ``out``
            does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.he_normal((64, 32), seed=0).shape
        (64, 32)
    """
    return _draw(HeNormal, shape, options)


def he_uniform(shape: Shape, **options: Unpack[Scaled]) -> Any:
    """Uniform within sqrt(6) / sqrt(fan_in) (He et al. 2015, arXiv 1502.01852).

    Args:
        shape: the whole array's.
        **options: ``mode``, ``gain`` or ``nonlinearity`` (by name, with its slope ``a``),
            ``layout``, ``groups``, ``fan``; see ``HeUniform``. And those that say which
            numbers and where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, a shape that lacks an input or output axis, or ``out``
            does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.he_uniform((64, 32), seed=0).shape
        (64, 32)
    """
    return _draw(HeUniform, shape, options)


def glorot_normal(shape: Shape, **options: Unpack[Scaled]) -> Any:
    """Normal, std = 1 / sqrt(fan_avg) (Glorot and Bengio, AISTATS 2010).

    Args:
        shape: the whole array's.
        **options: ``mode``, ``gain`` or ``nonlinearity`` (by name, with its slope ``a``),
            ``truncated`` (at 2 sigmas, as JAX and Keras mean it), ``layout``, ``groups``,
            ``fan``; see ``GlorotNormal``. And those that say which numbers and where:
            ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, a shape that lacks an input or output axis, or ``out``
            does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.glorot_normal((64, 32), seed=0).shape
        (64, 32)
    """
    return _draw(GlorotNormal, shape, options)


def glorot_uniform(shape: Shape, **options: Unpack[Scaled]) -> Any:
    """Uniform within sqrt(3) / sqrt(fan_avg) (Glorot and Bengio, AISTATS 2010).

    Args:
        shape: the whole array's.
        **options: ``mode``, ``gain`` or ``nonlinearity`` (by name, with its slope ``a``),
            ``layout``, ``groups``, ``fan``; see ``GlorotUniform``. And those that say which
            numbers and where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, a shape that lacks an input or output axis, or ``out``
            does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.glorot_uniform((64, 32), seed=0).shape
        (64, 32)
    """
    return _draw(GlorotUniform, shape, options)


def lecun_normal(shape: Shape, **options: Unpack[Scaled]) -> Any:
    """Normal, std = 1 / sqrt(fan_in) (LeCun et al. 1998, "Efficient BackProp").

    Args:
        shape: the whole array's.
        **options: ``mode``, ``gain`` or ``nonlinearity`` (by name, with its slope ``a``),
            ``truncated`` (at 2 sigmas, as JAX and Keras mean it), ``layout``, ``groups``,
            ``fan``; see ``LecunNormal``. And those that say which numbers and where:
            ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, a shape that lacks an input or output axis, or ``out``
            does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.lecun_normal((64, 32), seed=0).shape
        (64, 32)
    """
    return _draw(LecunNormal, shape, options)


def lecun_uniform(shape: Shape, **options: Unpack[Scaled]) -> Any:
    """Uniform within sqrt(3) / sqrt(fan_in) (LeCun et al. 1998, "Efficient BackProp").

    Args:
        shape: the whole array's.
        **options: ``mode``, ``gain`` or ``nonlinearity`` (by name, with its slope ``a``),
            ``layout``, ``groups``, ``fan``; see ``LecunUniform``. And those that say which
            numbers and where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        ValueError: an option out of range, a shape that lacks an input or output axis, or ``out``
            does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.lecun_uniform((64, 32), seed=0).shape
        (64, 32)
    """
    return _draw(LecunUniform, shape, options)


kaiming_normal = he_normal
kaiming_uniform = he_uniform
xavier_normal = glorot_normal
xavier_uniform = glorot_uniform
