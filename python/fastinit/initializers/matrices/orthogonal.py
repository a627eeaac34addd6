"""Orthogonal matrices, and such a matrix at the center of a convolution's kernel."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.checks import finite
from fastinit.initializers.base import Initializer, made
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.fans import axes_of, layout_of
from fastinit.initializers.function_help import draws
from fastinit.initializers.gains import gain_of
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.dtypes import CODES, DTYPES, drawable, representable
from fastinit.native.matrices import BATCH, COLUMN, KERNEL, ROW, Matrices
from fastinit.native.request import Template
from fastinit.streams import Seed

__all__ = ["DeltaOrthogonal", "Orthogonal", "delta_orthogonal", "orthogonal"]

_FLAT_ROLES = {"o": ROW, "i": COLUMN, "*": COLUMN, "b": BATCH}
_DELTA_ROLES = {**_FLAT_ROLES, "*": KERNEL}


@dataclasses.dataclass(frozen=True)
class Orthogonal(Initializer):
    """Orthogonal matrices, uniformly distributed (Haar), times a gain (Saxe et al. 2013).

    The matrix is (output axes, all others but batch axes), flattened in C order as in torch; each
    index of the batch axes has a matrix of its own. Its rows are orthonormal where it is wide, its
    columns where it is tall. By Stewart's method (SIAM J. Numer. Anal. 17(3), 1980): a product of
    random reflectors, which needs no factorization.

    Args:
        gain: The finite number that multiplies every entry, or the name of an activation, as for
            ``fastinit.gain``.
        layout: The role of each axis: "oi*" for torch, "*io" for JAX and Keras, "boi" for a batch
            of matrices.

    Raises:
        ValueError: ``gain`` is not finite or the layout has no output axis; when drawn, the shape
            does not fit the layout, the dtype is not one of float64, float32, float16 and
            bfloat16, or it cannot hold the gain.

    Example:
        >>> import fastinit, numpy as np
        >>> q = fastinit.Orthogonal()((3, 2), seed=0)
        >>> bool(np.allclose(q.T @ q, np.eye(2), atol=1e-6))
        True
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)

    gain: float | str = 1.0
    layout: str = "oi*"

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", finite(gain_of(self.gain), "gain"))
        object.__setattr__(self, "layout", layout_of(self.layout))
        _need_axis(self.layout, "o", "output")

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Return 0, and the std by which the squares of a vector's entries sum to gain^2."""
        letters = axes_of(shape, self.layout)
        outputs, others = (
            math.prod(n for n, each in zip(shape, letters, strict=True) if each in which)
            for which in ("o", "i*")
        )
        return 0.0, abs(gain_of(self.gain)) / math.sqrt(max(outputs, others, 1))

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template for all matrices."""
        return (
            _matrices(dtype, gain_of(self.gain), shape, axes_of(shape, self.layout), _FLAT_ROLES),
        )


@dataclasses.dataclass(frozen=True)
class DeltaOrthogonal(Initializer):
    """An orthogonal matrix at the center of a convolution's kernel, zeros elsewhere.

    The convolution then keeps the norm of its input, whatever the kernel's size (Xiao et al. 2018,
    arXiv 1806.05393). The matrix is (output, input), at index (size - 1) // 2 of every kernel axis.

    Args:
        gain: The finite number that multiplies every entry, or the name of an activation, as for
            ``fastinit.gain``.
        layout: The role of each axis: "oi*" for torch, "*io" for JAX and Keras.

    Raises:
        ValueError: ``gain`` is not finite or the layout lacks an output or input axis; when drawn,
            there are fewer outputs than inputs, the shape does not fit the layout, the dtype is
            not one of float64, float32, float16 and bfloat16, or it cannot hold the gain.

    Example:
        >>> import fastinit
        >>> kernel = fastinit.DeltaOrthogonal()((4, 2, 3, 3), seed=0)
        >>> int((kernel != 0).sum()), int((kernel[:, :, 1, 1] != 0).sum())
        (8, 8)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)

    gain: float | str = 1.0
    layout: str = "oi*"

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", finite(gain_of(self.gain), "gain"))
        object.__setattr__(self, "layout", layout_of(self.layout))
        _need_axis(self.layout, "o", "output")
        _need_axis(self.layout, "i", "input")

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return a fill with zeros, and the matrices over it."""
        matrices = _matrices(dtype, gain_of(self.gain), shape, self.letters(shape), _DELTA_ROLES)
        return Constant(0.0).template(dtype), matrices

    def letters(self, shape: tuple[int, ...]) -> str:
        """Return what each axis of a shape is.

        Raises:
            ValueError: The shape does not fit the layout, or has fewer outputs than inputs.
        """
        letters = axes_of(shape, self.layout)
        outputs, inputs = (
            math.prod(size for size, each in zip(shape, letters, strict=True) if each == letter)
            for letter in "oi"
        )
        if outputs < inputs:
            raise ValueError(
                f"shape {shape} has {outputs} outputs and {inputs} inputs; a convolution that "
                "keeps norms needs as many outputs as inputs, or more"
            )
        return letters


def _need_axis(layout: str, letter: str, what: str) -> None:
    if letter not in layout:
        raise ValueError(f"layout={layout!r} has no {what} axis {letter}, which a matrix needs")


def _matrices(
    dtype: np.dtype[Any],
    gain: float,
    shape: tuple[int, ...],
    letters: str,
    roles: dict[str, int],
) -> Matrices:
    allowed = [each for each in CODES if each.itemsize > 1]
    if dtype not in allowed:
        raise ValueError(
            f"dtype={dtype.name} does not hold orthogonal matrices; "
            f"use one of {', '.join(each.name for each in allowed)}"
        )
    representable(gain, "gain", drawable(dtype, "orthogonal"))
    if dtype == DTYPES["float16"] and abs(gain) > 65000:  # an entry may be 1 + 1e-6
        raise ValueError(f"gain={gain} overflows dtype=float16; use a wider dtype")
    return Matrices(dtype, gain, shape, tuple(roles[letter] for letter in letters))


@draws(Orthogonal)
def orthogonal(
    shape: Shape,
    gain: float | str = 1.0,
    *extra: Never,
    layout: str = "oi*",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Orthogonal(gain, layout)``.

    A part (``index``) costs as much as the matrices that it touches.

    Example:
        >>> import fastinit, numpy as np
        >>> q = fastinit.orthogonal((64, 32), seed=0)
        >>> bool(np.allclose(q.T @ q, np.eye(32), atol=1e-6))
        True
        >>> fastinit.orthogonal((8, 64, 64), layout="boi", dtype="bfloat16").shape
        (8, 64, 64)
    """
    if extra or unknown:
        raise unexpected(orthogonal, shape, extra, unknown)
    return made(Orthogonal, gain, layout)._draw(shape, seed, name, dtype, device, out, index)


@draws(DeltaOrthogonal)
def delta_orthogonal(
    shape: Shape,
    gain: float | str = 1.0,
    *extra: Never,
    layout: str = "oi*",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``DeltaOrthogonal(gain, layout)``.

    Example:
        >>> import fastinit
        >>> kernel = fastinit.delta_orthogonal((3, 3, 2, 4), layout="*io", seed=0)
        >>> int((kernel != 0).sum()), int((kernel[1, 1] != 0).sum())
        (8, 8)
    """
    if extra or unknown:
        raise unexpected(delta_orthogonal, shape, extra, unknown)
    return made(DeltaOrthogonal, gain, layout)._draw(shape, seed, name, dtype, device, out, index)
