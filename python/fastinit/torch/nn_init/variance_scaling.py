"""The functions of torch.nn.init whose spread follows from the tensor's fans.

The fans are torch's: of the first two axes, whatever the layer. ``fastinit.he_normal`` and its
like know transposed, grouped and stacked weights (``layout=``, ``groups=``).
"""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor
from torch.nn import init

from fastinit.torch.nn_init import values
from fastinit.torch.nn_init.filling import fill_, is_ours, leave

_NO_OP = "Initializing zero-element tensors is a no-op"  # torch's words


def xavier_uniform_(
    tensor: Tensor,
    gain: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill uniformly within gain sqrt(6 / (fan_in + fan_out)), as torch's does.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Args:
        tensor: of at least 2 axes, (out, in, ...), and of a floating-point or complex dtype.
        gain: a factor.
        generator: gives the seed, and advances; None for torch's default generator.
        seed: an integer in [0, 2**64), in place of a generator.
        name: which stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: the dtype holds no such values.
        ValueError: the tensor has fewer than 2 axes, both ``seed`` and ``generator`` are given, or
            a seed that cannot be kept to.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.xavier_uniform_(torch.empty(3, 5), seed=0)
        >>> bool((w.abs() < (6 / 8) ** 0.5).all())
        True
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return fill_(init.uniform_, values.uniform, tensor, (-bound, bound), generator, seed, name)


def xavier_normal_(
    tensor: Tensor,
    gain: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill normally with std = gain sqrt(2 / (fan_in + fan_out)), as torch's does.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Args:
        tensor: of at least 2 axes, (out, in, ...), and of a floating-point or complex dtype.
        gain: a factor.
        generator: gives the seed, and advances; None for torch's default generator.
        seed: an integer in [0, 2**64), in place of a generator.
        name: which stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: the dtype holds no such values.
        ValueError: the tensor has fewer than 2 axes, both ``seed`` and ``generator`` are given, or
            a seed that cannot be kept to.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.xavier_normal_(torch.empty(3, 5), seed=0).shape
        torch.Size([3, 5])
    """
    std = _xavier_std(tensor, gain)
    return fill_(init.normal_, values.normal, tensor, (0.0, std), generator, seed, name)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill uniformly within gain sqrt(3 / fan), as torch's does.

    He et al., "Delving deep into rectifiers", arXiv 1502.01852.

    Args:
        tensor: of at least 2 axes, (out, in, ...), and of a floating-point or complex dtype.
        a: the negative slope of ``leaky_relu``.
        mode: ``"fan_in"`` or ``"fan_out"``.
        nonlinearity: by name; ``calculate_gain`` has the table.
        generator: gives the seed, and advances; None for torch's default generator.
        seed: an integer in [0, 2**64), in place of a generator.
        name: which stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor. One without elements gives a warning.

    Raises:
        NotImplementedError: the dtype holds no such values.
        ValueError: the tensor has fewer than 2 axes, an unknown mode or nonlinearity, both
            ``seed`` and ``generator``, or a seed that cannot be kept to.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.kaiming_uniform_(torch.empty(3, 5), nonlinearity="relu", seed=0)
        >>> bool((w.abs() < (6 / 5) ** 0.5).all())
        True
    """
    if not is_ours(tensor, seed):
        rest = (a, mode, nonlinearity, generator)
        return leave(init.kaiming_uniform_, tensor, *rest, seed=seed, name=name)
    if 0 in tensor.shape:
        warnings.warn(_NO_OP, stacklevel=2)
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return fill_(init.uniform_, values.uniform, tensor, (-bound, bound), generator, seed, name)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill normally with std = gain / sqrt(fan), as torch's does.

    He et al., "Delving deep into rectifiers", arXiv 1502.01852.

    Args:
        tensor: of at least 2 axes, (out, in, ...), and of a floating-point or complex dtype.
        a: the negative slope of ``leaky_relu``.
        mode: ``"fan_in"`` or ``"fan_out"``.
        nonlinearity: by name; ``calculate_gain`` has the table.
        generator: gives the seed, and advances; None for torch's default generator.
        seed: an integer in [0, 2**64), in place of a generator.
        name: which stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor. One without elements gives a warning.

    Raises:
        NotImplementedError: the dtype holds no such values.
        ValueError: the tensor has fewer than 2 axes, an unknown mode or nonlinearity, both
            ``seed`` and ``generator``, or a seed that cannot be kept to.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.kaiming_normal_(torch.empty(3, 5), mode="fan_out", seed=0).shape
        torch.Size([3, 5])
    """
    if not is_ours(tensor, seed):
        rest = (a, mode, nonlinearity, generator)
        return leave(init.kaiming_normal_, tensor, *rest, seed=seed, name=name)
    if 0 in tensor.shape:
        warnings.warn(_NO_OP, stacklevel=2)
        return tensor
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return fill_(init.normal_, values.normal, tensor, (0.0, std), generator, seed, name)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    fan_in, fan_out = init._calculate_fan_in_and_fan_out(tensor)
    return gain * math.sqrt(2.0 / float(fan_in + fan_out))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fan = init._calculate_correct_fan(tensor, mode)  # type: ignore[arg-type]
    return init.calculate_gain(nonlinearity, a) / math.sqrt(fan)  # type: ignore[arg-type]
