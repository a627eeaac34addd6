"""Composites: several draws over the same array, one after another, of the whole or of parts."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from fastinit import streams
from fastinit.arrays.operations import ARITHMETIC, Arithmetic, Rounded
from fastinit.checks import integer, real
from fastinit.initializers.base import Initializer
from fastinit.initializers.computed import any_may_fail, check_all
from fastinit.initializers.named import initializer_of
from fastinit.native.box import Bounds, Box, c_strides, part, whole
from fastinit.native.dtypes import CODES, drawable, dtype_of
from fastinit.native.region import Region, is_covered, pieces
from fastinit.native.request import BARRIER, Fill, Request, Template

_ROUNDED = 1 << 22  # elements that are drawn at a time where they are rounded to another dtype


@dataclasses.dataclass(frozen=True)
class Layer:
    """One step of a composite: a draw, or arithmetic with a number, on a part of the array.

    Args:
        initializer: The initializer of the layer; None for arithmetic.
        operation: The name of the arithmetic: "multiply", "add", "divide", "subtract_from",
            "divide_into", "at_least" or "at_most".
        operand: Its number.
        start: The index of the part's first element, on every axis; None for the whole array.
        stop: The index after the last one.
        shape: The shape of the array that is drawn for the part; None for that of the part.
        strides: The distances, in the array that is drawn, of neighbors along the axes of the
            part; None for those of C order. A transposed weight has them in another order.
        offset: The flat index in the drawn array of the part's first element.
        seed: The seed of the draw; None for that of the whole.
        stream: The name of the stream, or its number below 2**64; None for that of the array.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or the fields contradict each other.
    """

    initializer: Initializer | None = None
    operation: str | None = None
    operand: float = 0.0
    start: tuple[int, ...] | None = None
    stop: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    offset: int = 0
    seed: int | None = None
    stream: str | int | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.initializer is not None:
            given = initializer_of(self.initializer, "initializer")
            object.__setattr__(self, "initializer", given)
        if (self.initializer is None) == (self.operation is None):
            raise ValueError("a layer has an initializer or an operation, and not both")
        if self.operation is not None and self.operation not in ARITHMETIC:
            known = ", ".join(ARITHMETIC)
            raise ValueError(f"operation={self.operation!r} is not known; known are {known}")
        real(self.operand, "operand")
        for field in ("start", "stop", "shape", "strides"):
            value = getattr(self, field)
            if value is not None:
                sizes = tuple(integer(n, field, "integers of 0 or more") for n in value)
                if any(n < 0 for n in sizes):
                    raise ValueError(f"{field}={value!r} has a negative number; write 0 or more")
                object.__setattr__(self, field, sizes)
        if (self.start is None) != (self.stop is None):
            raise ValueError("start and stop belong together; give both or neither")
        if integer(self.offset, "offset", "an integer of 0 or more") < 0:
            raise ValueError(f"offset={self.offset} is negative; write 0 or more")
        streams.raw(self.seed or 0, 0 if self.stream is None else self.stream)

    def bounds(self, shape: tuple[int, ...]) -> Bounds:
        """Return (start, stop) on every axis of an array.

        Raises:
            ValueError: The part is not inside the array.
        """
        if self.start is None or self.stop is None:
            return tuple((0, size) for size in shape)
        if len(self.start) != len(shape) or len(self.stop) != len(shape):
            raise ValueError(f"start and stop have {len(self.start)} axes, the shape {shape} not")
        found = tuple(zip(self.start, self.stop, strict=True))
        if any(not 0 <= a < b <= size for (a, b), size in zip(found, shape, strict=True)):
            raise ValueError(f"start={self.start} and stop={self.stop} do not fit shape {shape}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without the fields that have their defaults."""
        data: dict[str, Any] = {}
        if self.initializer is not None:
            data["initializer"] = self.initializer.to_dict()
        for field in dataclasses.fields(self)[1:]:
            value = getattr(self, field.name)
            if repr(value) != repr(field.default):
                data[field.name] = list(value) if isinstance(value, tuple) else value
        return data


@dataclasses.dataclass(frozen=True)
class Composite(Initializer):
    """Draws and arithmetic over one array, in order: what code does to a weight in several steps.

    Recorded plans have composites where one initializer does not say it all: fused weights whose
    parts are drawn on their own, draws that are scaled afterwards, transposed draws, rows of zeros.

    Args:
        layers: The steps, in order; together they write every element.
        dtype: The dtype in which the steps are executed, whose values are then rounded to that of
            the array; None for that of the array.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The list of layers is empty, or the dtype does not hold random values. When
            drawn, the layers do not fit the shape or leave elements unwritten.

    Example:
        >>> import fastinit
        >>> from fastinit.initializers.composites.composite import Composite, Layer
        >>> halves = (
        ...     Layer(fastinit.Constant(1)),
        ...     Layer(fastinit.Constant(2), start=(1,), stop=(3,)),
        ...     Layer(operation="multiply", operand=0.5),
        ... )
        >>> Composite(halves)((4,))
        array([0.5, 1. , 1. , 0.5], dtype=float32)
    """

    layers: Sequence[Layer] = ()
    dtype: str | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.layers, (list, tuple)) or not self.layers:
            raise ValueError(f"layers={self.layers!r} is not a list of layers; give one or more")
        layers = tuple(Layer(**each) if isinstance(each, dict) else each for each in self.layers)
        for each in layers:
            if not isinstance(each, Layer):
                raise TypeError(f"{each!r} is not a Layer; pass Layer objects")
        object.__setattr__(self, "layers", layers)
        if self.dtype is not None:
            dtype = dtype_of(self.dtype)
            if dtype not in CODES:
                raise ValueError(f"dtype={self.dtype!r} does not hold random values")
            object.__setattr__(self, "dtype", dtype.name)

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether one of the layers depends on the seed and the name."""
        drawn = (each.initializer for each in self.layers)
        return any(each is not None and each.is_random for each in drawn)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which ``from_dict`` turns into an equal composite."""
        data = {"type": "Composite", "layers": [each.to_dict() for each in self.layers]}
        return data if self.dtype is None else data | {"dtype": self.dtype}

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those of the draw of the whole after its arithmetic; None if there are parts."""
        found: tuple[float, float] | None = None
        for each in self.layers:
            if each.start is not None:
                return None
            if each.initializer is not None:
                found = each.initializer.moments(each.shape or shape)
            elif found is not None and each.operation in _MOMENTS:
                found = _MOMENTS[each.operation](*found, each.operand)
            else:
                return None
        return found

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which executes the layers in order."""
        drawn = dtype if self.dtype is None else dtype_of(self.dtype)
        if self.dtype or any(each.operation for each in self.layers):
            drawable(dtype, "computed")
        written = [each.bounds(shape) for each in self.layers if each.initializer is not None]
        if not is_covered(shape, written):
            raise ValueError(f"the layers leave elements of shape {shape} unwritten")
        steps = tuple(_step(each, shape, drawn) for each in self.layers)
        return (_Steps(shape, dtype, drawn, steps),)


_MOMENTS: dict[str, Callable[[float, float, float], tuple[float, float]]] = {
    "multiply": lambda mean, std, by: (mean * by, std * abs(by)),
    "divide": lambda mean, std, by: (mean / by, std / abs(by)) if by else (math.nan, math.nan),
    "add": lambda mean, std, by: (mean + by, std),
    "subtract_from": lambda mean, std, by: (by - mean, std),
}


@dataclasses.dataclass(frozen=True)
class _Steps(Template):
    """The layers of a composite, in order, for one shape and dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    drawn: np.dtype[Any]
    steps: tuple[_Draw | _Compute, ...]

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether all layers are."""
        return all(each.elementwise for each in self.steps)

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        """Whether one of the layers may fail."""
        return any(each.may_fail for each in self.steps)

    def check(self, seed: int, stream: int) -> None:
        """Check what the layers need."""
        for each in self.steps:
            each.check(seed, stream)

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return the requests of all layers, each after those before it."""

        def requests_for(piece: Box, start: int) -> list[Request]:
            found: list[Request] = []
            for each in self.steps:
                if found:
                    found.append(BARRIER)
                found += each.requests(piece, start, seed, stream)
            return found

        if self.drawn == self.dtype:
            return requests_for(box, address)
        found: list[Request] = []
        most = _ROUNDED if self.elementwise else math.prod(self.shape)
        for _, bounds in pieces(self.shape, box, most):
            piece = part(self.shape, tuple(slice(*each) for each in bounds))
            count = math.prod(piece.extents)
            draw = functools.partial(requests_for, piece)
            found.append(Rounded(self.drawn, count, draw, self.may_fail, address, self.dtype))
            address += count * self.dtype.itemsize
        return found


@dataclasses.dataclass(frozen=True)
class _Compute:
    """Arithmetic on a part of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    region: Region
    name: str
    operand: float
    elementwise = True
    may_fail = False

    def check(self, _: int, __: int) -> None:
        """Numbers always do."""

    def requests(self, box: Box, address: int, _: int, __: int) -> Iterator[Request]:
        for position, piece in self.region.runs(self.shape, box):
            at = address + position * self.dtype.itemsize
            count = math.prod(piece.extents)
            yield Arithmetic(at, count, self.dtype, self.name, self.operand)


@dataclasses.dataclass(frozen=True)
class _Draw:
    """A draw into a part of an array, as an array of its own shape from a stream of its own."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    region: Region
    templates: tuple[Template, ...]
    drawn: tuple[int, ...]
    seed: int | None
    stream: str | int | None

    @property
    def elementwise(self) -> bool:
        return all(each.elementwise for each in self.templates)

    @property
    def may_fail(self) -> bool:
        return any_may_fail(self.templates) or not (self._is_flat or self._has_same_axes)

    @property
    def _is_flat(self) -> bool:
        return all(isinstance(each, Fill) for each in self.templates)

    @property
    def _has_same_axes(self) -> bool:
        """Whether the drawn array has the axes of the region but for those of one element."""
        extents = _extents(self.region.bounds)
        return _without_ones(self.drawn) == _without_ones(extents)

    def check(self, seed: int, stream: int) -> None:
        check_all(self.templates, *self._number(seed, stream))

    def _number(self, seed: int, stream: int) -> tuple[int, int]:
        """Return the seed and the stream of the draw, in an array that has these."""
        if self.stream is not None:
            seed, stream = streams.raw(seed, self.stream)
        return seed if self.seed is None else self.seed, stream

    def requests(self, box: Box, address: int, seed: int, stream: int) -> Iterator[Request]:
        seed, stream = self._number(seed, stream)
        for position, piece in self._pieces(box):
            at = address + position * self.dtype.itemsize
            for template in self.templates:
                yield from template.requests(piece, at, seed, stream)

    def _pieces(self, box: Box) -> Iterator[tuple[int, Box]]:
        """Yield the parts of the drawn array; all but plain fills need those of its own axes.

        Raises:
            ValueError: A part is not one along these axes.
        """
        if self._is_flat:
            yield from self.region.runs(self.shape, box)
            return
        kept = [axis for axis, size in enumerate(_extents(self.region.bounds)) if size > 1]
        has_same_axes = self._has_same_axes
        for position, bounds in self.region.parts(self.shape, box):
            if has_same_axes:
                inner = iter([bounds[axis] for axis in kept])
                index = [slice(0, 1) if size == 1 else slice(*next(inner)) for size in self.drawn]
                yield position, part(self.drawn, tuple(index))
            elif _extents(bounds) == _extents(self.region.bounds):
                yield position, whole(self.drawn)
            else:
                raise ValueError(
                    "a part of a matrix that has other axes than its tensor is not drawn on its "
                    "own; draw the whole tensor"
                )


def _without_ones(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in sizes if size > 1)


def _extents(bounds: Bounds) -> tuple[int, ...]:
    return tuple(stop - start for start, stop in bounds)


def _step(layer: Layer, shape: tuple[int, ...], dtype: np.dtype[Any]) -> _Draw | _Compute:
    bounds = layer.bounds(shape)
    drawn = _extents(bounds) if layer.shape is None else layer.shape
    natural = c_strides(_extents(bounds))
    region = Region(bounds, natural if layer.strides is None else layer.strides, layer.offset)
    if len(region.strides) != len(shape):
        raise ValueError(f"strides={region.strides} do not fit shape {shape}")
    if layer.initializer is None:
        assert layer.operation is not None
        return _Compute(shape, dtype, region, layer.operation, layer.operand)
    last = region.offset + sum(
        (extent - 1) * stride
        for extent, stride in zip(_extents(bounds), region.strides, strict=True)
    )
    if last >= math.prod(drawn):
        raise ValueError(f"a layer reaches element {last} of an array of shape {drawn}")
    templates = layer.initializer.templates(drawn, dtype)
    is_natural = region.strides == natural and not region.offset
    if not is_natural and not all(isinstance(each, Fill) for each in templates):
        raise ValueError(f"{layer.initializer} is not drawn in another order of elements")
    return _Draw(shape, dtype, region, templates, drawn, layer.seed, layer.stream)
