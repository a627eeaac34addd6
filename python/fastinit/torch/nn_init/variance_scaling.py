"""``xavier_*`` and ``kaiming_*``: the standard deviation follows from the fans of the tensor.

The fans are torch's: those of the first two axes, whatever the layer. ``fastinit.he_normal`` and
the like also know transposed, grouped and stacked weights (``layout=``, ``groups=``).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fastinit.initializers.gains import gain_of
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.streams import Seed
from fastinit.torch.nn_init import originals, values
from fastinit.torch.nn_init.eligible import can_fill
from fastinit.torch.nn_init.filling import TemplatesOf, fill_eligible_
from fastinit.torch.nn_init.leaving import leave
from fastinit.torch.nn_init.source import Source

_NO_OP = "Initializing zero-element tensors is a no-op"  # torch's words

_Fill = tuple[Callable[..., Tensor], TemplatesOf, tuple[float, float]]
"""A function of torch.nn.init, how fastinit draws its values, and its arguments."""


def xavier_uniform_(
    tensor: Tensor,
    gain: float | str = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor uniformly within gain * sqrt(6 / (fan_in + fan_out)), as torch's does.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Args:
        tensor: A tensor of at least 2 axes, (out, in, ...), of a floating-point or complex dtype.
        gain: A factor of the standard deviation, or the name of an activation.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The tensor has fewer than 2 axes, both ``seed`` and ``generator`` are given, or
            the call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.xavier_uniform_(torch.empty(3, 5), seed=0)
        >>> bool((w.abs() < (6 / 8) ** 0.5).all())
        True
    """
    source = Source(generator, seed, name)
    return _xavier_(originals.xavier_uniform_, _uniform, tensor, gain, source)


def xavier_normal_(
    tensor: Tensor,
    gain: float | str = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor normally with std = gain * sqrt(2 / (fan_in + fan_out)), as torch's does.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Args:
        tensor: A tensor of at least 2 axes, (out, in, ...), of a floating-point or complex dtype.
        gain: A factor of the standard deviation, or the name of an activation.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The tensor has fewer than 2 axes, both ``seed`` and ``generator`` are given, or
            the call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.xavier_normal_(torch.empty(3, 5), seed=0).shape
        torch.Size([3, 5])
    """
    source = Source(generator, seed, name)
    return _xavier_(originals.xavier_normal_, _normal, tensor, gain, source)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor uniformly within gain * sqrt(3 / fan), as torch's does.

    He et al., "Delving deep into rectifiers", arXiv 1502.01852.

    Args:
        tensor: A tensor of at least 2 axes, (out, in, ...), of a floating-point or complex dtype.
        a: The negative slope of ``leaky_relu``.
        mode: ``"fan_in"`` or ``"fan_out"``.
        nonlinearity: The name of the activation; ``calculate_gain`` has the table.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor. For one without elements there is a warning.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The tensor has fewer than 2 axes, the mode or nonlinearity is unknown, both
            ``seed`` and ``generator`` are given, or the call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.kaiming_uniform_(torch.empty(3, 5), nonlinearity="relu", seed=0)
        >>> bool((w.abs() < (6 / 5) ** 0.5).all())
        True
    """
    options = (a, mode, nonlinearity)
    source = Source(generator, seed, name)
    return _kaiming_(originals.kaiming_uniform_, _uniform, tensor, options, source)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor normally with std = gain / sqrt(fan), as torch's does.

    He et al., "Delving deep into rectifiers", arXiv 1502.01852.

    Args:
        tensor: A tensor of at least 2 axes, (out, in, ...), of a floating-point or complex dtype.
        a: The negative slope of ``leaky_relu``.
        mode: ``"fan_in"`` or ``"fan_out"``.
        nonlinearity: The name of the activation; ``calculate_gain`` has the table.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor. For one without elements there is a warning.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        ValueError: The tensor has fewer than 2 axes, the mode or nonlinearity is unknown, both
            ``seed`` and ``generator`` are given, or the call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.kaiming_normal_(torch.empty(3, 5), mode="fan_out", seed=0).shape
        torch.Size([3, 5])
    """
    options = (a, mode, nonlinearity)
    source = Source(generator, seed, name)
    return _kaiming_(originals.kaiming_normal_, _normal, tensor, options, source)


def _xavier_(
    function: Callable[..., Tensor],
    distribution: Callable[[float], _Fill],
    tensor: Tensor,
    gain: float | str,
    source: Source,
) -> Tensor:
    if not can_fill(tensor, source.seed):
        return leave(function, tensor, (gain_of(gain), source.generator), source)
    return fill_eligible_(tensor, *distribution(_xavier_std(tensor, gain)), source)


@in_default_arithmetic
def _xavier_std(tensor: Tensor, gain: float | str) -> float:
    fan_in, fan_out = originals._calculate_fan_in_and_fan_out(tensor)
    return gain_of(gain) * math.sqrt(2.0 / float(fan_in + fan_out))


def _kaiming_(
    function: Callable[..., Tensor],
    distribution: Callable[[float], _Fill],
    tensor: Tensor,
    options: tuple[float, str, str],
    source: Source,
) -> Tensor:
    if not can_fill(tensor, source.seed):
        return leave(function, tensor, (*options, source.generator), source)
    if 0 in tensor.shape:
        warnings.warn(_NO_OP, stacklevel=3)
        return tensor
    return fill_eligible_(tensor, *distribution(_kaiming_std(tensor, *options)), source)


@in_default_arithmetic
def _kaiming_std(tensor: Tensor, a: float, mode: Any, nonlinearity: Any) -> float:
    fan = originals._calculate_correct_fan(tensor, mode)
    return originals.calculate_gain(nonlinearity, a) / math.sqrt(fan)


@in_default_arithmetic
def _uniform(std: float) -> _Fill:
    bound = math.sqrt(3.0) * std
    return originals.uniform_, values.uniform, (-bound, bound)


def _normal(std: float) -> _Fill:
    return originals.normal_, values.normal, (0.0, std)
