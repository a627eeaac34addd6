"""``uniform_``, ``normal_`` and ``trunc_normal_``."""

from __future__ import annotations

import torch
from torch import Tensor

from fastinit.streams import Seed
from fastinit.torch.nn_init import originals, values
from fastinit.torch.nn_init.filling import fill_
from fastinit.torch.nn_init.source import Source

_FAR = (
    "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
    "The distribution of values may be incorrect."  # torch's words
)


def uniform_(
    tensor: Tensor,
    a: float = 0.0,
    b: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor from the uniform distribution on (a, b), as ``torch.nn.init.uniform_`` does.

    Args:
        tensor: A tensor of any shape and strides, on any device, of a floating-point or complex
            dtype.
        a: The lower bound. Neither bound ever occurs.
        b: The upper bound.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        RuntimeError: A bound is out of range, with torch's message.
        ValueError: Both ``seed`` and ``generator`` are given, or the call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.uniform_(torch.empty(3, 5), -1, 1, seed=0)
        >>> bool((w.abs() < 1).all())
        True
    """
    source = Source(generator, seed, name)
    return fill_(tensor, originals.uniform_, values.uniform, (a, b), source)


def normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor from the normal distribution, as ``torch.nn.init.normal_`` does.

    Args:
        tensor: A tensor of any shape and strides, on any device, of a floating-point or complex
            dtype.
        mean: The mean.
        std: The standard deviation, 0 or more.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        RuntimeError: ``std`` is negative, with torch's message.
        ValueError: Both ``seed`` and ``generator`` are given, or the call cannot keep to the seed.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch as init
        >>> w = init.normal_(torch.empty(3, 5), std=0.02, seed=0, name="w")
        >>> bool((w.numpy() == fastinit.normal((3, 5), std=0.02, seed=0, name="w")).all())
        True
    """
    source = Source(generator, seed, name)
    return fill_(tensor, originals.normal_, values.normal, (mean, std), source)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor from the normal distribution truncated to [a, b].

    The arguments are those of ``torch.nn.init.trunc_normal_``. Each value takes one random word
    and no rejection, so the time does not depend on the bounds.

    Args:
        tensor: A tensor of any shape and strides, on any device, of a floating-point dtype.
        mean: The mean before the truncation.
        std: The standard deviation before the truncation, greater than 0.
        a: The lower bound: a value, not a multiple of ``std``. -inf means none.
        b: The upper bound. inf means none.
        generator: The generator that gives the seed, and advances. None means torch's default
            CPU generator.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, in place of a generator. The
            same seed and name give the same numbers.
        name: The stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: The dtype does not hold such values.
        RuntimeError: The bounds are in the wrong order, with torch's message.
        ValueError: Both ``seed`` and ``generator`` are given, or the call cannot keep to the seed.
        ZeroDivisionError: ``std`` is 0.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.trunc_normal_(torch.empty(3, 5), std=0.02, a=-0.04, b=0.04, seed=0)
        >>> bool((w.abs() <= 0.04).all())
        True
    """
    is_far = mean < a - 2 * std or mean > b + 2 * std
    warning = _FAR if is_far else None
    source = Source(generator, seed, name)
    templates_of = values.truncated_normal
    return fill_(tensor, originals.trunc_normal_, templates_of, (mean, std, a, b), source, warning)
