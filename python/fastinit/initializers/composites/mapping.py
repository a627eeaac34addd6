"""Mapped values: those of another initializer after functions such as exp, log and sqrt."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from fastinit.initializers.base import Initializer, templates_of
from fastinit.initializers.composites.maps import Map, applied, maps_of, moments_after
from fastinit.initializers.computed import Computed, draw_bounds, rounded
from fastinit.initializers.function_help import draws
from fastinit.initializers.named import initializer_of
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Bounds, Index, Shape
from fastinit.native.dtypes import DTYPES, drawable, precision_of, real_of
from fastinit.native.request import Template
from fastinit.streams import Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Mapped", "mapped"]


@dataclasses.dataclass(frozen=True)
class Mapped(Initializer):
    """Values of another initializer after one or more functions, in order.

    A base that depends on the seed gives its value in float32, or in float64 for arrays of float64;
    other bases give theirs in float64. The functions are computed in float64 with the same bits on
    every machine (docs/streams.md), and the result is rounded once to float32 and from there to a
    narrower dtype. On a GPU, values are computed by the host and copied. All values
    are in memory of their own before the first is written: an error leaves ``out`` as it was.

    Args:
        base: An initializer, or the name of one.
        maps: The functions, each by its name or as a tuple with its numbers: "exp", "expm1", "log",
            "log1p", "sqrt", "reciprocal", "sin", "cos", "tanh", "inverse_softplus"
            (log(exp(x) - 1)), ("affine", scale, offset), ("clip", low, high) with None for no
            bound, ("power", exponent) and ("exponential", base).

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A function is not known; when drawn, the base does not fit the shape, the dtype
            does not hold the values, or one is outside of a function's domain.

    Example:
        >>> import fastinit
        >>> a_log = fastinit.Mapped(fastinit.Arange(1), "log")  # Mamba's A_log
        >>> a_log((2, 3))
        array([[0.       , 0.6931472, 1.0986123],
               [0.       , 0.6931472, 1.0986123]], dtype=float32)
        >>> gate = fastinit.Mapped(fastinit.Uniform(1, 255), ["log", ("affine", -1, 0)])
    """

    base: Initializer | str
    maps: Sequence[Map] | Map

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "base", initializer_of(self.base, "base"))
        object.__setattr__(self, "maps", maps_of(self.maps))

    @property
    def _base(self) -> Initializer:
        assert isinstance(self.base, Initializer)
        return self.base

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether the base depends on the seed and the name."""
        return self._base.is_random

    @property
    def in_complex(self) -> str | None:  # type: ignore[override]
        """How complex arrays are drawn: those of tables are real."""
        return "templates" if self.is_random else "real"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which ``from_dict`` turns into an equal object."""
        maps = [each if isinstance(each, str) else list(each) for each in self.maps]
        return {"type": "Mapped", "base": self._base.to_dict(), "maps": maps}

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """Return these values after one more product."""
        return Mapped(self._base, (*self.maps, ("affine", apply(1.0), 0.0)))

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return the same maps of a base that does not depend on the shape."""
        return Mapped(self._base.resolve(shape), self.maps)

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those of the base after the maps if all of them are affine, else None."""
        return moments_after(tuple(self.maps), self._base.moments(shape))

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which draws the base and computes the maps."""
        if dtype.kind == "c":
            return self._complex_templates(shape, dtype)
        precision = drawable(dtype, "mapped")
        drawn = precision_of(dtype) if self.is_random else DTYPES["float64"]
        templates = self._base.templates(shape, drawn)
        maps = tuple(self.maps)

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            values = draw_bounds(templates, shape, drawn, bounds, seed, stream)
            return rounded(applied(maps, values.astype(np.float64)), precision)

        elementwise = all(each.elementwise for each in templates)
        return (Computed(shape, dtype, compute, elementwise, templates, may_fail=True),)

    def _complex_templates(
        self, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> tuple[Template, ...]:
        """Return those of affine maps, of which the offset is added to the real part."""
        maps = tuple(self.maps)
        for each in maps:
            if each[0] != "affine":
                raise ValueError(
                    f"dtype={dtype.name} has affine maps alone, and maps has {each!r}; use a real "
                    "dtype"
                )
        templates = templates_of(self._base, shape, dtype)

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            values = draw_bounds(templates, shape, dtype, bounds, seed, stream)
            found = np.empty(values.shape, dtype)
            found.real = rounded(applied(maps, values.real.astype(np.float64)), real_of(dtype))
            turned = tuple((name, scale, 0.0) for name, scale, _ in maps)
            found.imag = rounded(applied(turned, values.imag.astype(np.float64)), real_of(dtype))
            return found

        elementwise = all(each.elementwise for each in templates)
        return (Computed(shape, dtype, compute, elementwise, templates, may_fail=True),)


@draws(Mapped)
def mapped(
    shape: Shape,
    base: Initializer | str,
    maps: Sequence[Map] | Map,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Mapped(base, maps)``.

    Example:
        >>> import fastinit
        >>> dt_bias = fastinit.mapped(
        ...     64, fastinit.LogUniform(1e-3, 0.1), "inverse_softplus", seed=0
        ... )
    """
    if extra or unknown:
        raise unexpected(mapped, shape, extra, unknown)
    return Mapped(base, maps)._draw(shape, seed, name, dtype, device, out, index)
