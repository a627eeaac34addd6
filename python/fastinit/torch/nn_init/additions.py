"""Functions that torch.nn.init lacks: scalings by fans, and truncation in sigmas."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fastinit.checks import type_of
from fastinit.initializers import FanInUniform, Normal, TruncatedNormal, Uniform, VarianceScaling
from fastinit.initializers.base import Distribution
from fastinit.streams import Seed
from fastinit.torch.nn_init import originals, values
from fastinit.torch.nn_init.filling import fill_
from fastinit.torch.nn_init.source import Source


def lecun_normal_(
    tensor: Tensor,
    generator: torch.Generator | None = None,
    *,
    layout: str = "oi*",
    groups: int = 1,
    fan: float | None = None,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor normally with std = 1 / sqrt(fan_in), as ``fastinit.lecun_normal`` does.

    LeCun et al., "Efficient BackProp", 1998; the scale that layers with SELU need.

    Args:
        tensor: A tensor of a floating-point or complex dtype.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        layout: What each axis is; "oi*" is torch's, "io*" that of transposed convolutions.
        groups: The number of groups of the convolution.
        fan: Replaces the fan of shape, layout and groups.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The tensor does not have the axes of the layout, both ``seed`` and ``generator``
            are given, or the call cannot keep to the seed.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch as init
        >>> w = init.lecun_normal_(torch.empty(3, 5), seed=0, name="w")
        >>> bool((w.numpy() == fastinit.lecun_normal((3, 5), seed=0, name="w")).all())
        True
    """
    scaled = VarianceScaling(layout=layout, groups=groups, fan=fan)
    return _fill_(tensor, scaled.resolve(_shape(tensor)), Source(generator, seed, name))


def lecun_uniform_(
    tensor: Tensor,
    generator: torch.Generator | None = None,
    *,
    layout: str = "oi*",
    groups: int = 1,
    fan: float | None = None,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor uniformly within sqrt(3 / fan_in), as ``fastinit.lecun_uniform`` does.

    LeCun et al., "Efficient BackProp", 1998.

    Args:
        tensor: A tensor of a floating-point or complex dtype.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        layout: What each axis is; "oi*" is torch's, "io*" that of transposed convolutions.
        groups: The number of groups of the convolution.
        fan: Replaces the fan of shape, layout and groups.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The tensor does not have the axes of the layout, both ``seed`` and ``generator``
            are given, or the call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.lecun_uniform_(torch.empty(3, 5), seed=0)
        >>> bool((w.abs() < (3 / 5) ** 0.5).all())
        True
    """
    scaled = VarianceScaling(distribution="uniform", layout=layout, groups=groups, fan=fan)
    return _fill_(tensor, scaled.resolve(_shape(tensor)), Source(generator, seed, name))


def fan_in_uniform_(
    tensor: Tensor,
    generator: torch.Generator | None = None,
    *,
    layout: str = "oi*",
    groups: int = 1,
    fan: float | None = None,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor uniformly within 1 / sqrt(fan_in), as ``fastinit.fan_in_uniform`` does.

    It is the default of torch's Linear and convolutions, for which torch writes
    ``kaiming_uniform_(tensor, a=sqrt(5))``.

    Args:
        tensor: A tensor of a floating-point or complex dtype.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        layout: What each axis is; "oi*" is torch's, "io*" that of transposed convolutions.
        groups: The number of groups of the convolution.
        fan: Replaces the fan of shape, layout and groups. A bias has that of its weight.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The tensor does not have the axes of the layout, both ``seed`` and ``generator``
            are given, or the call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.fan_in_uniform_(torch.empty(3, 25), seed=0)
        >>> bool((w.abs() < 1 / 5).all())
        True
    """
    scaled = FanInUniform(layout=layout, groups=groups, fan=fan)
    return _fill_(tensor, scaled.resolve(_shape(tensor)), Source(generator, seed, name))


def variance_scaling_(
    tensor: Tensor,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "normal",
    generator: torch.Generator | None = None,
    *,
    layout: str = "oi*",
    groups: int = 1,
    fan: float | None = None,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor with mean 0 and variance scale / fan, as ``fastinit.variance_scaling`` does.

    Args:
        tensor: A tensor of a floating-point or complex dtype; not complex if the distribution is
            truncated.
        scale: The square of a gain, 0 or more.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg".
        distribution: "normal", "uniform", or "truncated_normal" (at 2 sigmas, with the std that was
            asked for, as JAX and Keras have it).
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        layout: What each axis is; "oi*" is torch's, "io*" that of transposed convolutions.
        groups: The number of groups of the convolution.
        fan: Replaces the fan of shape, mode, layout and groups.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The mode or the distribution is unknown, a number is out of range, the tensor
            does not have the axes of the layout, both ``seed`` and ``generator`` are given, or the
            call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.variance_scaling_(torch.empty(3, 5), 2.0, "fan_avg", "uniform", seed=0).shape
        torch.Size([3, 5])
    """
    scaled = VarianceScaling(scale, mode, distribution, layout, groups, fan)
    return _fill_(tensor, scaled.resolve(_shape(tensor)), Source(generator, seed, name))


def truncated_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    lower: float = -2.0,
    upper: float = 2.0,
    generator: torch.Generator | None = None,
    *,
    compensate: bool = False,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor from the normal distribution truncated at a number of sigmas.

    ``trunc_normal_`` takes values as bounds, as torch does: with std=0.02, its default bounds -2
    and 2 lie 100 sigmas from the mean. This one takes sigmas, as ``fastinit.truncated_normal``.

    Args:
        tensor: A tensor of any shape and strides, on any device, of a floating-point dtype.
        mean: The mean before the truncation.
        std: The standard deviation before the truncation.
        lower: The lower bound in sigmas, or -inf.
        upper: The upper bound in sigmas, or inf.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        compensate: Divide ``std`` by that of the truncated standard normal, so that the values' own
            standard deviation is ``std``.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The bounds are in the wrong order or leave too little probability, a number is
            out of range, both ``seed`` and ``generator`` are given, or the call cannot keep to the
            seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.truncated_normal_(torch.empty(100, 100), std=0.02, seed=0)
        >>> bool((w.abs() <= 0.04).all())
        True
    """
    drawn = TruncatedNormal(mean, std, lower, upper, compensate)
    return _fill_(tensor, drawn, Source(generator, seed, name))


def _shape(tensor: Any) -> tuple[int, ...]:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"tensor is {type_of(tensor)}; pass a torch.Tensor")
    return tuple(tensor.shape)


def _fill_(tensor: Tensor, distribution: Distribution, source: Source) -> Tensor:
    match distribution:
        case Normal(mean=mean, std=std):
            return fill_(tensor, originals.normal_, values.normal, (mean, std), source)
        case Uniform(low=low, high=high):
            return fill_(tensor, originals.uniform_, values.uniform, (low, high), source)
        case TruncatedNormal(mean=mean, lower=lower, upper=upper):
            arguments = mean, distribution.std_before, lower, upper
            return fill_(tensor, _torchs_in_sigmas, values.truncated_in_sigmas, arguments, source)
        case _:
            raise AssertionError(distribution)


def _torchs_in_sigmas(
    tensor: Tensor,
    mean: float,
    std: float,
    lower: float,
    upper: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Call torch's function, which takes the bounds as values."""
    low, high = mean + lower * std, mean + upper * std
    return originals.trunc_normal_(tensor, mean, std, low, high, generator)


_torchs_in_sigmas.__name__ = "truncated_normal_"  # in errors
