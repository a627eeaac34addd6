"""Mimetic attention: weights whose products have the pattern of trained ones."""

from __future__ import annotations

import dataclasses
import functools
import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.arrays.reproducible import matmul
from fastinit.arrays.spectral import eigen
from fastinit.checks import finite, positive_integer, shown
from fastinit.initializers.base import Initializer
from fastinit.initializers.composites.parts import stream_name_of
from fastinit.initializers.computed import Computed
from fastinit.initializers.distributions.normal import normal
from fastinit.initializers.fans import axes_of, layout_of
from fastinit.native.box import Bounds
from fastinit.native.dtypes import drawable, exceeds
from fastinit.native.request import Template
from fastinit.streams import part_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Factors = tuple[NDArray[np.float64], NDArray[np.float64]]

__all__ = ["Mimetic"]

_ROLES = {"query": (0.7, 0.7), "key": (0.7, 0.7), "value": (0.4, -0.4), "output": (0.4, -0.4)}
"""The weights of Z and of the identity by default."""
_lock = threading.Lock()  # so that threads do not find the same factors


@dataclasses.dataclass(frozen=True)
class Mimetic(Initializer):
    """One of the four weights of an attention layer, so that their products are as in trained ones.

    Trockman and Kolter 2023, arXiv 2305.09828, section 4. With d inputs, k dimensions per head and
    Z of independent N(0, 1 / d),

    - for each head W_Q W_K' is the best approximation of rank k of alpha Z + beta I: with the
      singular value decomposition U S V', W_Q = U_k sqrt(S_k) and W_K = V_k sqrt(S_k);
    - W_V W_O is alpha Z - beta I in the same way, of all heads together: W_V = U sqrt(S) and
      W_O = sqrt(S) V'.

    These act on rows, as in the paper; the weights are laid out as ``layout`` says. The four draw Z
    from one stream, whose name the names of all four must lead to. The decomposition is that of
    Z'Z by the library's own eigensolver, with equal bits everywhere; it takes 0.3 s for d = 768,
    once per head for the query and the key, and once for the value and the output.

    Args:
        role: "query", "key", "value" or "output".
        heads: The number of heads, the same for all four.
        alpha: The weight of Z; None for 0.7 of the query and the key and 0.4 of the others.
        beta: The weight of the identity, 0.7 or 0.4 by default. That of the value and the output
            is subtracted.
        stream: The name of the stream of Z, with ``{name}``, ``{parent}`` (the name of the array
            without its last segment) or ``{grandparent}``.
        layout: The role of each axis: "oi*" for torch, "*io" for JAX and Keras, "ioo" for heads on
            an axis of their own.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range; when drawn, the shape is not that of a matrix, has
            more dimensions of heads than of the model or does not divide into heads, or the name
            has too few segments.

    Example:
        >>> import fastinit, numpy as np
        >>> q, k = (
        ...     fastinit.Mimetic(role, heads=2)((32, 16), seed=0, name=f"attn.{role}.weight")
        ...     for role in ("query", "key")
        ... )
        >>> product = q[:16].T @ k[:16]  # of the first head, of all dimensions here
        >>> bool(abs(np.diag(product).mean() - 0.7) < 0.2)
        True
    """

    role: str
    heads: int
    alpha: float | None = None
    beta: float | None = None
    stream: str = "{grandparent}.mimetic"
    layout: str = "oi*"

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.role not in _ROLES:
            raise ValueError(
                f"role={shown(self.role)} is not known; use one of {', '.join(_ROLES)}"
            )
        object.__setattr__(self, "heads", positive_integer(self.heads, "heads"))
        for field in ("alpha", "beta"):
            if (value := getattr(self, field)) is not None:
                object.__setattr__(self, field, finite(value, field))
        object.__setattr__(self, "stream", stream_name_of(self.stream, "stream"))
        object.__setattr__(self, "layout", layout_of(self.layout))

    def _sizes(self, shape: tuple[int, ...]) -> tuple[list[int], int, int]:
        """Return the output axes before the others, the width of the model and a head's size."""
        letters = axes_of(shape, self.layout)
        if len(shape) < 2 or "b" in letters:
            raise ValueError(
                f"shape {shape} is not that of a matrix in layout={self.layout!r}; pass outputs "
                "and inputs"
            )
        order = sorted(range(len(shape)), key=lambda axis: letters[axis] != "o")
        outputs = math.prod(shape[axis] for axis in order if letters[axis] == "o")
        inputs = math.prod(shape) // outputs
        width, inner = (outputs, inputs) if self.role == "output" else (inputs, outputs)
        if inner % self.heads:
            raise ValueError(
                f"shape {shape} has {inner} dimensions, which are not a multiple of heads="
                f"{self.heads}; make them agree"
            )
        rank = inner // self.heads if self.role in ("query", "key") else inner
        if rank > width:
            raise ValueError(
                f"shape {shape}: a product of {width} x {width} has no factors of {rank} "
                "dimensions; pass no more dimensions than inputs"
            )
        return order, width, inner // self.heads

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which finds the factors and takes those of the role."""
        precision = drawable(dtype, "mimetic")
        order, width, each = self._sizes(shape)
        is_paired = self.role in ("query", "key")  # one product per head
        usual = _ROLES[self.role]
        alpha = usual[0] if self.alpha is None else self.alpha
        beta = usual[1] if self.beta is None else self.beta * (1 if is_paired else -1)
        products, rank = (self.heads, each) if is_paired else (1, self.heads * each)
        second = self.role in ("key", "output")
        sizes, inverse = [shape[axis] for axis in order], np.argsort(order)

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            name = part_name(self.stream, stream, "")
            with _lock:
                factors = _factors(products, width, rank, alpha, beta, seed, name, is_paired)
            found = np.concatenate(factors[second], axis=1)  # width x (heads each)
            if self.role != "output":  # outputs come first, and those are of the heads
                found = found.T
            whole = found.reshape(sizes).transpose(inverse)
            part: NDArray[Any] = whole[tuple(slice(*each) for each in bounds)].astype(precision)
            return np.ascontiguousarray(part)

        def before(_: int, stream: int) -> None:
            part_name(self.stream, stream, "")

        may_fail = exceeds(precision, dtype)
        return (Computed(shape, dtype, compute, False, (), before, may_fail),)


@functools.lru_cache(maxsize=4)  # of a layer, and of those that threads are at
def _factors(
    products: int,
    width: int,
    rank: int,
    alpha: float,
    beta: float,
    seed: int,
    name: str,
    is_paired: bool,
) -> Factors:
    """Return both factors of each product, of the shape (products, width, rank)."""
    left, right = np.empty((2, products, width, rank))
    what = "query-key" if is_paired else "value-output"
    for k in range(products):
        z = normal(
            (1 << 20, width, width),  # so that no number of heads changes a value
            std=width**-0.5,
            seed=seed,
            name=f"{name}.{what}",
            dtype="float64",
            index=k,
        )
        matrix = z * alpha
        matrix.flat[:: width + 1] += beta
        squares, vectors = eigen(matmul(np.ascontiguousarray(matrix.T), matrix))
        roots = np.sqrt(np.sqrt(np.maximum(squares[:rank], 0.0)))
        vectors = np.ascontiguousarray(vectors[:rank].T)
        right[k] = vectors * roots
        left[k] = matmul(matrix, vectors) / np.where(roots > 0, roots, 1.0)
    return left, right
