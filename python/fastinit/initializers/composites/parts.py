"""Parts of an array along an axis, each drawn as an array of its own from a stream of its own."""

from __future__ import annotations

import bisect
import functools
import math
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit.checks import integer, shown, type_of
from fastinit.initializers.computed import Placed, any_may_fail, check_all
from fastinit.native.box import Bounds, Box, part
from fastinit.native.region import bounded
from fastinit.native.request import Request, Template
from fastinit.streams import part_name, stream_of

_FIELDS = {"name", "parent", "grandparent", "part"}


def names_of(names: Any) -> str:
    """Return the format of the names of parts, once it is known that ``part_name`` takes it.

    Raises:
        TypeError: It is not a string.
        ValueError: It lacks ``{part}`` or has other fields than there are.
    """
    found = _fields_of(names, "names")
    if found is None or "part" not in found or not _FIELDS.issuperset(found):
        raise ValueError(
            f"names={names!r} is not understood; write {{part}}, and {{name}}, {{parent}} or "
            "{grandparent} for the beginning, as '{grandparent}.{part}_proj.weight'"
        )
    return str(names)


def stream_name_of(name: Any, what: str) -> str:
    """Return the format of the name of a stream that several arrays share, once it is checked.

    Raises:
        TypeError: It is not a string.
        ValueError: It has other fields than the name of the array and its parents.
    """
    found = _fields_of(name, what)
    if found is None or not (_FIELDS - {"part"}).issuperset(found):
        raise ValueError(
            f"{what}={name!r} is not understood; write the name of the stream, with {{name}}, "
            "{parent} or {grandparent} for that of the array or of what it belongs to"
        )
    return str(name)


def _fields_of(names: Any, what: str) -> list[str] | None:
    """Return the names of the fields of a format, or None if it is not a plain one."""
    if not isinstance(names, str):
        raise TypeError(f"{what}={shown(names)} is {type_of(names)}; pass a string")
    try:
        parsed = list(string.Formatter().parse(names))
    except ValueError:
        return None
    if any(spec or how for _, _, spec, how in parsed):
        return None
    return [field for _, field, _, _ in parsed if field is not None]


def axis_of(axis: int, shape: tuple[int, ...]) -> int:
    """Return the number of an axis, counted from 0.

    Raises:
        ValueError: The shape has no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis={axis} is out of range for shape {shape}; pass one of its axes")
    return axis % len(shape)


def checked_axis(axis: Any) -> int:
    """Return ``axis`` as an integer."""
    return integer(axis, "axis", "the number of an axis")


@dataclass(frozen=True)
class Part:
    """A part of an array.

    Attributes:
        label: The text for ``{part}`` in the name of its stream.
        start: Where it begins on the axis.
        stop: Where it ends.
        shape: The shape of the array that is drawn for it, with or without the axis.
        templates: The templates of that array.
    """

    label: str
    start: int
    stop: int
    shape: tuple[int, ...]
    templates: tuple[Template, ...]


@dataclass(frozen=True, eq=False)
class Parts(Template):
    """Parts along an axis, which they cover.

    Attributes:
        shape: The shape of the whole array.
        dtype: Its dtype.
        axis: The axis.
        parts: The parts, in order.
        names: The format of the names of their streams.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axis: int
    parts: tuple[Part, ...]
    names: str

    @functools.cached_property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether all parts are."""
        return all(each.elementwise for one in self.parts for each in one.templates)

    @functools.cached_property
    def may_fail(self) -> bool:  # type: ignore[override]
        """Whether one of the parts may fail."""
        return any(any_may_fail(each.templates) for each in self.parts)

    def check(self, seed: int, stream: int) -> None:
        """Check what the parts need."""
        for each in self.parts:
            check_all(each.templates, seed, self._number(stream, each))

    def _number(self, stream: int, each: Part) -> int:
        return stream_of(part_name(self.names, stream, each.label))

    @functools.cached_property
    def _starts(self) -> list[int]:
        return [each.start for each in self.parts]

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return the requests of the parts that the box touches."""
        found: list[Request] = []
        for position, bounds in bounded(self.shape, box):
            at = address + position * self.dtype.itemsize
            for each, common in self._touched(bounds):
                found += self._of(each, common, bounds, at, seed, self._number(stream, each))
        return found

    def _touched(self, bounds: Bounds) -> Iterator[tuple[Part, tuple[int, int]]]:
        """Yield the parts that bounds touch, with what they have of the axis in common."""
        first, last = bounds[self.axis]
        begin = max(0, bisect.bisect_right(self._starts, first) - 1)
        for each in self.parts[begin:]:
            if each.start >= last:
                return
            common = max(first, each.start), min(last, each.stop)
            if common[0] < common[1]:
                yield each, common

    def _of(
        self,
        each: Part,
        common: tuple[int, int],
        bounds: Bounds,
        address: int,
        seed: int,
        stream: int,
    ) -> Sequence[Request]:
        """Return the requests of a part, directly where it is contiguous in memory."""
        inner = list(bounds)
        inner[self.axis] = common[0] - each.start, common[1] - each.start
        if len(each.shape) < len(self.shape):
            del inner[self.axis]
        box = part(each.shape, tuple(slice(*pair) for pair in inner))

        def requests_for(start: int) -> list[Request]:
            return [r for one in each.templates for r in one.requests(box, start, seed, stream)]

        extents = tuple(stop - start for start, stop in bounds)
        begin = common[0] - bounds[self.axis][0]
        taken = common[1] - common[0]
        if math.prod(extents[: self.axis]) == 1 or taken == extents[self.axis]:
            step = math.prod(extents[self.axis + 1 :]) * self.dtype.itemsize
            return requests_for(address + begin * step)
        where = [slice(None)] * len(extents)
        where[self.axis] = slice(begin, begin + taken)
        axes = tuple(range(len(box.shape)))
        return [
            Placed(
                self.dtype,
                math.prod(box.shape),
                requests_for,
                any_may_fail(each.templates),
                address,
                extents,
                tuple(where),
                axes,
                box.shape,
            )
        ]
