"""Values of another initializer, scaled so that vectors or the whole matrix have a given norm."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any, ClassVar, Never

import numpy as np

from fastinit.arrays.reproducible import norms, tree_sum
from fastinit.arrays.spectral import spectral_norm
from fastinit.checks import boolean, finite, not_negative, shown
from fastinit.initializers.base import Initializer, templates_of
from fastinit.initializers.composites.parts import axis_of, checked_axis
from fastinit.initializers.computed import Computed, draw_bounds, scaled
from fastinit.initializers.distributions.normal import normal
from fastinit.initializers.fans import axes_of, layout_of
from fastinit.initializers.function_help import draws
from fastinit.initializers.named import initializer_of
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Bounds, Index, Shape
from fastinit.native.dtypes import drawable, exceeds
from fastinit.native.request import Template
from fastinit.streams import Seed, part_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Normed", "normed"]

_KINDS = ("euclidean", "spectral")
_BLOCK = 16  # vectors of the power iteration


@dataclasses.dataclass(frozen=True)
class Normed(Initializer):
    """Values of another initializer, scaled to a norm: unit rows, a Frobenius or a spectral norm.

    Unit vectors along the embedding axis are the start of nGPT (Loshchilov et al. 2024, arXiv
    2410.01131). Matrices of spectral norm sqrt(fan_out / fan_in) keep the size of features whatever
    the width (Yang et al. 2023, arXiv 2310.17813), and are a start for Muon.

    Args:
        base: The initializer whose values are scaled, as an object or a name.
        norm: The norm, 0 or more.
        axis: The axis along which vectors have the Euclidean norm: -1 for rows, 0 for columns; None
            for the norm of the whole array (Frobenius).
        kind: "euclidean", or "spectral" for the largest singular value of the matrix (output axes,
            all others), which ``axis`` says nothing about.
        aspect: Whether ``norm`` is multiplied by sqrt(outputs / inputs) of that matrix.
        tolerance: The largest relative distance of the spectral norm that is found from a singular
            value of the base; that from the largest one is about its square.
        layout: The role of each axis, for "spectral" and ``aspect``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range; when drawn, the shape lacks the axis or does not
            fit the layout, or the dtype does not hold the values.

    Example:
        >>> import fastinit, numpy as np
        >>> w = fastinit.Normed("normal")((1000, 64), seed=0)
        >>> bool(np.allclose(np.linalg.norm(w, axis=1), 1, atol=1e-6))
        True
        >>> w = fastinit.Normed("normal", kind="spectral", aspect=True)((128, 32), seed=0, name="w")
        >>> round(float(np.linalg.norm(w, 2)), 2)
        2.0
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("norm",)
    in_complex: ClassVar[str | None] = "templates"

    base: Initializer | str = "normal"
    norm: float = 1.0
    axis: int | None = -1
    kind: str = "euclidean"
    aspect: bool = False
    tolerance: float = 0.01
    layout: str = "oi*"

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "base", initializer_of(self.base, "base"))
        object.__setattr__(self, "norm", not_negative(self.norm, "norm"))
        if self.axis is not None:
            object.__setattr__(self, "axis", checked_axis(self.axis))
        if self.kind not in _KINDS:
            raise ValueError(
                f"kind={shown(self.kind)} is not known; use one of {', '.join(_KINDS)}"
            )
        object.__setattr__(self, "aspect", boolean(self.aspect, "aspect"))
        object.__setattr__(self, "tolerance", finite(self.tolerance, "tolerance"))
        if not 1e-12 <= self.tolerance < 1:
            raise ValueError(f"tolerance={self.tolerance} is out of range; pass 1e-12 to 1")
        object.__setattr__(self, "layout", layout_of(self.layout))

    @property
    def _base(self) -> Initializer:
        return self.base  # type: ignore[return-value]

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether the base depends on the seed and the name."""
        return self._base.is_random

    def target(self, shape: tuple[int, ...]) -> float:
        """Return the norm that values of a shape get."""
        if not self.aspect:
            return self.norm
        outputs, others = self._sizes(shape)
        return self.norm * math.sqrt(outputs / others)

    def _sizes(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the numbers of rows and columns of the matrix."""
        letters = axes_of(shape, self.layout)
        if "b" in letters:
            raise ValueError(
                f"layout={self.layout!r} has a batch axis; stack matrices with Stacked(Normed(...))"
            )
        outputs = math.prod(n for n, each in zip(shape, letters, strict=True) if each == "o")
        return outputs, math.prod(shape) // outputs

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those of a base with mean 0 for a Euclidean norm."""
        found = self._base.moments(shape)
        if found is None or found[0] != 0 or self.kind != "euclidean" or not math.prod(shape):
            return None
        count = math.prod(shape) if self.axis is None else shape[axis_of(self.axis, shape)]
        return 0.0, self.target(shape) / math.sqrt(count)

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return the same with a base that does not depend on the shape."""
        return dataclasses.replace(self, base=self._base.resolve(shape))

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which draws the base and scales it."""
        is_complex = dtype.kind == "c"
        if is_complex and self.kind == "spectral":
            raise ValueError(
                f"dtype={dtype.name} has no spectral norms; use kind='euclidean', or Orthogonal, "
                "whose singular values are all equal"
            )
        precision = dtype if is_complex else drawable(dtype, "normed")
        templates = templates_of(self._base, shape, precision)
        target = self.target(shape)
        may_fail = not is_complex and exceeds(precision, dtype)
        if self.kind == "euclidean" and self.axis is not None:
            axis = axis_of(self.axis, shape)
            vectors = _Vectors(templates, shape, precision, axis, target)
            rows = axis == len(shape) - 1 and all(each.elementwise for each in templates)
            return (Computed(shape, dtype, vectors.compute, rows, templates, None, may_fail),)
        if self.kind == "spectral":
            self._sizes(shape)
        whole = _Whole(templates, shape, precision, target, self)
        return (Computed(shape, dtype, whole.compute, False, templates, None, may_fail),)


@dataclasses.dataclass(frozen=True)
class _Vectors:
    """Vectors along an axis."""

    templates: tuple[Template, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axis: int
    target: float

    def compute(self, bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        """Draw all of the vectors that a part touches, and return the part."""
        needed = list(bounds)
        needed[self.axis] = (0, self.shape[self.axis])
        drawn = draw_bounds(self.templates, self.shape, self.dtype, tuple(needed), seed, stream)
        found = np.expand_dims(norms(drawn, self.axis), self.axis)
        index = [slice(None)] * len(bounds)
        index[self.axis] = slice(*bounds[self.axis])
        return _scaled(drawn[tuple(index)], self.target, found)


@dataclasses.dataclass(frozen=True, eq=False)
class _Whole:
    """A whole array, whose norm is kept for further parts."""

    templates: tuple[Template, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    target: float
    normed: Normed

    def compute(self, bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        """Find the norm of the whole, and return a part."""
        found = self._norm(seed, stream)
        drawn = draw_bounds(self.templates, self.shape, self.dtype, bounds, seed, stream)
        return _scaled(drawn, self.target, found)

    def _norm(self, seed: int, stream: int) -> np.ndarray[Any, Any]:
        name = getattr(stream, "name", None)
        return np.asarray(_norm(self, seed, stream, name))

    def find(self, seed: int, stream: int) -> float:
        """Return the norm of the whole array."""
        every = tuple((0, size) for size in self.shape)
        drawn = draw_bounds(self.templates, self.shape, self.dtype, every, seed, stream)
        if self.normed.kind == "euclidean":
            rows = norms(drawn.reshape(self.shape[0] if drawn.ndim else 1, -1))
            return float(np.sqrt(tree_sum(rows.reshape(-1) ** 2)))
        letters = axes_of(self.shape, self.normed.layout)
        order = sorted(range(len(letters)), key=lambda axis: letters[axis] != "o")
        outputs = math.prod(self.shape[axis] for axis in order if letters[axis] == "o")
        matrix = drawn.transpose(order).reshape(outputs, -1)
        matrix = matrix if outputs >= matrix.shape[1] else matrix.T
        name = part_name("{name}.{part}", stream, "sketch")
        start = normal((matrix.shape[1], _BLOCK), seed=seed, name=name, dtype="float64")
        return spectral_norm(matrix, start, self.normed.tolerance)


@functools.lru_cache(maxsize=256)
def _norm(whole: _Whole, seed: int, stream: int, _: str | None) -> float:
    return whole.find(seed, stream)


def _scaled(values: NDArray[Any], target: float, found: NDArray[Any]) -> NDArray[Any]:
    """Return values times target / found, rounded once; values of norm 0 stay 0."""
    return scaled(values, target / np.where(found == 0, 1.0, found))


@draws(Normed)
def normed(
    shape: Shape,
    base: Initializer | str = "normal",
    norm: float = 1.0,
    axis: int | None = -1,
    *extra: Never,
    kind: str = "euclidean",
    aspect: bool = False,
    tolerance: float = 0.01,
    layout: str = "oi*",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Normed(base, norm, axis, kind, aspect, tolerance, layout)``.

    Example:
        >>> import fastinit
        >>> w = fastinit.normed((4, 8), norm=2.0, axis=None, seed=0)
        >>> round(float((w**2).sum()), 4)
        4.0
    """
    if extra or unknown:
        raise unexpected(normed, shape, extra, unknown)
    initializer = Normed(base, norm, axis, kind, aspect, tolerance, layout)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
