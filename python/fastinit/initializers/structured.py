"""Identity and dirac: weights that pass their input on, as matrices and as convolutions."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, ClassVar

import numpy as np

from fastinit.checks import finite, integer
from fastinit.fans import axes_of, check_layout, grouped_axis
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions import Constant
from fastinit.overlays import Diagonal, Scatter
from fastinit.requests import MAXIMUM_RANK, Draw


@dataclasses.dataclass(frozen=True)
class Dirac(Initializer):
    """Channel k of each group of the input becomes channel k of that group of the output.

    All weights are 0 but those of output k and input k at the kernel's centre (size // 2 on every
    kernel axis), which are ``gain``, for as many k as both have in a group (Zagoruyko and
    Komodakis 2017, arXiv 1706.00388). Without kernel axes that is the identity matrix.

    Args:
        groups: of a grouped convolution.
        gain: the weights that are not 0, finite; an integer keeps its value in integer dtypes.
        layout: what each axis is, see ``fastinit.fans``; one output and one input axis.

    Raises:
        ValueError: a number out of range or a layout without one output and one input axis; when
            drawn, groups that do not divide the axis, or a dtype that cannot hold the gain.

    Example:
        >>> import fastinit
        >>> fastinit.Dirac()((2, 2, 3), dtype="int8")
        array([[[0, 1, 0],
                [0, 0, 0]],
        <BLANKLINE>
               [[0, 0, 0],
                [0, 1, 0]]], dtype=int8)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)

    groups: int = 1
    gain: float = 1
    layout: str = "oi*"

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "groups", integer(self.groups, "groups", "1 or more"))
        if self.groups < 1:
            raise ValueError(f"groups={self.groups} is not positive; pass 1 or more")
        finite(self.gain, "gain")
        object.__setattr__(self, "gain", Constant(self.gain).value + 0)  # a zero is +0
        check_layout(self.layout)
        if self.layout.count("o") != 1 or self.layout.count("i") != 1:
            raise ValueError(
                f"layout={self.layout!r} has not one output and one input axis, which an identity "
                "needs; write o once and i once"
            )
        if self.layout.count("b") >= MAXIMUM_RANK:
            raise ValueError(
                f"layout={self.layout!r} has more than {MAXIMUM_RANK - 1} batch axes; merge some"
            )

    @functools.lru_cache(maxsize=1024)  # noqa: B019  (bounded, and keyed by value)
    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        """Zeros, and the gain over them."""
        pattern = Constant(self.gain).pattern(dtype)
        return Constant(0).draw(dtype), Scatter(dtype, pattern, self._diagonals(shape))

    def _diagonals(self, shape: tuple[int, ...]) -> tuple[Diagonal, ...]:
        letters = axes_of(shape, self.layout)
        along = letters.index("o"), letters.index("i")
        grouped = letters.index(grouped_axis(self.layout))
        if shape[grouped] % self.groups:
            raise ValueError(
                f"groups={self.groups} does not divide axis {grouped} of size {shape[grouped]} of "
                f"shape {shape}"
            )
        each = shape[grouped] // self.groups
        length = min(each, *(shape[axis] for axis in along if axis != grouped))
        batches = tuple(axis for axis, letter in enumerate(letters) if letter == "b")
        start = [
            size // 2 if letter == "*" else 0 for size, letter in zip(shape, letters, strict=True)
        ]
        diagonals = []
        for group in range(self.groups):
            start[grouped] = group * each
            diagonals.append(Diagonal(tuple(start), length, along, batches))
        return tuple(diagonals)


def Identity(gain: float = 1, layout: str = "oi*") -> Dirac:  # noqa: N802  (reads as the class it stands for)
    """``gain`` times the identity: ones on the diagonal, or at the centre of a kernel.

    Args:
        gain: finite.
        layout: what each axis is, see ``fastinit.fans``.

    Raises:
        ValueError: as for ``Dirac``.

    Example:
        >>> import fastinit
        >>> fastinit.Identity(2.0)((2, 3))
        array([[2., 0., 0.],
               [0., 2., 0.]], dtype=float32)
    """
    return Dirac(1, gain, layout)
