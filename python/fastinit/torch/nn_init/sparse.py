"""``sparse_``."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from fastinit.streams import Seed
from fastinit.torch.nn_init import originals, values
from fastinit.torch.nn_init.filling import fill_
from fastinit.torch.nn_init.leaving import leave
from fastinit.torch.nn_init.source import Source


def sparse_(
    tensor: Tensor,
    sparsity: float,
    std: float = 0.01,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a matrix normally, with ceil(sparsity * rows) zeros in each column.

    Martens, "Deep learning via Hessian-free optimization", ICML 2010. In contrast to
    ``torch.nn.init.sparse_``, ``generator`` determines the positions of the zeros too.

    Args:
        tensor: A tensor of 2 axes.
        sparsity: The fraction of each column that is zero.
        std: The standard deviation of all other elements.
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
        ValueError: The tensor does not have 2 axes, both ``seed`` and ``generator`` are given, or
            the call cannot keep to the seed.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.sparse_(torch.empty(10, 5), sparsity=0.25, seed=0)
        >>> (w == 0).sum(dim=0).tolist()
        [3, 3, 3, 3, 3]
    """
    source = Source(generator, seed, name)
    if tensor.is_meta and tensor.ndimension() == 2:
        return tensor  # some versions of torch draw the positions of zeros even then
    if tensor.ndimension() != 2 or tensor.numel() == 0:
        return leave(originals.sparse_, tensor, (sparsity, std, generator), source)
    templates_of = functools.partial(values.sparse, shape=tuple(tensor.shape))
    return fill_(tensor, originals.sparse_, templates_of, (sparsity, std), source)
