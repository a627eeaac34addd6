"""The functions: each draws one array through the initializer object of the same name.

All take the keywords of ``Placement``, which say which numbers, of what dtype and where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, Unpack

from fastinit.boxes import Index
from fastinit.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Normal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)

Shape = int | Sequence[int]


class Placement(TypedDict, total=False):
    """Which numbers, of what dtype and where: see ``Initializer.__call__``."""

    seed: int | None
    name: str | int | None
    dtype: Any
    device: Any
    out: Any
    index: Index | None


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
        ValueError: a bound out of range, no value of the dtype between them, or ``out`` does not fit.

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


_ZEROS = Constant(0)
_ONES = Constant(1)
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
            ``truncated`` (at 2 sigmas, as JAX and Keras mean it), ``layout``, ``groups``, ``fan``;
            see ``HeNormal``. And where it goes: ``seed``, ``name``, ``dtype``, ``device``, ``out``,
            ``index``; see ``Initializer``.

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
            ``layout``, ``groups``, ``fan``;
            see ``HeUniform``. And where it goes: ``seed``, ``name``, ``dtype``, ``device``, ``out``,
            ``index``; see ``Initializer``.

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
            ``truncated`` (at 2 sigmas, as JAX and Keras mean it), ``layout``, ``groups``, ``fan``;
            see ``GlorotNormal``. And where it goes: ``seed``, ``name``, ``dtype``, ``device``, ``out``,
            ``index``; see ``Initializer``.

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
            ``layout``, ``groups``, ``fan``;
            see ``GlorotUniform``. And where it goes: ``seed``, ``name``, ``dtype``, ``device``, ``out``,
            ``index``; see ``Initializer``.

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
    """Normal, std = 1 / sqrt(fan_in) (LeCun et al., "Efficient BackProp", 1998).

    Args:
        shape: the whole array's.
        **options: ``mode``, ``gain`` or ``nonlinearity`` (by name, with its slope ``a``),
            ``truncated`` (at 2 sigmas, as JAX and Keras mean it), ``layout``, ``groups``, ``fan``;
            see ``LecunNormal``. And where it goes: ``seed``, ``name``, ``dtype``, ``device``, ``out``,
            ``index``; see ``Initializer``.

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
    """Uniform within sqrt(3) / sqrt(fan_in) (LeCun et al., "Efficient BackProp", 1998).

    Args:
        shape: the whole array's.
        **options: ``mode``, ``gain`` or ``nonlinearity`` (by name, with its slope ``a``),
            ``layout``, ``groups``, ``fan``;
            see ``LecunUniform``. And where it goes: ``seed``, ``name``, ``dtype``, ``device``, ``out``,
            ``index``; see ``Initializer``.

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
