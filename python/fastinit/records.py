"""Frozen dataclasses as plain data and back, for reports that are kept as JSON."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, TypeVar

from fastinit import json_files

Kind = TypeVar("Kind")


def to_data(record: Any) -> dict[str, Any]:
    """Return a dataclass as plain data that JSON can hold, in lists and objects.

    NaN and infinities are ``{"__float__": "NaN"}`` and the like.

    Example:
        >>> import dataclasses
        >>> from fastinit import records
        >>> Point = dataclasses.make_dataclass("Point", [("x", float), ("name", str)])
        >>> records.to_data(Point(float("inf"), "a"))
        {'x': {'__float__': 'Infinity'}, 'name': 'a'}
    """
    found: dict[str, Any] = json_files.encoded(dataclasses.asdict(record))
    return found


def from_data(kind: type[Kind], data: Any) -> Kind:
    """Return the dataclass that ``to_data`` described, with those in it.

    Raises:
        ValueError: A field is missing or unknown; the message says where.
    """
    return typing.cast("Kind", _value(kind, json_files.decoded(data)))


def _value(kind: Any, data: Any) -> Any:
    """Return data as the type of a field asks for it."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        names = tuple(each.name for each in dataclasses.fields(kind))
        given = json_files.fields(data, names)
        hints = typing.get_type_hints(kind)
        values = {}
        for name in names:
            with json_files.located(name):
                values[name] = _value(hints[name], given[name])
        return kind(**values)
    parts = typing.get_args(kind)
    if typing.get_origin(kind) is tuple and isinstance(data, list):
        kinds = [parts[0]] * len(data) if parts[1:] == (...,) else parts
        return tuple(_value(each, item) for each, item in zip(kinds, data, strict=True))
    return data
