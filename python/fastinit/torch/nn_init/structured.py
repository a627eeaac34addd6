"""The functions of torch.nn.init whose elements belong together: matrices and patterns."""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import init

from fastinit.torch.nn_init import values
from fastinit.torch.nn_init.filling import fill_, is_ours, leave


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill with the Dirac delta function, as ``torch.nn.init.dirac_`` does.

    As many input channels of a convolution as possible are preserved, in each group.

    Args:
        tensor: of 3, 4 or 5 axes, (out, in / groups, *kernel), and of any dtype and device.
        groups: of the convolution; divides the first axis.

    Returns:
        The tensor.

    Raises:
        ValueError: another number of axes, or ``groups`` does not divide the first.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.dirac_(torch.empty(2, 2, 3))[1]
        tensor([[0., 0., 0.],
                [0., 1., 0.]])
    """
    is_common = tensor.dim() in (3, 4, 5) and groups > 0 and tensor.shape[0] % groups == 0
    if not is_common or tensor.numel() == 0 or not is_ours(tensor):
        return leave(init.dirac_, tensor, groups, seed=None, name=None)
    with torch.no_grad():
        tensor.zero_()
        centre = tensor
        for size in reversed(tensor.shape[2:]):
            centre = centre.select(-1, size // 2)
        outputs, inputs = tensor.shape[0] // groups, tensor.shape[1]
        down, right = centre.stride()
        diagonals = (groups, min(outputs, inputs)), (outputs * down, down + right)
        centre.as_strided(*diagonals).fill_(1)
    return tensor


def orthogonal_(
    tensor: Tensor,
    gain: float = 1,
    generator: torch.Generator | None = None,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill with a (semi-)orthogonal matrix, uniformly distributed, as torch's does.

    Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", arXiv 1312.6120. By Stewart's method: a product of random reflectors, no
    factorization. float16 and bfloat16 are drawn too, the float32 matrix rounded once.

    Args:
        tensor: of at least 2 axes; all but the first are one.
        gain: what every entry is multiplied with.
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
        >>> q = init.orthogonal_(torch.empty(3, 5), seed=0)
        >>> torch.allclose(q @ q.T, torch.eye(3), atol=1e-6)
        True
    """
    if tensor.ndimension() < 2 or tensor.numel() == 0:
        return leave(init.orthogonal_, tensor, gain, generator, seed=seed, name=name)
    draws_of = functools.partial(values.orthogonal, shape=tuple(tensor.shape))
    return fill_(init.orthogonal_, draws_of, tensor, (gain,), generator, seed, name)


def sparse_(
    tensor: Tensor,
    sparsity: float,
    std: float = 0.01,
    generator: torch.Generator | None = None,
    *,
    seed: int | None = None,
    name: str | int | None = None,
) -> Tensor:
    """Fill with a sparse matrix: normal, with ceil(sparsity * rows) zeros in each column.

    Martens, "Deep learning via Hessian-free optimization", ICML 2010. Unlike torch's, the places
    of the zeros follow ``generator`` too.

    Args:
        tensor: of 2 axes.
        sparsity: the fraction of each column that is zeroed.
        std: the standard deviation of the other elements.
        generator: gives the seed, and advances; None for torch's default generator.
        seed: an integer in [0, 2**64), in place of a generator.
        name: which stream of the seed: a string, or an integer in [0, 2**63).

    Returns:
        The tensor.

    Raises:
        NotImplementedError: the dtype holds no such values.
        RuntimeError: a negative ``std``, as torch says it.
        ValueError: the tensor has not 2 axes, both ``seed`` and ``generator`` are given, or a seed
            that cannot be kept to.

    Example:
        >>> import fastinit.torch as init, torch
        >>> w = init.sparse_(torch.empty(10, 5), sparsity=0.25, seed=0)
        >>> (w == 0).sum(dim=0).tolist()
        [3, 3, 3, 3, 3]
    """
    if tensor.ndimension() != 2 or tensor.numel() == 0:
        return leave(init.sparse_, tensor, sparsity, std, generator, seed=seed, name=name)
    draws_of = functools.partial(values.sparse, shape=tuple(tensor.shape))
    return fill_(init.sparse_, draws_of, tensor, (sparsity, std), generator, seed, name)
