"""Bases of RandLoRA: random matrices of standard deviation 1 that layers share and do not train."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Never

from fastinit import streams
from fastinit.checks import finite, integer, positive_integer
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions.uniform import Uniform
from fastinit.initializers.options import plain_signature, unexpected
from fastinit.initializers.schemes.scheme import Scheme
from fastinit.streams import Seed, part_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RandloraBasis", "randlora"]


@dataclasses.dataclass(frozen=True)
class RandloraBasis(Scheme):
    """A random basis of RandLoRA, whose elements have the mean 0 and the standard deviation 1.

    Albert et al. 2025, arXiv 2502.00987, section 4: uniform in (-sqrt(3), sqrt(3)); or sparse, 0
    with the probability 1 - 1 / s, else -sqrt(s) or sqrt(s) (Li et al. 2006, "Very Sparse Random
    Projections"). peft divides what it draws by the standard deviation of the sample, which is 1
    here on average; so parts of a basis have the values of the whole.

    Args:
        sparsity: s, 1 or more: 3 for sparse bases, sqrt(min(outputs, inputs)) for very sparse ones;
            None for uniform ones.

    Raises:
        TypeError: ``sparsity`` is not a number.
        ValueError: ``sparsity`` is below 1.

    Example:
        >>> import fastinit
        >>> basis = fastinit.RandloraBasis(3)((8, 1, 64), seed=0, name="randlora_A")
        >>> sorted(set(basis.round(2).flat))
        [np.float32(-1.73), np.float32(0.0), np.float32(1.73)]
    """

    sparsity: float | None = None

    def __post_init__(self) -> None:
        """Check the field."""
        if self.sparsity is None:
            return
        object.__setattr__(self, "sparsity", finite(self.sparsity, "sparsity"))
        if self.sparsity < 1:
            raise ValueError(f"sparsity={self.sparsity} is below 1; pass 1 or more, such as 3")

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return the uniform or the ternary distribution."""
        if self.sparsity is None:
            return Uniform(-math.sqrt(3.0), math.sqrt(3.0))
        from fastinit.initializers.distributions.discrete import (
            Ternary,  # here: few bases are sparse
        )

        return Ternary(1.0 - 1.0 / self.sparsity, math.sqrt(self.sparsity))


@plain_signature
def randlora(
    shape: tuple[int, int],
    rank: int,
    *extra: Never,
    sparsity: float | None = None,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = "float32",
    **unknown: Never,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw the bases A and B of RandLoRA for a weight, or for the largest of those that share them.

    With n = ceil(min(out, in) / rank) bases, the update of a weight is, or its transpose,

        sum over j of B[:, j] diag(lambda[:, j]) A[:, 0] diag(gamma[j])

    of full rank (Albert et al. 2025, arXiv 2502.00987, equation 2). A and B are ``RandloraBasis``
    and stay as they are; lambda (rank, n) starts at 0 and gamma (n, min(out, in)) at
    1 / max(out, in). The streams are ``NAME.a`` and ``NAME.b``.

    Args:
        shape: (out, in), that of the weight.
        rank: The rank of each basis.
        sparsity: The sparsity of both, as of ``RandloraBasis``.
        seed: An integer in [0, 2**64), or a ``Stream``; None for the process-wide seed.
        name: The stream of the seed.
        dtype: The dtype of both.

    Returns:
        A of shape (rank, 1, min(out, in)) and B of shape (max(out, in), n, rank), as peft has them.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``shape`` does not have two axes, or a number is out of range.

    Example:
        >>> import fastinit
        >>> a, b = fastinit.randlora((64, 48), 10, seed=0, name="randlora")
        >>> a.shape, b.shape
        ((10, 1, 48), (64, 5, 10))
    """
    if extra or unknown:
        raise unexpected(randlora, shape, extra, unknown)
    if len(shape) != 2:
        raise ValueError(f"shape {shape} is not (out, in); pass two sizes")
    small, large = sorted(integer(size, "shape", "sizes") for size in shape)
    count = positive_integer(rank, "rank")
    if count > small:
        raise ValueError(f"rank={count} is more than the {small} of shape {shape}; pass less")
    where, basis = streams.fixed(seed, name), RandloraBasis(sparsity)
    a = basis((count, 1, small), dtype=dtype, **part_of(where, "a"))
    b = basis((large, -(-small // count), count), dtype=dtype, **part_of(where, "b"))
    return a, b
