"""Existing values in an array of another shape: selected, repeated, widened, in a corner."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastinit.checks import shown
from fastinit.initializers.base import Initializer, templates_of
from fastinit.initializers.composites.parts import stream_name_of
from fastinit.initializers.computed import Computed, check_all, draw_bounds
from fastinit.initializers.distributions.uniform import uniform
from fastinit.initializers.existing.loaded import Loaded
from fastinit.initializers.named import initializer_of
from fastinit.native.box import Bounds, shape_of
from fastinit.native.dtypes import drawable
from fastinit.native.request import Template
from fastinit.streams import part_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Existing"]

_KINDS = ("copy", "even", "tile", "repeat", "widen", "divide")
_MOST_RUNS = 64  # of rows that are read one after another


@dataclasses.dataclass(frozen=True)
class Existing(Initializer):
    """Values of another initializer, most often of a checkpoint, in an array of another shape.

    Each axis of the array has a map to the axis of the source. With n elements there and m here,
    element i is the source's

    - "copy": i, where i < n; the rest is drawn.
    - "even": i n / m, or round(i (n - 1) / (m - 1)) where m does not divide n, for weight selection
      (Xu et al. 2023, arXiv 2311.18823).
    - "tile": i mod n, copies one after another.
    - "repeat": floor(i n / m), each element several times.
    - "widen": i, and a random one from i = n on, for the outputs of a layer that Net2Net widens
      (Chen et al. 2015, arXiv 1511.05641).
    - "divide": the same, divided by how often it occurs, for the inputs of the next layer.

    Elements that no element of the source belongs to are drawn by ``rest``, as they would be in an
    array of this shape without a source.

    Args:
        source: The initializer of the values that there are, such as ``Loaded``.
        source_shape: The shape of the source; None for that of a ``Loaded`` tensor.
        axes: The map of each axis; None for "copy" on all axes.
        rest: The initializer of the other elements; None if there are none.
        units: For "widen" and "divide", the name of the stream that chooses units: layers that are
            connected share it. It may contain ``{name}``, ``{parent}`` and ``{grandparent}``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range; when drawn, the shape has other axes than the
            source, "even", "widen" or "divide" go the wrong way, or elements are left without
            ``rest``.

    Example:
        >>> import fastinit
        >>> source = fastinit.Arange(1)
        >>> fastinit.Existing(source, source_shape=(6,), axes=("even",))((3,))
        array([1., 3., 5.], dtype=float32)
        >>> fastinit.Existing(source, source_shape=(2,), rest="zeros")((4,))
        array([1., 2., 0., 0.], dtype=float32)
    """

    in_complex: ClassVar[str | None] = "templates"

    source: Initializer | str
    source_shape: Sequence[int] | None = None
    axes: Sequence[str] | None = None
    rest: Initializer | str | None = None
    units: str = "{name}.units"

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "source", initializer_of(self.source, "source"))
        if self.rest is not None:
            object.__setattr__(self, "rest", initializer_of(self.rest, "rest"))
        if self.source_shape is not None:
            object.__setattr__(self, "source_shape", shape_of(tuple(self.source_shape)))
        elif not isinstance(self.source, Loaded):
            raise ValueError("source_shape= is missing, which only a Loaded source does without")
        if self.axes is not None:
            axes = tuple(self.axes) if isinstance(self.axes, (list, tuple)) else ()
            if not axes or not set(axes) <= set(_KINDS):
                raise ValueError(
                    f"axes={shown(self.axes)} is not a sequence of maps; use {', '.join(_KINDS)}"
                )
            object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "units", stream_name_of(self.units, "units"))

    @property
    def _source(self) -> Initializer:
        return self.source  # type: ignore[return-value]

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether anything depends on the seed and the name."""
        rest = isinstance(self.rest, Initializer) and self.rest.is_random
        return rest or self._source.is_random or bool({"widen", "divide"} & set(self.axes or ()))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which ``from_dict`` turns into an equal initializer."""
        data = super().to_dict()
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in data.items()
        }

    def _there(self) -> tuple[int, ...]:
        if self.source_shape is not None:
            return tuple(self.source_shape)
        assert isinstance(self.source, Loaded)
        return self.source.shape

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which reads the source and draws the rest."""
        there = self._there()
        axes = self.axes or ("copy",) * len(shape)
        if not len(axes) == len(there) == len(shape):
            raise ValueError(
                f"shape {shape} has {len(shape)} axes, the source {len(there)}, and axes= has "
                f"{len(axes)} maps; make them agree"
            )
        for kind, size, wanted in zip(axes, there, shape, strict=True):
            is_smaller, is_larger = wanted < size, wanted > size
            if (kind in ("widen", "divide") and is_smaller) or (kind == "even" and is_larger):
                raise ValueError(
                    f"map {kind!r} does not lead from {size} elements to {wanted}; use another map"
                )
        has_rest = any(
            kind == "copy" and wanted > size
            for kind, size, wanted in zip(axes, there, shape, strict=True)
        )
        if has_rest and self.rest is None:
            raise ValueError(
                f"the source of shape {there} leaves elements of shape {shape}; pass rest="
            )
        drawn = drawable(dtype, "divided") if "divide" in axes else dtype
        rest = (
            templates_of(self.rest, shape, dtype)
            if has_rest and isinstance(self.rest, Initializer)
            else ()
        )
        templates = templates_of(self._source, there, drawn)
        mapped = _Mapped(templates, rest, there, shape, axes, drawn, dtype, self.units)
        over = (*templates, *rest)
        elementwise = all(each.elementwise for each in over)
        return (Computed(shape, dtype, mapped.compute, elementwise, over, mapped.check),)


@dataclasses.dataclass(frozen=True, eq=False)
class _Mapped:
    """The values of a part of the array."""

    templates: tuple[Template, ...]
    rest: tuple[Template, ...]
    there: tuple[int, ...]
    shape: tuple[int, ...]
    axes: Sequence[str]
    drawn: np.dtype[Any]
    dtype: np.dtype[Any]
    units: str

    def compute(self, bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        """Return the values, those of the source over those of the rest."""
        fits = [
            min(stop, size) if kind == "copy" else stop
            for (_, stop), size, kind in zip(bounds, self.there, self.axes, strict=True)
        ]
        starts = [start for start, _ in bounds]
        counts = [max(stop - start, 0) for start, stop in zip(starts, fits, strict=True)]
        is_all = all(fit == stop for fit, (_, stop) in zip(fits, bounds, strict=True))
        values = np.empty(tuple(stop - start for start, stop in bounds), self.dtype)
        if not is_all:
            values = draw_bounds(self.rest, self.shape, self.dtype, bounds, seed, stream)
        if math.prod(counts):
            taken = self._taken(starts, counts, seed, stream)
            values[tuple(map(slice, counts))] = taken.astype(self.dtype, copy=False)
        return values

    def check(self, seed: int, stream: int) -> None:
        """Check the source, the rest and the name of the stream of units."""
        check_all((*self.templates, *self.rest), seed, stream)
        if {"widen", "divide"} & set(self.axes):
            part_name(self.units, stream, "")

    def _taken(
        self, starts: Sequence[int], counts: Sequence[int], seed: int, stream: int
    ) -> NDArray[Any]:
        found = []
        divisors: list[NDArray[Any] | None] = []
        for axis, (start, count) in enumerate(zip(starts, counts, strict=True)):
            index, divisor = self._index(axis, start, count, seed, stream)
            found.append(index)
            divisors.append(divisor)
        values = self._gathered(found, seed, stream)
        for axis, divisor in enumerate(divisors):
            if divisor is not None:
                shape = [1] * values.ndim
                shape[axis] = divisor.size
                values = values / divisor.astype(values.dtype).reshape(shape)
        return values

    def _index(
        self, axis: int, start: int, count: int, seed: int, stream: int
    ) -> tuple[NDArray[np.int64], NDArray[Any] | None]:
        """Return the elements of the source, and what they are divided by."""
        size, wanted, kind = self.there[axis], self.shape[axis], self.axes[axis]
        index = np.arange(start, start + count)
        if kind == "even":
            return evenly(index, size, wanted), None
        if kind == "tile":
            return index % size, None
        if kind == "repeat":
            return index * size // wanted, None
        if kind == "copy" or size == wanted:
            return index, None
        name = part_name(self.units, stream, "")
        u = uniform(wanted, seed=seed, name=name, dtype="float64")
        chosen = np.where(np.arange(wanted) < size, np.arange(wanted), (u * size).astype(np.int64))
        times = np.bincount(chosen, minlength=size)[chosen]
        part = slice(start, start + count)
        return chosen[part], times[part] if kind == "divide" else None

    def _gathered(self, index: list[NDArray[np.int64]], seed: int, stream: int) -> NDArray[Any]:
        """Return elements of the source, of which few others are drawn."""
        rows, others = index[0], index[1:]
        inner = tuple((int(each.min()), int(each.max()) + 1) for each in others)
        within = [each - first for each, (first, _) in zip(others, inner, strict=True)]
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        runs = np.split(rows, breaks)
        if len(runs) > _MOST_RUNS:
            first = int(rows.min())
            bounds = ((first, int(rows.max()) + 1), *inner)
            return self._source(bounds, seed, stream)[np.ix_(rows - first, *within)]
        parts = [
            self._source(((int(run[0]), int(run[-1]) + 1), *inner), seed, stream) for run in runs
        ]
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        full = all(
            len(each) == last - first and (np.diff(each) == 1).all()
            for each, (first, last) in zip(others, inner, strict=True)
        )
        return values if full else values[np.ix_(np.arange(len(rows)), *within)]

    def _source(self, bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        return draw_bounds(self.templates, self.there, self.drawn, bounds, seed, stream)


def evenly(index: Any, size: int, wanted: int) -> Any:
    """Return evenly spaced elements, halves rounded to even."""
    if size % wanted == 0:
        return index * (size // wanted)
    above = 2 * index * (size - 1) + (wanted - 1)  # twice the position, plus one, times m - 1
    found = above // (2 * (wanted - 1))
    is_half = above % (2 * (wanted - 1)) == 0
    return found - (is_half & (found % 2 == 1))
