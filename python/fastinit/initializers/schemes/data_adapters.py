"""Starts of low-rank adapters by data: CorDA and EVA by a covariance, LoRA-GA by a gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from fastinit import streams
from fastinit.arrays.digest import to_numpy
from fastinit.arrays.reproducible import matmul
from fastinit.checks import finite, not_negative, positive_integer
from fastinit.initializers.options import plain_signature, unexpected
from fastinit.initializers.schemes.adapters import checked_weight, leading, rounded, with_rest
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.streams import Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["corda", "eva", "lora_ga"]


@in_default_arithmetic
@plain_signature
def corda(
    weight: Any,
    covariance: Any,
    rank: int,
    *extra: Never,
    damping: float = 0.01,
    scaling: float = 1.0,
    seed: Seed | None = None,
    name: str | int | None = None,
    **unknown: Never,
) -> tuple[Array, Array, Array]:
    """Return what a weight does to its inputs as the factors of an adapter, and the rest (CorDA).

    With the ``rank`` largest singular values S of W C and their vectors, where C is the covariance
    of the inputs plus ``damping`` times its mean diagonal element on the diagonal,
    B = U sqrt(S / scaling) and A = sqrt(S / scaling) V' C^-1, and the weight that stays frozen is
    W - scaling B A (Yang et al. 2024, arXiv 2406.05223, "instruction-previewed"). A is computed as
    U' W / sqrt(S scaling), which is the same without the inverse. The decomposition is that of
    ``fastinit.pissa``.

    Args:
        weight: The weight (out, in), an array or a tensor.
        covariance: X' X of inputs X of the layer, (in, in), or a multiple.
        rank: The rank.
        damping: The share of the mean diagonal element that is added to the diagonal; 0 or more.
        scaling: The factor with which B A is applied: alpha / rank, or alpha / sqrt(rank).
        seed: An integer in [0, 2**64), or a ``Stream``; None for the process-wide seed.
        name: The stream of the seed.

    Returns:
        A of shape (rank, in), B of shape (out, rank) and the rest, in the weight's dtype.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The covariance is not (in, in) or not finite, or an argument is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> w = fastinit.normal((64, 48), seed=0, name="w")
        >>> x = fastinit.normal((100, 4), seed=0, name="x") @ fastinit.normal(
        ...     (4, 48), seed=0, name="y"
        ... )
        >>> a, b, rest = fastinit.corda(w, x.T @ x, 4, damping=0, seed=0, name="w.corda")
        >>> bool(abs(rest @ x.T).max() < 1e-3 * abs(w @ x.T).max())  # B A does it all
        True
    """
    if extra or unknown:
        raise unexpected(corda, weight, extra, unknown)
    matrix, count, scale = checked_weight(weight, rank, scaling)
    inputs = _covariance(covariance, matrix.shape[1])
    inputs[np.diag_indices(len(inputs))] += not_negative(damping, "damping") * _mean_of(inputs)
    left, sizes, _ = leading(
        (matrix.shape[0], matrix.shape[1]),
        lambda x: matmul(matrix, matmul(inputs, x, 2), 2),
        lambda y: matmul(inputs, matmul(matrix.T, y, 2), 2),
        count,
        streams.fixed(seed, name),
    )
    root = np.sqrt(sizes / scale)
    inverse = np.divide(1.0, root * scale, out=np.zeros_like(root), where=root > 0)
    return with_rest(matrix, left * root, inverse[:, None] * matmul(left.T, matrix), scale)


@in_default_arithmetic
@plain_signature
def eva(
    covariance: Any,
    rows: int,
    rank: int,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    **unknown: Never,
) -> tuple[Array, Array]:
    """Return an adapter whose A has the principal directions of a layer's inputs, and B = 0 (EVA).

    The rows of A are the eigenvectors of the covariance with the ``rank`` largest eigenvalues, in
    decreasing order (Paischer et al. 2024, arXiv 2410.07170). That paper also gives layers ranks by
    the variance that their vectors explain, which are to be chosen before. The decomposition is
    that of ``fastinit.pissa``.

    Args:
        covariance: X' X of inputs X of the layer, (in, in), or a multiple; peft centers X.
        rows: The number of outputs of the layer.
        rank: The rank.
        seed: An integer in [0, 2**64), or a ``Stream``; None for the process-wide seed.
        name: The stream of the seed.

    Returns:
        A of shape (rank, in) and B of shape (rows, rank), in the covariance's dtype.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The covariance is not square or not finite, or an argument is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> a, b = fastinit.eva(np.diag([1.0, 9.0, 4.0]), 5, 2, seed=0, name="w.eva")
        >>> abs(a).round(6) + 0.0, b.shape
        (array([[0., 1., 0.],
               [0., 0., 1.]]), (5, 2))
    """
    if extra or unknown:
        raise unexpected(eva, covariance, extra, unknown)
    given = to_numpy(covariance)
    inputs = _covariance(given, len(given) if given.ndim else 0)
    count, outputs = positive_integer(rank, "rank"), positive_integer(rows, "rows")
    if count > len(inputs):
        raise ValueError(f"rank={count} is more than the {len(inputs)} inputs; pass less")
    times = lambda x: matmul(inputs, x, 2)  # noqa: E731
    found = leading((len(inputs), len(inputs)), times, times, count, streams.fixed(seed, name))
    return rounded(found[2], given.dtype), np.zeros((outputs, count), given.dtype)


@in_default_arithmetic
@plain_signature
def lora_ga(
    weight: Any,
    gradient: Any,
    rank: int,
    *extra: Never,
    gamma: float = 16.0,
    scaling: float = 1.0,
    seed: Seed | None = None,
    name: str | int | None = None,
    **unknown: Never,
) -> tuple[Array, Array, Array]:
    """Return an adapter whose first step is that of the whole weight, and the rest (LoRA-GA).

    With the singular vectors U, V of the gradient, A = c V'[0:rank] and B = c U[:, rank:2 rank],
    where c = out^(1/4) / sqrt(gamma), and the weight that stays frozen is W - scaling B A (Wang et
    al. 2024, arXiv 2407.05000, and its authors' code; peft multiplies B by the singular values of
    the gradient, and has the factor out^(1/4) / sqrt(gamma) in B alone). The decomposition is that
    of ``fastinit.pissa``.

    Args:
        weight: The weight (out, in), an array or a tensor.
        gradient: The mean gradient of the loss by the weight, over some batches.
        rank: The rank, at most half of the smaller size.
        gamma: The larger it is, the smaller are A and B.
        scaling: The factor with which B A is applied: alpha / rank, or alpha / sqrt(rank).
        seed: An integer in [0, 2**64), or a ``Stream``; None for the process-wide seed.
        name: The stream of the seed.

    Returns:
        A of shape (rank, in), B of shape (out, rank) and the rest, in the weight's dtype.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The gradient has another shape or is not finite, or an argument is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> w = fastinit.normal((64, 48), seed=0, name="w")
        >>> a, b, rest = fastinit.lora_ga(w, w, 4, seed=0, name="w.lora_ga")
        >>> bool(np.allclose(a @ a.T, 64**0.5 / 16 * np.eye(4), atol=1e-5))
        True
    """
    if extra or unknown:
        raise unexpected(lora_ga, weight, extra, unknown)
    matrix, count, scale = checked_weight(weight, rank, scaling)
    by = _finite(gradient, "gradient")
    if by.shape != matrix.shape:
        raise ValueError(
            f"gradient has shape {by.shape}, the weight {matrix.shape}; pass equal ones"
        )
    if 2 * count > min(matrix.shape):
        raise ValueError(f"rank={count} is more than half of what {matrix.shape} has; pass less")
    if finite(gamma, "gamma") <= 0:
        raise ValueError(f"gamma={gamma} is not positive; pass a positive number, such as 16")
    left, _, right = leading(
        (matrix.shape[0], matrix.shape[1]),
        lambda x: matmul(by, x, 2),
        lambda y: matmul(by.T, y, 2),
        2 * count,
        streams.fixed(seed, name),
    )
    size = math.sqrt(math.sqrt(matrix.shape[0])) / math.sqrt(gamma)
    return with_rest(matrix, left[:, count:] * size, right[:count] * size, scale)


def _covariance(given: Any, size: int) -> Array:
    found = _finite(given, "covariance")
    if found.shape != (size, size):
        raise ValueError(
            f"covariance has shape {found.shape}; pass ({size}, {size}), one row per input"
        )
    return found


def _finite(given: Any, name: str) -> Array:
    found: Array = to_numpy(given).astype(np.float64)
    if found.ndim != 2:
        raise ValueError(f"{name} has shape {found.shape}; pass a matrix")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} has values that are not finite; leave out the batches of these")
    return found


def _mean_of(covariance: Array) -> float:
    return math.fsum(np.diag(covariance).tolist()) / len(covariance)
