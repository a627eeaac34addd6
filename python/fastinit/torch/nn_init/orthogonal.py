"""``orthogonal_``."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from fastinit.initializers.gains import gain_of
from fastinit.streams import Seed
from fastinit.torch.nn_init import originals, values
from fastinit.torch.nn_init.filling import fill_
from fastinit.torch.nn_init.leaving import leave
from fastinit.torch.nn_init.source import Source


def orthogonal_(
    tensor: Tensor,
    gain: float | str = 1,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill a tensor with a uniformly distributed (semi-)orthogonal matrix, as torch's does.

    Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", arXiv 1312.6120. Stewart's method multiplies random reflectors and needs no
    factorization. float16 and bfloat16 are allowed too: the float32 matrix is rounded once.

    Args:
        tensor: A tensor of at least 2 axes; all but the first are the columns.
        gain: The factor of all entries, or the name of an activation.
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
        >>> q = init.orthogonal_(torch.empty(3, 5), seed=0)
        >>> torch.allclose(q @ q.T, torch.eye(3), atol=1e-6)
        True
    """
    source, gain = Source(generator, seed, name), gain_of(gain)
    if tensor.ndimension() < 2 or tensor.numel() == 0:
        return leave(originals.orthogonal_, tensor, (gain, generator), source)
    templates_of = functools.partial(values.orthogonal, shape=tuple(tensor.shape))
    return fill_(tensor, originals.orthogonal_, templates_of, (gain,), source)
