"""The functions of torch.nn.init that fill a tensor with one distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import init
from torch.overrides import has_torch_function_unary

from fastinit.torch.nn_init import values
from fastinit.torch.nn_init.filling import PLAIN, draw_, fill_, is_ours, local

# Below this many bytes torch's own fill of a constant is faster; above, fresh memory in huge pages.
_LARGE = 4 << 20
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
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill with the uniform distribution on (a, b), as ``torch.nn.init.uniform_`` does.

    Args:
        tensor: of any shape, strides and device, and of a floating-point or complex dtype.
        a: the lower bound; neither bound ever occurs.
        b: the upper bound.
        generator: gives the seed, and advances; None for torch's default generator.
        seed: an integer in [0, 2**64), in place of a generator.
        name: which stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: the dtype holds no such values.
        RuntimeError: a bound is out of range, as torch says it.
        ValueError: both ``seed`` and ``generator``, or a seed that cannot be kept to.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.uniform_(torch.empty(3, 5), -1, 1, seed=0)
        >>> bool((w.abs() < 1).all())
        True
    """
    return fill_(init.uniform_, values.uniform, tensor, (a, b), generator, seed, name)


def normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill with the normal distribution, as ``torch.nn.init.normal_`` does.

    Args:
        tensor: of any shape, strides and device, and of a floating-point or complex dtype.
        mean: the mean.
        std: the standard deviation, 0 or more.
        generator: gives the seed, and advances; None for torch's default generator.
        seed: an integer in [0, 2**64), in place of a generator.
        name: which stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: the dtype holds no such values.
        RuntimeError: a negative ``std``, as torch says it.
        ValueError: both ``seed`` and ``generator``, or a seed that cannot be kept to.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch as init
        >>> w = init.normal_(torch.empty(3, 5), std=0.02, seed=0, name="w")
        >>> bool((w.numpy() == fastinit.normal((3, 5), std=0.02, seed=0, name="w")).all())
        True
    """
    return fill_(init.normal_, values.normal, tensor, (mean, std), generator, seed, name)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: torch.Generator | None = None,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill with the normal distribution cut to [a, b], as ``torch.nn.init.trunc_normal_`` does.

    One random word a value and no rejection: it takes the same time for every cut.

    Args:
        tensor: of any shape, strides and device, and of a floating-point dtype.
        mean: of the normal before the cut.
        std: of the normal before the cut, above 0.
        a: the lower bound, a value and no multiple of ``std``; -inf for none.
        b: the upper bound; inf for none.
        generator: gives the seed, and advances; None for torch's default generator.
        seed: an integer in [0, 2**64), in place of a generator.
        name: which stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: the dtype holds no such values.
        RuntimeError: bounds in the wrong order, as torch says it.
        ValueError: both ``seed`` and ``generator``, or a seed that cannot be kept to.
        ZeroDivisionError: ``std`` is 0.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.trunc_normal_(torch.empty(3, 5), std=0.02, a=-0.04, b=0.04, seed=0)
        >>> bool((w.abs() <= 0.04).all())
        True
    """
    is_far = mean < a - 2 * std or mean > b + 2 * std
    return fill_(
        init.trunc_normal_,
        values.truncated_normal,
        tensor,
        (mean, std, a, b),
        generator,
        seed,
        name,
        warning=_FAR if is_far else None,
    )


def constant_(tensor: Tensor, val: Any) -> Tensor:
    """Fill with a constant, as ``torch.nn.init.constant_`` does.

    Args:
        tensor: of any shape, strides, dtype and device.
        val: the value.

    Returns:
        The tensor.

    Raises:
        RuntimeError: the dtype cannot hold the value, as torch says it.
        TypeError: ``val`` is no number, as torch says it.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.constant_(torch.empty(2), 0.5)
        tensor([0.5000, 0.5000])
    """
    return _constant_(init.constant_, tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1, as ``torch.nn.init.ones_`` does.

    Args:
        tensor: of any shape, strides, dtype and device.

    Returns:
        The tensor.

    Raises:
        RuntimeError: the tensor's elements share memory, as torch says it.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.ones_(torch.empty(2))
        tensor([1., 1.])
    """
    return _constant_(init.ones_, tensor)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0, as ``torch.nn.init.zeros_`` does.

    Args:
        tensor: of any shape, strides, dtype and device.

    Returns:
        The tensor.

    Raises:
        RuntimeError: the tensor's elements share memory, as torch says it.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.zeros_(torch.empty(2))
        tensor([0., 0.])
    """
    return _constant_(init.zeros_, tensor)


def _constant_(function: Callable[..., Tensor], tensor: Tensor, *value: Any) -> Tensor:
    context = local.context
    is_small = type(tensor) in PLAIN and tensor.nbytes < _LARGE
    if is_small and (context is None or context.is_settled(tensor)):
        if has_torch_function_unary(tensor) or tensor.is_inference():
            return function(tensor, *value)
        alias = tensor.detach()  # half the time of a no_grad context
        if function is init.zeros_:
            alias.zero_()
        else:
            alias.fill_(value[0] if value else 1.0)
        return tensor
    can_wait = is_ours(tensor) and (context is not None or tensor.is_cpu)
    if can_wait and values.is_constant(tensor.dtype):
        what = value[0] if value else float(function is init.ones_)
        return draw_(tensor, values.constant(what, tensor.dtype), None, 0, None)
    if context is not None:
        context.settle(tensor)
    return function(tensor, *value)
