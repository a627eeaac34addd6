"""A matrix that is the product of two smaller ones."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar, Never

import numpy as np

from fastinit.arrays.reproducible import matmul
from fastinit.checks import finite, positive_integer
from fastinit.initializers.base import Initializer, templates_of
from fastinit.initializers.computed import Computed, check_all, draw_bounds, rounded, scaled
from fastinit.initializers.function_help import draws
from fastinit.initializers.named import initializer_of
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Bounds, Index, Shape, shape_of
from fastinit.native.dtypes import drawable
from fastinit.native.request import Template
from fastinit.streams import Seed, part_name, stream_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Product", "product"]

_SIDES = ("left", "right")


@dataclasses.dataclass(frozen=True)
class Product(Initializer):
    """The product of two matrices of ``rank`` inner dimensions, each drawn on its own.

    ``left`` is drawn for (rows, rank) and ``right`` for (rank, columns), from the streams of the
    names ``NAME.left`` and ``NAME.right``; the product is computed in float64 and rounded. Its bits
    depend on no BLAS, and parts need no more than their rows and columns. Axes after the first two
    are taken as columns.

    Args:
        left: The initializer of the first factor, as an object or a name.
        right: The initializer of the second factor.
        rank: The number of columns of the first factor.
        gain: A factor on the product.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range; when drawn, the shape has fewer than two axes, or
            an initializer does not fit its factor.

    Example:
        >>> import fastinit, numpy as np
        >>> w = fastinit.Product("orthogonal", "orthogonal", rank=2)((16, 8), seed=0)
        >>> np.linalg.svd(w)[1][:3].round(5)
        array([1., 1., 0.], dtype=float32)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)
    in_complex: ClassVar[str | None] = "templates"

    left: Initializer | str
    right: Initializer | str
    rank: int
    gain: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        for field in ("left", "right"):
            object.__setattr__(self, field, initializer_of(getattr(self, field), field))
        object.__setattr__(self, "rank", positive_integer(self.rank, "rank"))
        object.__setattr__(self, "gain", finite(self.gain, "gain"))

    @property
    def _factors(self) -> tuple[Initializer, Initializer]:
        return self.left, self.right  # type: ignore[return-value]

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether one of the factors depends on the seed and the name."""
        return any(each.is_random for each in self._factors)

    def _shapes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if len(shape) < 2:
            raise ValueError(f"shape {shape} is not that of a matrix; pass two axes or more")
        # shape_of refuses ranks that no array can have.
        return shape_of((shape[0], self.rank)), shape_of((self.rank, *shape[1:]))

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return the product of factors that do not depend on the shape."""
        left, right = (
            each.resolve(inner)
            for each, inner in zip(self._factors, self._shapes(shape), strict=True)
        )
        return dataclasses.replace(self, left=left, right=right)

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those for two factors of independent values with mean 0."""
        pairs = zip(self._factors, self._shapes(shape), strict=True)
        found = [each.moments(inner) for each, inner in pairs]
        known = [each for each in found if each is not None]
        if len(known) < 2 or any(mean for mean, _ in known):
            return None
        return 0.0, abs(self.gain) * known[0][1] * known[1][1] * math.sqrt(self.rank)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which draws the factors and multiplies them."""
        precision = dtype if dtype.kind == "c" else drawable(dtype, "multiplied")
        shapes = self._shapes(shape)
        left, right = (
            templates_of(each, inner, precision)
            for each, inner in zip(self._factors, shapes, strict=True)
        )

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            every = (0, self.rank)
            parts = (left, shapes[0], (bounds[0], every)), (right, shapes[1], (every, *bounds[1:]))
            a, b = (
                draw_bounds(templates, inner, precision, wanted, seed, _stream(stream, side))
                for side, (templates, inner, wanted) in zip(_SIDES, parts, strict=True)
            )
            found = scaled(_matmul(a, b.reshape(self.rank, -1)), self.gain)
            return rounded(found, precision).reshape(len(a), *b.shape[1:])

        def before(seed: int, stream: int) -> None:
            for side, templates in zip(_SIDES, (left, right), strict=True):
                check_all(templates, seed, _stream(stream, side))

        over = (*left, *right)
        # A product may be too large for the dtype.
        return (Computed(shape, dtype, compute, False, over, before, may_fail=True),)


def _matmul(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Return a product in float64 or complex128, that of complex matrices by four real ones."""
    if left.dtype.kind != "c":
        return matmul(left, right)
    found = np.empty((left.shape[0], right.shape[1]), np.complex128)
    found.real = matmul(left.real, right.real) - matmul(left.imag, right.imag)
    found.imag = matmul(left.real, right.imag) + matmul(left.imag, right.real)
    return found


def _stream(stream: int, side: str) -> int:
    return stream_of(part_name("{name}.{part}", stream, side))


@draws(Product)
def product(
    shape: Shape,
    left: Initializer | str,
    right: Initializer | str,
    rank: int,
    *extra: Never,
    gain: float = 1.0,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Product(left, right, rank, gain)``.

    Example:
        >>> import fastinit
        >>> fastinit.product((64, 32), "normal", "orthogonal", 8, seed=0).shape
        (64, 32)
    """
    if extra or unknown:
        raise unexpected(product, shape, extra, unknown)
    initializer = Product(left, right, rank, gain)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
