"""The functions of ``jax.nn.initializers``, and one for every other initializer of fastinit."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol

import jax

from fastinit import initializers
from fastinit.initializers import Normal, TruncatedNormal, Uniform, VarianceScaling
from fastinit.initializers.distributions.presets import PRESETS
from fastinit.jax.axes import Axes
from fastinit.jax.base import Initializer
from fastinit.jax.kinds import CenteredColumns, Columns, FanScaled, Fixed, Multiplied
from fastinit.other_frameworks import caller_of, remedy

P = ParamSpec("P")


def _makes(function: Callable[P, Initializer]) -> Callable[P, Initializer]:
    """Return a function that makes an initializer, whose errors say where it was taken for one."""

    @functools.wraps(function)
    def made(*args: P.args, **kwargs: P.kwargs) -> Initializer:
        meant = remedy(caller_of(args), function.__name__)
        if meant is not None:
            raise TypeError(
                f"{function.__name__}() returns an initializer, and is not one; {meant}"
            )
        return function(*args, **kwargs)

    return made


def initializer(drawn: initializers.Initializer, dtype: Any = None) -> Initializer:
    """Return any initializer of fastinit as JAX calls it: with a key, a shape and a dtype.

    Args:
        drawn: an object such as ``fastinit.SirenUniform(layout="*io")``; JAX's kernels have the
            layout "*io".
        dtype: of calls that give none.

    Raises:
        TypeError: ``drawn`` is not an initializer.
        ValueError: When called, the layout is torch's, also of an initializer within it.

    Example:
        >>> import fastinit, fastinit.jax, jax
        >>> siren = fastinit.jax.initializer(fastinit.SirenUniform(layout="*io"))
        >>> siren(jax.random.key(0), (2, 64)).shape
        (2, 64)
    """
    if not isinstance(drawn, initializers.Initializer):
        raise TypeError(
            f"{drawn!r} is not an initializer of fastinit; pass an object such as "
            "fastinit.SirenUniform(layout='*io')"
        )
    return Fixed(drawn, dtype)


@_makes
def uniform(scale: Any = 1e-2, dtype: Any = None) -> Initializer:
    """Return an initializer of uniform values between 0 and ``scale``.

    Args:
        scale: the upper bound, 0 or more.
        dtype: of calls that give none.

    Raises:
        ValueError: ``scale`` is negative or not finite.

    Example:
        >>> import fastinit.jax, jax
        >>> x = fastinit.jax.uniform(0.5)(jax.random.key(0), (100,))
        >>> bool((x > 0).all() and (x < 0.5).all())
        True
    """
    if isinstance(scale, jax.core.Tracer):
        return Multiplied(Fixed(Uniform(), dtype), scale)
    return Fixed(Uniform(0.0, float(scale)), dtype)


@_makes
def normal(stddev: Any = 1e-2, dtype: Any = None) -> Initializer:
    """Return an initializer of normal values with mean 0.

    Args:
        stddev: the standard deviation, 0 or more.
        dtype: of calls that give none.

    Raises:
        ValueError: ``stddev`` is negative or not finite.

    Example:
        >>> import fastinit.jax, jax
        >>> fastinit.jax.normal(0.02)(jax.random.key(0), (2, 3)).shape
        (2, 3)
    """
    if isinstance(stddev, jax.core.Tracer):
        return Multiplied(Fixed(Normal(), dtype), stddev)
    return Fixed(Normal(0.0, float(stddev)), dtype)


@_makes
def truncated_normal(
    stddev: Any = 1e-2, dtype: Any = None, lower: Any = -2.0, upper: Any = 2.0
) -> Initializer:
    """Return an initializer of normal values within [lower stddev, upper stddev].

    Args:
        stddev: the standard deviation before truncation, 0 or more.
        dtype: of calls that give none.
        lower: the lower bound in standard deviations.
        upper: the upper bound in standard deviations.

    Raises:
        ValueError: ``stddev`` is negative or not finite, or nothing lies between the bounds.

    Example:
        >>> import fastinit.jax, jax
        >>> x = fastinit.jax.truncated_normal(0.5)(jax.random.key(0), (100,))
        >>> bool((abs(x) <= 1).all())
        True
    """
    bounds = float(lower), float(upper)
    if isinstance(stddev, jax.core.Tracer):
        return Multiplied(Fixed(TruncatedNormal(0.0, 1.0, *bounds), dtype), stddev)
    return Fixed(TruncatedNormal(0.0, float(stddev), *bounds), dtype)


@_makes
def variance_scaling(
    scale: Any,
    mode: str,
    distribution: str,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: Any = None,
) -> Initializer:
    """Return an initializer with mean 0 and variance scale / fan.

    Args:
        scale: 0 or more.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg" (the arithmetic and geometric means).
        distribution: "truncated_normal" (at 2 standard deviations; the variance is that of the
            truncated values), "normal" or "uniform".
        in_axis: the axes of the inputs.
        out_axis: the axes of the outputs.
        batch_axis: axes that count in no fan. All others are kernel axes, which count in both.
        dtype: of calls that give none.

    Raises:
        ValueError: an argument is unknown or out of range; when called, the shape has fewer axes.

    Example:
        >>> import fastinit.jax, jax
        >>> init = fastinit.jax.variance_scaling(1.0, "fan_in", "normal", out_axis=0)
        >>> init(jax.random.key(0), (1000, 64)).shape
        (1000, 64)
    """
    scaling = VarianceScaling(float(scale), mode, distribution)
    return FanScaled(scaling, in_axis, out_axis, batch_axis, dtype)


@_makes
def orthogonal(scale: Any = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """Return an initializer of orthogonal matrices, uniformly distributed (Haar).

    The columns lie along ``column_axis``, and all other axes are the rows. Rows are orthonormal
    where there are fewer of them, columns otherwise.

    Args:
        scale: what every entry is multiplied with.
        column_axis: the axis of the columns.
        dtype: of calls that give none.

    Raises:
        ValueError: ``scale`` is not finite; when called, a shape without such an axis or with
            fewer than two axes.

    Example:
        >>> import fastinit.jax, jax, jax.numpy as jnp
        >>> q = fastinit.jax.orthogonal()(jax.random.key(0), (64, 32))
        >>> bool(jnp.allclose(q.T @ q, jnp.eye(32), atol=1e-6))
        True
    """
    return Columns(float(scale), column_axis, dtype)


@_makes
def delta_orthogonal(scale: Any = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """Return an initializer of convolutions' kernels with an orthogonal matrix in the middle.

    Xiao et al. 2018, arXiv 1806.05393. The last two axes are the inputs and the outputs.

    Args:
        scale: what every entry is multiplied with.
        column_axis: the axis of the columns among the last two.
        dtype: of calls that give none.

    Raises:
        ValueError: ``scale`` is not finite; when called, a shape without 3, 4 or 5 axes, or with
            fewer outputs than inputs.

    Example:
        >>> import fastinit.jax, jax
        >>> kernel = fastinit.jax.delta_orthogonal()(jax.random.key(0), (3, 3, 4, 8))
        >>> int((kernel != 0).sum()), int((kernel[1, 1] != 0).sum())
        (32, 32)
    """
    return CenteredColumns(float(scale), column_axis, dtype)


class PresetFunction(Protocol):
    """The signature of the functions of the table ``PRESETS``."""

    def __call__(
        self,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        dtype: Any = None,
    ) -> Initializer:
        """Return an initializer."""


def _function_of(name: str) -> PresetFunction:
    """Make the function of a preset; JAX truncates all normal ones at 2 standard deviations."""
    preset = PRESETS[name]

    def function(
        in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None
    ) -> Initializer:
        return FanScaled(preset, in_axis, out_axis, batch_axis, dtype)

    summary = inspect.getdoc(preset).partition("\n")[0]  # type: ignore[union-attr]
    truncated = ""
    if preset.distribution == "normal":
        truncated = " Values are truncated at 2 standard deviations, and std is theirs."
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return an initializer: {summary[0].lower()}{summary[1:]}

    {preset.paper}.{truncated}

    Args:
        in_axis: the axes of the inputs.
        out_axis: the axes of the outputs.
        batch_axis: axes that count in no fan. All others are kernel axes, which count in both.
        dtype: of calls that give none.

    Example:
        >>> import fastinit.jax, jax
        >>> fastinit.jax.{name}()(jax.random.key(0), (3, 3, 16, 32)).shape
        (3, 3, 16, 32)
    """
    return _makes(function)


he_normal = _function_of("he_normal")
he_uniform = _function_of("he_uniform")
glorot_normal = _function_of("glorot_normal")
glorot_uniform = _function_of("glorot_uniform")
lecun_normal = _function_of("lecun_normal")
lecun_uniform = _function_of("lecun_uniform")
fan_in_uniform = _function_of("fan_in_uniform")
siren_uniform = _function_of("siren_uniform")
kaiming_normal, kaiming_uniform = he_normal, he_uniform
xavier_normal, xavier_uniform = glorot_normal, glorot_uniform
