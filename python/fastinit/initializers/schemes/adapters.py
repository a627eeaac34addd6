"""Starts of low-rank adapters beside LoRA's own: PiSSA, OLoRA, VeRA, and those of peft."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from fastinit import streams
from fastinit.arrays.digest import to_numpy
from fastinit.arrays.reproducible import leading_svd, matmul, qr
from fastinit.checks import finite, integer, positive_integer, shown
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions.normal import Normal, normal
from fastinit.initializers.distributions.presets import HeUniform
from fastinit.initializers.matrices.orthogonal import orthogonal
from fastinit.initializers.options import plain_signature, unexpected
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import shape_of
from fastinit.native.dtypes import dtype_of, precision_of
from fastinit.streams import Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["adapter", "olora", "pissa"]

_MORE = 16  # vectors of the sketch beyond the rank


def _gaussian(sizes: tuple[int, int], rank: int, draw: Callable[..., Any]) -> tuple[Any, Any]:
    return draw(Normal(std=1 / rank), (rank, sizes[1]), "a"), np.zeros((sizes[0], rank))


def _orthogonal(sizes: tuple[int, int], rank: int, draw: Callable[..., Any]) -> tuple[Any, Any]:
    if rank % 2:
        raise ValueError(f"rank={rank} is odd; kind='orthogonal' needs an even rank")
    q = draw(None, (rank, rank), "q")
    left = draw(Normal(), (sizes[0], rank // 2), "b")
    right = draw(Normal(), (sizes[1], rank // 2), "a")
    return matmul(right, q[0::2]).T / 10, matmul(left, q[1::2]) / 10


def _vera(sizes: tuple[int, int], rank: int, draw: Callable[..., Any]) -> tuple[Any, Any]:
    return draw(HeUniform(), (rank, sizes[1]), "a"), draw(HeUniform(), (sizes[0], rank), "b")


KINDS = {"gaussian": _gaussian, "orthogonal": _orthogonal, "vera": _vera}


@in_default_arithmetic
@plain_signature
def adapter(
    shape: tuple[int, int],
    rank: int,
    kind: str = "gaussian",
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = "float32",
    **unknown: Never,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw the factors A and B of a low-rank adapter of a weight, by one of several schemes.

    "gaussian": A ~ N(0, 1 / rank^2) and B = 0, as peft has it under the same name.

    "orthogonal": A = (N Q1)' / 10 and B = M Q2 / 10, where N and M are normal and Q1 and Q2 are
    every other row of an orthogonal matrix, so that B A = 0 and neither is; as in peft.

    "vera": both He uniform, shared by layers and frozen (VeRA, Kopiczko et al. 2023, arXiv
    2310.11454); its vectors start from d = 0.1 and b = 0.

    ``fastinit.lora`` has LoRA's own, a uniform A. rsLoRA differs in the factor alone with which B A
    is applied: alpha / sqrt(rank). The streams are ``NAME.a``, ``NAME.b`` and ``NAME.q``.

    Args:
        shape: (out, in), that of the weight.
        rank: The rank.
        kind: The scheme: "gaussian", "orthogonal" or "vera".
        seed: An integer in [0, 2**64), or a ``Stream``; None for the process-wide seed.
        name: The stream of the seed.
        dtype: The dtype of both factors.

    Returns:
        A of shape (rank, in) and B of shape (out, rank).

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``kind`` is not known, ``shape`` does not have two axes, or the rank is out of
            range.

    Example:
        >>> import fastinit
        >>> a, b = fastinit.adapter((64, 32), 8, "orthogonal", seed=0, name="q_proj")
        >>> bool(abs(b @ a).max() < 1e-6)
        True
    """
    if extra or unknown:
        raise unexpected(adapter, shape, extra, unknown)
    if kind not in KINDS:
        raise ValueError(f"kind={shown(kind)} is not known; use one of {', '.join(KINDS)}")
    sizes = shape_of(shape)
    if len(sizes) != 2:
        raise ValueError(f"shape {sizes} is not (out, in); pass two sizes")
    wanted = dtype_of(dtype)
    where = streams.fixed(seed, name)

    def draw(what: Initializer | None, size: tuple[int, int], part: str) -> Any:
        options: dict[str, Any] = streams.part_of(where, part) | {"dtype": precision_of(wanted)}
        return orthogonal(size, **options) if what is None else what(size, **options)

    a, b = KINDS[kind](sizes, positive_integer(rank, "rank"), draw)
    return tuple(np.ascontiguousarray(rounded(each, wanted)) for each in (a, b))  # type: ignore[return-value]


@in_default_arithmetic
@plain_signature
def pissa(
    weight: Any,
    rank: int,
    *extra: Never,
    scaling: float = 1.0,
    rounds: int = 2,
    seed: Seed | None = None,
    name: str | int | None = None,
    **unknown: Never,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the principal part of a weight as the factors of an adapter, and the rest (PiSSA).

    With the ``rank`` largest singular values S of W and their vectors, A = sqrt(S / scaling) V',
    B = U sqrt(S / scaling), and the weight that stays frozen is W - scaling B A (Meng et al. 2024,
    arXiv 2404.02948). The decomposition is the randomized one of Halko et al. 2011, from a sketch
    of ``rank`` + 16 normal vectors of the stream ``NAME.sketch``; all processes that have the
    weight get equal bits, whatever their BLAS and threads.

    Args:
        weight: The weight (out, in), an array or a tensor.
        rank: The rank.
        scaling: The factor with which B A is applied: alpha / rank, or alpha / sqrt(rank).
        rounds: The number of power iterations; more of them separate closer singular values.
        seed: An integer in [0, 2**64), or a ``Stream``; None for the process-wide seed.
        name: The stream of the seed.

    Returns:
        A of shape (rank, in), B of shape (out, rank) and the rest, in the weight's dtype.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The weight does not have two axes, or an argument is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> w = fastinit.product((64, 48), "normal", "normal", 4, seed=0, name="w")
        >>> a, b, rest = fastinit.pissa(w, 4, seed=0, name="w.pissa")
        >>> bool(np.allclose(b @ a, w, atol=1e-4)), bool(abs(rest).max() < 1e-4)
        (True, True)
    """
    if extra or unknown:
        raise unexpected(pissa, weight, extra, unknown)
    matrix, count, scale = checked_weight(weight, rank, scaling)
    tall = matrix.shape[0] >= matrix.shape[1]
    turned = matrix if tall else matrix.T
    left, sizes, right = leading(
        (turned.shape[0], turned.shape[1]),
        lambda x: matmul(turned, x, 2),
        lambda x: matmul(turned.T, x, 2),
        count,
        streams.fixed(seed, name),
        integer(rounds, "rounds", "0 or more"),
    )
    root = np.sqrt(sizes / scale)
    u, v = (left, right) if tall else (right.T, left.T)
    return with_rest(matrix, u * root, root[:, None] * v, scale)


def leading(
    shape: tuple[int, int],
    times: Callable[[NDArray[Any]], NDArray[Any]],
    transposed_times: Callable[[NDArray[Any]], NDArray[Any]],
    count: int,
    where: streams.NamedStream,
    rounds: int = 2,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return singular vectors and values of a matrix of this shape, from products with it."""
    size = (shape[1], min(count + _MORE, *shape))
    sketch = normal(size, dtype="float64", **streams.part_of(where, "sketch"))
    left, sizes, right = leading_svd(times, transposed_times, sketch, rounds)
    return left[:, :count], sizes[:count], right[:count]


@in_default_arithmetic
@plain_signature
def olora(
    weight: Any, rank: int, *extra: Never, scaling: float = 1.0, **unknown: Never
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the first columns of Q and rows of R of a weight as the factors of an adapter.

    W = Q R; B is Q's first ``rank`` columns, A is R's first rows, and the weight that stays frozen
    is W - scaling B A (OLoRA, Buyukakyuz 2024, arXiv 2406.01775). Only those columns are computed,
    by Householder reflectors, and R has a diagonal >= 0.

    Args:
        weight: The weight (out, in), an array or a tensor.
        rank: The rank.
        scaling: The factor with which B A is applied.

    Returns:
        A of shape (rank, in), B of shape (out, rank) and the rest, in the weight's dtype.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The weight does not have two axes, or an argument is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> w = fastinit.normal((8, 6), seed=0, name="w")
        >>> a, b, rest = fastinit.olora(w, 2)
        >>> bool(np.allclose(b.T @ b, np.eye(2), atol=1e-6)), bool(np.allclose(b @ a + rest, w))
        (True, True)
    """
    if extra or unknown:
        raise unexpected(olora, weight, extra, unknown)
    matrix, count, scale = checked_weight(weight, rank, scaling)
    q = qr(matrix[:, :count])[0]
    return with_rest(matrix, q, matmul(q.T, matrix), scale)


def checked_weight(weight: Any, rank: Any, scaling: Any) -> tuple[NDArray[Any], int, float]:
    """Return a weight as a matrix of NumPy, and the rank and the scaling of its adapter.

    Raises:
        TypeError: One of them has the wrong type.
        ValueError: One of them is out of range.
    """
    matrix = to_numpy(weight)
    if matrix.ndim != 2:
        raise ValueError(f"weight has shape {matrix.shape}, which is not (out, in); pass a matrix")
    if not np.isfinite(matrix).all():
        raise ValueError("weight has values that are not finite; pass finite ones")
    count, scale = positive_integer(rank, "rank"), finite(scaling, "scaling")
    if count > min(matrix.shape):
        raise ValueError(f"rank={count} is more than a matrix of {matrix.shape} has; pass less")
    if scale <= 0:
        raise ValueError(f"scaling={scale} is not positive; pass alpha / rank")
    return matrix, count, scale


def with_rest(
    matrix: NDArray[Any], b: NDArray[Any], a: NDArray[Any], scale: float
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return both factors, and the weight without the product of these factors as rounded."""
    a, b = (np.ascontiguousarray(rounded(each, matrix.dtype)) for each in (a, b))
    rest = np.empty_like(matrix)
    for start in range(0, len(matrix), 256):
        rows = slice(start, start + 256)
        part = matrix[rows].astype(np.float64) - scale * matmul(b[rows], a, 2)
        rest[rows] = rounded(part, matrix.dtype)
    return a, b, rest


def rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values in a dtype; narrow ones by way of float32, as everywhere."""
    return values.astype(precision_of(dtype)).astype(dtype)
