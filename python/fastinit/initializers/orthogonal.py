"""Orthogonal matrices, and such a matrix at the centre of a convolution's kernel."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, ClassVar

import numpy as np

from fastinit import _cpu
from fastinit.boxes import Box
from fastinit.checks import drawable, finite, representable
from fastinit.dtypes import CODES, DTYPES
from fastinit.fans import axes_of, check_layout
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions import Constant
from fastinit.requests import (
    MAXIMUM_RANK,
    NO_SAMPLES,
    ORTHOGONAL,
    Draw,
    matrices,
    what,
    where,
)

_ROW, _COLUMN = _cpu.axis_roles["row"], _cpu.axis_roles["column"]
_BATCH, _CENTRE = _cpu.axis_roles["batch"], _cpu.axis_roles["kernel"]
_FLAT_ROLES = {"o": _ROW, "i": _COLUMN, "*": _COLUMN, "b": _BATCH}
_DELTA_ROLES = {**_FLAT_ROLES, "*": _CENTRE}


@dataclasses.dataclass(frozen=True)
class Matrices(Draw):
    """Orthogonal matrices in an array, of which each axis has a role."""

    elementwise = False

    dtype: np.dtype[Any]
    gain: float
    shape: tuple[int, ...]
    roles: tuple[int, ...]

    def place(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """One record.

        Raises:
            ValueError: ``box`` is a flat piece, or cuts through too many axes.
        """
        if box.bounds is None:
            raise ValueError("a flat piece of an orthogonal matrix cannot be drawn; draw it whole")
        axes = _merged(self.shape, box.bounds, self.roles)
        if len(axes) > MAXIMUM_RANK:
            raise ValueError(
                f"shape {self.shape} with this layout= and index= alternates between rows, columns "
                f"and batches too often; at most {MAXIMUM_RANK} such axes are allowed"
            )
        sizes = [size for size, _, _, _ in axes]
        strides = tuple(math.prod(sizes[k + 1 :]) for k in range(len(axes)))
        extents = tuple(stop - start for _, start, stop, _ in axes)
        first = sum(axis[1] * stride for axis, stride in zip(axes, strides, strict=True))
        roles = tuple(role for _, _, _, role in axes)
        packed = what(ORTHOGONAL, self.dtype, (self.gain,)) + NO_SAMPLES
        packed += matrices(math.prod(sizes), roles)
        count = math.prod(extents)
        return [where(address, count, seed, stream, first, extents, strides) + packed]


def _merged(
    shape: tuple[int, ...], bounds: tuple[tuple[int, int], ...], roles: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """(size, start, stop, role) without axes of size 1, neighbours of one role merged.

    That is possible where the inner one is whole. Kernel axes have a centre each.
    """
    merged: list[tuple[int, int, int, int]] = []
    for size, (start, stop), role in reversed(list(zip(shape, bounds, roles, strict=True))):
        if size == 1:
            continue
        inner_size, inner_start, inner_stop, inner_role = merged[-1] if merged else (0, 0, 0, -1)
        if role == inner_role != _CENTRE and (inner_start, inner_stop) == (0, inner_size):
            merged[-1] = (size * inner_size, start * inner_size, stop * inner_size, role)
        else:
            merged.append((size, start, stop, role))
    return merged[::-1] or [(1, 0, 1, _ROW)]


@dataclasses.dataclass(frozen=True)
class Orthogonal(Initializer):
    """Orthogonal matrices, uniformly distributed (Haar), times a gain (Saxe et al. 2013).

    The matrix is (output axes, all others but batch axes), flattened in C order as in torch; each
    index of the batch axes is a matrix of its own. Its rows are orthonormal where it is wide, its
    columns where it is tall. By Stewart's method (SIAM J. Numer. Anal. 17(3), 1980): a product of
    random reflectors, which needs no factorization.

    Args:
        gain: what every entry is multiplied with, finite.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras, "boi" a
            batch of matrices.

    Raises:
        ValueError: ``gain`` is not finite or the layout has no output axis; when drawn, a shape
            that does not fit the layout, a dtype other than float64, float32, float16 and
            bfloat16, or a gain that it cannot hold.

    Example:
        >>> import fastinit, numpy as np
        >>> q = fastinit.Orthogonal()((3, 2), seed=0)
        >>> bool(np.allclose(q.T @ q, np.eye(2), atol=1e-6))
        True
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)

    gain: float = 1.0
    layout: str = "oi*"

    def __post_init__(self) -> None:
        """Check the options."""
        object.__setattr__(self, "gain", finite(self.gain, "gain"))
        check_layout(self.layout)
        _need_axis(self.layout, "o", "output")

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Mean 0; the squares of a vector's entries have the sum gain^2."""
        letters = axes_of(shape, self.layout)
        outputs, others = (
            math.prod(n for n, each in zip(shape, letters, strict=True) if each in which)
            for which in ("o", "i*")
        )
        return 0.0, abs(self.gain) / math.sqrt(max(outputs, others, 1))

    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        """One draw of all matrices."""
        return self._draws(shape, dtype)

    @functools.lru_cache(maxsize=1024)  # noqa: B019  (bounded, and keyed by value)
    def _draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        return (_matrices(dtype, self.gain, shape, axes_of(shape, self.layout), _FLAT_ROLES),)


@dataclasses.dataclass(frozen=True)
class DeltaOrthogonal(Initializer):
    """An orthogonal matrix at the centre of a convolution's kernel, zeros elsewhere.

    The convolution then keeps the norm of its input, whatever the kernel's size (Xiao et al. 2018,
    arXiv 1806.05393). The matrix is (output, input), at index (size - 1) // 2 of every kernel axis.

    Args:
        gain: what every entry is multiplied with, finite.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.

    Raises:
        ValueError: ``gain`` is not finite or the layout lacks an output or input axis; when drawn,
            fewer outputs than inputs, a shape that does not fit the layout, a dtype other than
            float64, float32, float16 and bfloat16, or a gain that it cannot hold.

    Example:
        >>> import fastinit
        >>> kernel = fastinit.DeltaOrthogonal()((4, 2, 3, 3), seed=0)
        >>> int((kernel != 0).sum()), int((kernel[:, :, 1, 1] != 0).sum())
        (8, 8)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)

    gain: float = 1.0
    layout: str = "oi*"

    def __post_init__(self) -> None:
        """Check the options."""
        object.__setattr__(self, "gain", finite(self.gain, "gain"))
        check_layout(self.layout)
        _need_axis(self.layout, "o", "output")
        _need_axis(self.layout, "i", "input")

    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        """Zeros, and the matrices over them."""
        return self._draws(shape, dtype)

    @functools.lru_cache(maxsize=1024)  # noqa: B019  (bounded, and keyed by value)
    def _draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
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
        matrices = _matrices(dtype, self.gain, shape, letters, _DELTA_ROLES)
        return Constant(0.0).draw(dtype), matrices


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
            f"dtype={dtype.name} holds no orthogonal matrices; "
            f"use one of {', '.join(each.name for each in allowed)}"
        )
    representable(gain, "gain", drawable(dtype, "orthogonal"))
    if dtype == DTYPES["float16"] and abs(gain) > 65000:  # an entry may be 1 + 1e-6
        raise ValueError(f"gain={gain} overflows dtype=float16; use a wider dtype")
    return Matrices(dtype, gain, shape, tuple(roles[letter] for letter in letters))
