"""Masks with exact counts over the values of another initializer, and n of m."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Never, overload

import numpy as np

from fastinit.checks import integer, not_negative, shown
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.distributions.normal import Normal
from fastinit.initializers.fans import axes_of
from fastinit.initializers.function_help import draws
from fastinit.initializers.masks.masked import (
    Base,
    Masked,
    block_of,
    draw_mask,
    fraction,
    grid_of,
)
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.masks import (
    LARGEST_SAMPLE,
    BlockMask,
    ExactCountMask,
    TotalCountMask,
)
from fastinit.native.request import Template
from fastinit.streams import Seed

__all__ = ["NM", "Sparse", "mask", "n_m", "n_of_m", "sparse"]


_SAMPLES = {"in": "each column of ", "out": "each row of ", "tensor": ""}  # by ``per``


@dataclasses.dataclass(frozen=True)
class Sparse(Masked):
    """A fixed number of weights of every input, every output or the tensor is kept; others are 0.

    Every subset of that size is equally likely.

    Args:
        sparsity: The fraction of zeros, 0 to 1: ceil(sparsity * n) of every n weights.
        nonzeros: The number of weights that are kept of every n, in place of ``sparsity``.
        std: The standard deviation of a normal with mean 0; None for 0.01 (as torch's ``sparse_``
            has it), or with a base.
        base: The initializer that draws the values instead: an object, or a name such as
            "he_normal".
        per: The weights that are counted together. "in": those that one input feeds, each column
            of the (o, rest) matrix, as torch's ``sparse_`` means it. "out": those that feed one
            output unit (Martens, "Deep learning via Hessian-free optimization", ICML 2010: 15
            nonzeros). "tensor": all, as in static masks of sparse training (Evci et al., arXiv
            1911.11134).
        correct_fan: Whether fans count only the weights that are kept (on average, where ``per``
            does not fix them).
        layout: The role of each axis, as in ``HeNormal``, of the base as well.
        block: The size of a block on each axis, as (16, 16) or (4, 4, 3, 3), with ``per="tensor"``:
            whole blocks are kept or zeroed, and counted.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: Both or neither of ``sparsity`` and ``nonzeros`` are given, or one is out of
            range; the base is masked, or has another layout or no fan to correct; when drawn, the
            shape lacks an output or an input axis, has fewer weights than ``nonzeros``, or does
            not divide into blocks.

    Example:
        >>> import fastinit
        >>> w = fastinit.Sparse(nonzeros=15, base="he_normal", per="out")((100, 400), seed=0)
        >>> set((w != 0).sum(axis=1).tolist())
        {15}
    """

    sparsity: float | None = None
    nonzeros: int | None = None
    std: float | None = None
    base: Base = None
    per: str = "in"
    correct_fan: bool = False
    layout: str = "oi*"
    block: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if (self.sparsity is None) == (self.nonzeros is None):
            raise ValueError(
                f"sparsity={self.sparsity} and nonzeros={self.nonzeros}: pass one of them"
            )
        if self.sparsity is not None:
            object.__setattr__(self, "sparsity", fraction(self.sparsity, "sparsity"))
        else:
            object.__setattr__(self, "nonzeros", _count(self.nonzeros, "nonzeros"))
        if self.per not in _SAMPLES:
            raise ValueError(f"per={self.per!r} is not known; use 'in', 'out' or 'tensor'")
        object.__setattr__(self, "block", block_of(self.block))
        if self.block is not None and self.per != "tensor":
            raise ValueError(
                f"block={self.block} with per={self.per!r}: blocks are counted in the whole "
                "tensor; pass per='tensor' with them"
            )
        self._check_base()
        if self.base is not None and self.std is not None:
            raise ValueError(f"std={self.std} and base={self.base!r} say the same; pass one")
        if isinstance(self.base, Normal) and self.base.mean == 0:
            object.__setattr__(self, "std", self.base.std)  # equal draws are equal objects
            object.__setattr__(self, "base", None)
        elif self.base is None:
            object.__setattr__(
                self, "std", not_negative(0.01 if self.std is None else self.std, "std")
            )

    @property
    def dense(self) -> Initializer:
        """The base, or the normal that ``std`` stands for."""
        if isinstance(self.base, Initializer):
            return self.base
        assert self.std is not None
        return Normal(0.0, self.std)

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """Return the same mask over the scaled base or normal."""
        return dataclasses.replace(self, base=self.dense.scaled(apply), std=None)

    def _along(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        letters = axes_of(shape, self.layout)
        outputs = tuple(axis for axis, letter in enumerate(letters) if letter == "o")
        inputs = tuple(axis for axis, letter in enumerate(letters) if letter in "i*")
        if not outputs or not inputs:
            missing = "output" if not outputs else "input"
            raise ValueError(
                f"layout={self.layout!r} gives shape {shape} no {missing} axis, which a mask "
                "needs; pass another layout"
            )
        return outputs if self.per == "in" else inputs

    def density(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return how many weights of every column or row, or of all, are kept, and of how many."""
        is_total = self.per == "tensor"
        of = math.prod(shape if is_total else (shape[axis] for axis in self._along(shape)))
        each = 1 if self.block is None else grid_of(shape, self.block)[1]
        if of // each > LARGEST_SAMPLE:
            raise ValueError(
                f"shape {shape} has {of // each} {self._units} to choose from; {LARGEST_SAMPLE} or "
                "fewer are allowed"
            )
        if self.nonzeros is not None:
            if self.nonzeros > of and 0 not in shape:
                raise ValueError(
                    f"nonzeros={shown(self.nonzeros)} is more than the {of} weights that there are "
                    f"in {_SAMPLES[self.per]}shape {shape}"
                )
            if self.nonzeros % each:
                raise ValueError(
                    f"nonzeros={self.nonzeros} is not a number of whole blocks of {each} weights"
                )
            return min(self.nonzeros, of), of
        assert self.sparsity is not None
        units = of // each
        return of - min(math.ceil(self.sparsity * units), units) * each, of

    @property
    def _units(self) -> str:
        return "weights" if self.block is None else "blocks"

    def mask(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Template:
        """Return zeros down the columns, along the rows, or anywhere."""
        kept, of = self.density(shape)
        if self.block is not None and max(self.block, default=1) > 1:
            each = grid_of(shape, self.block)[1]
            return BlockMask(dtype, shape, self.block, (of - kept) // each)
        if self.per == "tensor":
            return TotalCountMask(dtype, of, of - kept)
        return ExactCountMask(dtype, shape, self._along(shape), of, of - kept)


@dataclasses.dataclass(frozen=True)
class NM(Masked):
    """Exactly n of every m neighbors along the input axis are kept; the others are 0.

    2 of 4 is what sparse tensor cores multiply (Mishra et al. 2021, arXiv 2104.08378).

    Args:
        n: The number of weights that are kept, 0 to ``m``.
        m: The length of a group, 1 or more, which divides the input axis.
        base: The initializer that draws the values: an object, or a name such as "he_normal". None
            for ones, so that the result is the mask: 1 (True) is kept.
        correct_fan: Whether fans count only the weights that are kept.
        layout: The role of each axis, as in ``HeNormal``, with one input axis.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``n`` or ``m`` is out of range; the base is masked, or has another layout or no
            fan to correct; when drawn, ``m`` does not divide the input axis.

    Example:
        >>> import fastinit
        >>> w = fastinit.NM(2, 4, base="he_normal")((16, 64), seed=0)
        >>> set((w.reshape(-1, 4) != 0).sum(axis=1).tolist())
        {2}
    """

    n: int = 2
    m: int = 4
    base: Base = None
    correct_fan: bool = False
    layout: str = "oi*"

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", _count(self.n, "n"))
        object.__setattr__(self, "m", _count(self.m, "m"))
        if not 1 <= self.m <= LARGEST_SAMPLE:
            raise ValueError(f"m={shown(self.m)} is out of range; pass 1 to {LARGEST_SAMPLE}")
        if self.n > self.m:
            raise ValueError(f"n={shown(self.n)} is more than m={self.m}; n of every m are kept")
        self._check_base()
        if self.layout.count("i") != 1:
            raise ValueError(
                f"layout={self.layout!r} does not have exactly one input axis, along which the "
                "groups lie; write i once"
            )

    def density(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return (n, m), once it is known that they fit the shape."""
        size = shape[axes_of(shape, self.layout).index("i")]
        if size % self.m:
            raise ValueError(
                f"m={self.m} does not divide the input axis of size {size} of shape {shape}"
            )
        return self.n, self.m

    def mask(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Template:
        """Return zeros in every group."""
        along = (axes_of(shape, self.layout).index("i"),)
        return ExactCountMask(dtype, shape, along, self.m, self.m - self.n)


def _count(value: Any, what: str) -> int:
    number = integer(value, what, "0 or more")
    if number < 0:
        raise ValueError(f"{what}={shown(number)} is negative; pass 0 or more")
    return number


@overload
def sparse(
    shape: Shape,
    sparsity: float | None = None,
    nonzeros: int | None = None,
    std: float | None = None,
    base: Base = None,
    per: str = "in",
    *,
    block: tuple[int, ...] | None = None,
    correct_fan: bool = False,
    layout: str = "oi*",
    format: None = None,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
) -> Out: ...


@overload
def sparse(
    shape: Shape,
    sparsity: float | None = None,
    nonzeros: int | None = None,
    std: float | None = None,
    base: Base = None,
    per: str = "in",
    *,
    block: tuple[int, ...] | None = None,
    correct_fan: bool = False,
    layout: str = "oi*",
    format: str,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Any = None,
    index: Index | None = None,
) -> Any: ...


@draws(Sparse)
def sparse(  # noqa: D417 (the other arguments are those of Sparse)
    shape: Shape,
    sparsity: float | None = None,
    nonzeros: int | None = None,
    std: float | None = None,
    base: Base = None,
    per: str = "in",
    *extra: Never,
    block: tuple[int, ...] | None = None,
    correct_fan: bool = False,
    layout: str = "oi*",
    format: str | None = None,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Any = None,
    index: Index | None = None,
    **unknown: Never,
) -> Any:
    """Draw from ``Sparse(sparsity, nonzeros, std, base, per, correct_fan, layout, block)``.

    Args:
        format: "csr", "csc" or "coo" for an array of scipy.sparse, of a matrix in float32 or
            float64: it equals the dense array converted, which never exists, and its indices are
            sorted. None for a dense array.

    Raises:
        ImportError: SciPy is not installed, and ``format`` is given.

    Example:
        >>> import fastinit
        >>> w = fastinit.sparse((50, 20), sparsity=0.9, seed=0)
        >>> set((w == 0).sum(axis=0).tolist())
        {45}
    """
    if extra or unknown:
        raise unexpected(sparse, shape, extra, unknown)
    initializer = Sparse(sparsity, nonzeros, std, base, per, correct_fan, layout, block)
    if format is None:
        return initializer._draw(shape, seed, name, dtype, device, out, index)
    from fastinit.initializers.masks import scipy_sparse  # here, as few ask

    return scipy_sparse.draw(initializer, shape, format, seed, name, dtype, device, out, index)


@draws(Sparse)
def mask(
    shape: Shape,
    sparsity: float | None = None,
    nonzeros: int | None = None,
    per: str = "in",
    *extra: Never,
    block: tuple[int, ...] | None = None,
    layout: str = "oi*",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw the mask of ``sparse``: True (1) where a weight is kept, False (0) where it is zeroed.

    With the same seed, name and options it is exactly the mask of ``sparse``, and means what
    torch.nn.utils.prune means by a mask. ``dtype`` is bool unless it or ``out`` is given.

    Example:
        >>> import fastinit
        >>> kept = fastinit.mask((6, 4), nonzeros=2, seed=0)
        >>> kept.dtype, kept.sum(axis=0).tolist()
        (dtype('bool'), [2, 2, 2, 2])
    """
    if extra or unknown:
        raise unexpected(mask, shape, extra, unknown)
    initializer = Sparse(sparsity, nonzeros, None, Constant(1), per, False, layout, block)
    return draw_mask(initializer, shape, seed, name, dtype, device, out, index)


@draws(NM)
def n_m(
    shape: Shape,
    n: int = 2,
    m: int = 4,
    base: Base = None,
    *extra: Never,
    correct_fan: bool = False,
    layout: str = "oi*",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``NM(n, m, base, correct_fan, layout)``, for sparse tensor cores.

    Without a base it is the mask itself: True (1) where a weight is kept; its ``dtype`` is bool
    unless it or ``out`` is given.

    Example:
        >>> import fastinit
        >>> fastinit.n_m((2, 8), seed=0).reshape(-1, 4).sum(axis=1).tolist()
        [2, 2, 2, 2]
    """
    if extra or unknown:
        raise unexpected(n_m, shape, extra, unknown)
    initializer = NM(n, m, base, correct_fan, layout)
    if base is None:
        return draw_mask(initializer, shape, seed, name, dtype, device, out, index)
    return initializer._draw(shape, seed, name, dtype, device, out, index)


n_of_m = n_m
