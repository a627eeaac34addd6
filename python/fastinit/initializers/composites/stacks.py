"""Stacked weights: equal parts along a batch axis, each with a stream of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.initializers.base import Initializer, templates_of
from fastinit.initializers.composites.parts import Part, Parts, axis_of, checked_axis, names_of
from fastinit.initializers.function_help import draws
from fastinit.initializers.named import initializer_of
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.request import Template
from fastinit.streams import Seed

__all__ = ["Stacked", "stacked"]


@dataclasses.dataclass(frozen=True)
class Stacked(Initializer):
    """A batch of arrays, each drawn on its own: experts, heads or layers in one weight.

    Part k is ``base`` for the shape without the axis, from the stream of a name that has k in it.
    So stacked experts can equal experts that are weights of their own, and more experts change none
    of those that there are.

    Args:
        base: The initializer of each part, as an object or a name.
        axis: The axis that counts the parts.
        names: The names of the parts' streams: a format with ``{part}`` for the number and
            ``{name}`` for the name of the whole, ``{parent}`` for that name without its last
            segment, or ``{grandparent}`` without its last two.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``names`` is not understood; when drawn, it needs more segments than the name
            has, the shape has no such axis, or ``base`` does not fit the parts.

    Example:
        >>> import fastinit
        >>> experts = fastinit.Stacked("he_normal", names="{parent}.{part}.up_proj.weight")
        >>> w = experts((8, 64, 32), seed=0, name="mlp.experts.up_proj")
        >>> one = fastinit.he_normal((64, 32), seed=0, name="mlp.experts.3.up_proj.weight")
        >>> bool((w[3] == one).all())
        True
    """

    in_complex: ClassVar[str | None] = "templates"

    base: Initializer | str
    axis: int = 0
    names: str = "{name}.{part}"

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "base", initializer_of(self.base, "base"))
        object.__setattr__(self, "axis", checked_axis(self.axis))
        object.__setattr__(self, "names", names_of(self.names))

    @property
    def _base(self) -> Initializer:
        return self.base  # type: ignore[return-value]

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether the parts depend on the seed and the name."""
        return self._base.is_random

    def _inner(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        axis = axis_of(self.axis, shape)
        return (*shape[:axis], *shape[axis + 1 :])

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return a stack of what ``base`` is for the shape of a part."""
        return dataclasses.replace(self, base=self._base.resolve(self._inner(shape)))

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """Return a stack of the scaled base."""
        return dataclasses.replace(self, base=self._base.scaled(apply))

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those of a part."""
        return self._base.moments(self._inner(shape))

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template for all parts."""
        axis, inner = axis_of(self.axis, shape), self._inner(shape)
        templates = templates_of(self._base, inner, dtype)
        parts = (Part(str(k), k, k + 1, inner, templates) for k in range(shape[axis]))
        return (Parts(shape, dtype, axis, tuple(parts), self.names),)


@draws(Stacked)
def stacked(
    shape: Shape,
    base: Initializer | str,
    axis: int = 0,
    *extra: Never,
    names: str = "{name}.{part}",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Stacked(base, axis, names)``.

    Example:
        >>> import fastinit
        >>> fastinit.stacked((8, 64, 32), "orthogonal", seed=0).shape
        (8, 64, 32)
    """
    if extra or unknown:
        raise unexpected(stacked, shape, extra, unknown)
    initializer = Stacked(base, axis, names)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
