"""Identity and Dirac: weights that pass their input on, as matrices and as convolutions."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.checks import finite, positive_integer, shown
from fastinit.initializers.base import Initializer, made
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.fans import axes_of, grouped_axis, layout_of
from fastinit.initializers.function_help import draws
from fastinit.initializers.gains import gain_of
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.masks import Diagonal, Scatter
from fastinit.native.request import MAXIMUM_RANK, Template
from fastinit.streams import Seed

__all__ = ["Dirac", "Identity", "dirac", "eye", "identity"]


class PassThrough(Initializer, is_base=True):
    """Zeros but for a gain where input channel k of a group meets its output channel k.

    Two of them are equal if they draw the same, whatever their classes.
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)
    is_random: ClassVar[bool] = False
    in_complex: ClassVar[str | None] = "real"

    gain: float | str
    layout: str

    @property
    @abc.abstractmethod
    def _groups(self) -> int: ...

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PassThrough) and self._meaning() == other._meaning()

    def __hash__(self) -> int:
        return hash(self._meaning())

    def _meaning(self) -> tuple[int, float, str]:
        return (self._groups, gain_of(self.gain), self.layout)

    def __post_init__(self) -> None:
        gain = gain_of(self.gain)
        finite(gain, "gain")
        object.__setattr__(self, "gain", Constant(gain).value + 0)  # a zero is +0
        object.__setattr__(self, "layout", layout_of(self.layout))
        if self.layout.count("o") != 1 or self.layout.count("i") != 1:
            raise ValueError(
                f"layout={self.layout!r} does not have one output and one input axis, which an "
                "identity needs; write o once and i once"
            )
        if self.layout.count("b") >= MAXIMUM_RANK:
            raise ValueError(
                f"layout={self.layout!r} has more than {MAXIMUM_RANK - 1} batch axes; merge some"
            )

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return a fill with zeros, and a scatter of the gain over it."""
        pattern = Constant(gain_of(self.gain)).pattern(dtype)
        return Constant(0).template(dtype), Scatter(dtype, pattern, self._diagonals(shape))

    def _diagonals(self, shape: tuple[int, ...]) -> tuple[Diagonal, ...]:
        if len(shape) == 1:
            raise ValueError(
                f"shape {shape} has 1 axis, and an identity matrix has two; pass {shape * 2}"
            )
        letters = axes_of(shape, self.layout)
        along = letters.index("o"), letters.index("i")
        grouped = letters.index(grouped_axis(self.layout))
        if shape[grouped] % self._groups:
            raise ValueError(
                f"groups={shown(self._groups)} does not divide axis {grouped} of size "
                f"{shape[grouped]} of shape {shape}"
            )
        each = shape[grouped] // self._groups
        length = min(each, *(shape[axis] for axis in along if axis != grouped))
        batches = tuple(axis for axis, letter in enumerate(letters) if letter == "b")
        start = [
            size // 2 if letter == "*" else 0 for size, letter in zip(shape, letters, strict=True)
        ]
        diagonals = []
        for group in range(self._groups):
            start[grouped] = group * each
            diagonals.append(Diagonal(tuple(start), length, along, batches))
        return tuple(diagonals)


@dataclasses.dataclass(frozen=True, eq=False)
class Dirac(PassThrough):
    """Channel k of each group of the input becomes channel k of that group of the output.

    All weights are 0 except those of output k and input k at the center of the kernel (size // 2
    on every kernel axis), which are ``gain``, for as many k as both have in a group (Zagoruyko and
    Komodakis 2017, arXiv 1706.00388). Without kernel axes that is the identity matrix.

    Args:
        groups: The number of groups of a grouped convolution.
        gain: The value of the weights that are not 0, finite, or the name of an activation; an
            integer keeps its value in integer dtypes.
        layout: The role of each axis, as in ``HeNormal``, with one output and one input axis.

    Raises:
        ValueError: A number is out of range, or the layout lacks an output or an input axis; when
            drawn, the groups do not divide the axis, or the dtype cannot hold the gain.

    Example:
        >>> import fastinit
        >>> fastinit.Dirac()((2, 2, 3), dtype="int8")
        array([[[0, 1, 0],
                [0, 0, 0]],
        <BLANKLINE>
               [[0, 0, 0],
                [0, 1, 0]]], dtype=int8)
    """

    groups: int = 1
    gain: float | str = 1
    layout: str = "oi*"

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", positive_integer(self.groups, "groups"))
        super().__post_init__()

    @property
    def _groups(self) -> int:
        return self.groups


@dataclasses.dataclass(frozen=True, eq=False)
class Identity(PassThrough):
    """The identity matrix times a gain; of a convolution, at the center of the kernel.

    Args:
        gain: A finite number, or the name of an activation; an integer keeps its value in integer
            dtypes.
        layout: The role of each axis, as in ``HeNormal``, with one output and one input axis.

    Raises:
        ValueError: The gain is not finite, or the layout lacks an output or an input axis; when
            drawn, the dtype cannot hold the gain.

    Example:
        >>> import fastinit
        >>> fastinit.Identity(2.0)((2, 3))
        array([[2., 0., 0.],
               [0., 2., 0.]], dtype=float32)
    """

    gain: float | str = 1
    layout: str = "oi*"

    @property
    def _groups(self) -> int:
        return 1


@draws(Identity)
def eye(
    shape: Shape,
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
    """Fill with ``Identity(1, layout)``: ones on the diagonal, zeros elsewhere.

    Example:
        >>> import fastinit
        >>> fastinit.eye((2, 3), dtype="bool")
        array([[ True, False, False],
               [False,  True, False]])
    """
    if extra or unknown:
        raise unexpected(eye, shape, extra, unknown)
    return made(Identity, 1, layout)._draw(shape, seed, name, dtype, device, out, index)


@draws(Identity)
def identity(
    shape: Shape,
    gain: float | str = 1,
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
    """Fill with ``Identity(gain, layout)``: recurrent weights (Le et al. 2015, arXiv 1504.00941).

    Example:
        >>> import fastinit
        >>> fastinit.identity((2, 2), 0.5)
        array([[0.5, 0. ],
               [0. , 0.5]], dtype=float32)
    """
    if extra or unknown:
        raise unexpected(identity, shape, extra, unknown)
    return made(Identity, gain, layout)._draw(shape, seed, name, dtype, device, out, index)


@draws(Dirac)
def dirac(
    shape: Shape,
    groups: int = 1,
    gain: float | str = 1,
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
    """Fill with ``Dirac(groups, gain, layout)``: a convolution that passes its input on.

    Example:
        >>> import fastinit
        >>> fastinit.dirac((4, 2, 3, 3), groups=2)[:, :, 1, 1]
        array([[1., 0.],
               [0., 1.],
               [1., 0.],
               [0., 1.]], dtype=float32)
    """
    if extra or unknown:
        raise unexpected(dirac, shape, extra, unknown)
    return made(Dirac, groups, gain, layout)._draw(shape, seed, name, dtype, device, out, index)
