"""Arrays of another initializer with their axes in another order."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.checks import integer, shown
from fastinit.initializers.base import Initializer, templates_of
from fastinit.initializers.computed import Placed, any_may_fail, check_all
from fastinit.initializers.function_help import draws
from fastinit.initializers.named import initializer_of
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Box, Index, Shape, part
from fastinit.native.region import bounded
from fastinit.native.request import Request, Template
from fastinit.streams import Seed

__all__ = ["Transposed", "transposed"]


@dataclasses.dataclass(frozen=True)
class Transposed(Initializer):
    """Values of another initializer, with the axes in another order.

    A weight that one framework stores as (out, in) and another as (in, out) can so have the same
    values in both.

    Args:
        base: The initializer, as an object or a name, for the shape before its axes are exchanged.
        axes: The axis of what is drawn that becomes each axis of the array, as in
            ``numpy.transpose``; None for the reverse order.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``axes`` is not a permutation; when drawn, it is not one of the shape's axes.

    Example:
        >>> import fastinit
        >>> kernel = fastinit.Transposed("he_normal")((32, 64), seed=0, name="w")
        >>> weight = fastinit.he_normal((64, 32), seed=0, name="w")
        >>> bool((kernel == weight.T).all())
        True
    """

    in_complex: ClassVar[str | None] = "templates"

    base: Initializer | str
    axes: Sequence[int] | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "base", initializer_of(self.base, "base"))
        if self.axes is None:
            return
        if not isinstance(self.axes, (list, tuple)):
            raise TypeError(f"axes={shown(self.axes)} is not a sequence of integers; pass a tuple")
        axes = tuple(integer(axis, "axes", "integers") for axis in self.axes)
        if sorted(axes) != list(range(len(axes))):
            raise ValueError(f"axes={axes} is not a permutation of 0 to {len(axes) - 1}; pass one")
        object.__setattr__(self, "axes", axes)

    @property
    def _base(self) -> Initializer:
        return self.base  # type: ignore[return-value]

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether the base depends on the seed and the name."""
        return self._base.is_random

    def _order(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the axes, and the shape that is drawn."""
        axes = tuple(reversed(range(len(shape)))) if self.axes is None else tuple(self.axes)
        if len(axes) != len(shape):
            raise ValueError(
                f"axes={axes} are {len(axes)} axes, and shape {shape} has {len(shape)}; pass one "
                "for each"
            )
        drawn = [0] * len(shape)
        for axis, size in zip(axes, shape, strict=True):
            drawn[axis] = size
        return axes, tuple(drawn)

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return the same with a base that does not depend on the shape."""
        return dataclasses.replace(self, base=self._base.resolve(self._order(shape)[1]))

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """Return the same with a scaled base."""
        return dataclasses.replace(self, base=self._base.scaled(apply))

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those of the base."""
        return self._base.moments(self._order(shape)[1])

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template."""
        axes, drawn = self._order(shape)
        return (_Transposed(shape, dtype, axes, drawn, templates_of(self._base, drawn, dtype)),)


@dataclasses.dataclass(frozen=True)
class _Transposed(Template):
    """The templates of what is drawn, and how its axes are exchanged."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: tuple[int, ...]
    drawn: tuple[int, ...]
    templates: tuple[Template, ...]

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether what is drawn is."""
        return all(each.elementwise for each in self.templates)

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        """Whether what is drawn may fail."""
        return any_may_fail(self.templates)

    def check(self, seed: int, stream: int) -> None:
        """Check what is drawn."""
        check_all(self.templates, seed, stream)

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return one operation for each piece of the box that has bounds."""
        found: list[Request] = []
        for position, bounds in bounded(self.shape, box):
            index = [slice(0, 0)] * len(bounds)
            for axis, each in zip(self.axes, bounds, strict=True):
                index[axis] = slice(*each)
            inner = part(self.drawn, tuple(index))

            def requests_for(start: int, inner: Box = inner) -> list[Request]:
                return [r for t in self.templates for r in t.requests(inner, start, seed, stream)]

            found.append(
                Placed(
                    self.dtype,
                    math.prod(inner.shape),
                    requests_for,
                    self.may_fail,
                    address + position * self.dtype.itemsize,
                    tuple(stop - start for start, stop in bounds),
                    (...,),
                    self.axes,
                    inner.shape,
                )
            )
        return found


@draws(Transposed)
def transposed(
    shape: Shape,
    base: Initializer | str,
    axes: Sequence[int] | None = None,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Transposed(base, axes)``.

    Example:
        >>> import fastinit
        >>> fastinit.transposed((3, 3, 16, 32), "he_normal", (2, 3, 1, 0), seed=0).shape
        (3, 3, 16, 32)
    """
    if extra or unknown:
        raise unexpected(transposed, shape, extra, unknown)
    initializer = Transposed(base, axes)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
