"""Ranges: many rows of a rule that differ in numbers alone, as one row."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from fastinit.initializers import Initializer

Row = dict[str, Any]
_MOST = 4  # distributions of a rule that have a row each
_RANGED = ("distribution", "mean", "std")
_COUNTED = ("parameters", "elements")


def merged(rows: Sequence[Row]) -> list[Row]:
    """Return rows in which a rule has no more than a few, unless these differ in more than numbers.

    A number that differs is a dict of its ``least`` and its ``largest`` value, in the distribution,
    the mean and the standard deviation alike.

    Args:
        rows: Rows for the distributions of rules, as ``Explanation.by_rule`` groups them.

    Example:
        >>> from fastinit.plans.ranges import merged
        >>> fields = ("rule", "pattern", "initializer", "dtype", "assumes", "origin", "mean")
        >>> row = dict.fromkeys(fields) | {"parameters": 1, "elements": 6}
        >>> kinds = [{"type": "Normal", "std": k / 8} for k in range(1, 7)]
        >>> found = merged([row | {"distribution": kind, "std": kind["std"]} for kind in kinds])
        >>> [(each["std"], each["elements"]) for each in found]
        [({'least': 0.125, 'largest': 0.75}, 36)]
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        same = [row[field] for field in sorted(row.keys() - {*_RANGED, *_COUNTED})]
        groups.setdefault(repr([*same, _form(_completed(row["distribution"]))]), []).append(row)
    return [
        each
        for group in groups.values()
        for each in (group if len(group) <= _MOST else [_of_group(group)])
    ]


def is_range(value: Any) -> bool:
    """Return whether a field of a row is a range of numbers."""
    return isinstance(value, dict) and value.keys() == {"least", "largest"}


def _of_group(group: Sequence[Row]) -> Row:
    counts = {field: sum(row[field] for row in group) for field in _COUNTED}
    moments = {field: _range([row[field] for row in group]) for field in ("mean", "std")}
    distribution = _range([_completed(row["distribution"]) for row in group])
    return group[0] | counts | moments | {"distribution": distribution}


def _defaults(data: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers that the data of an initializer may leave out."""
    kind = Initializer.class_of(str(data.get("type")))
    fields = () if kind is None else dataclasses.fields(kind)
    return {each.name: each.default for each in fields if _is_number(each.default)}


def _completed(data: Any) -> Any:
    """Return plain data with the numbers that initializers in it leave out."""
    if isinstance(data, dict):
        return _defaults(data) | {key: _completed(each) for key, each in data.items()}
    return [*map(_completed, data)] if isinstance(data, (list, tuple)) else data


def _form(value: Any) -> Any:
    """Return plain data with all numbers replaced."""
    if isinstance(value, dict):
        return {key: _form(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_form(each) for each in value]
    return 0 if _is_number(value) else value


def _range(values: Sequence[Any]) -> Any:
    """Return plain data of one form as one, with a range for each number that differs."""
    first = values[0]
    if isinstance(first, dict):
        found = {key: _range([each[key] for each in values]) for key in first}
        defaults = _defaults(first)
        return {
            key: found[key] for key in found if key not in defaults or defaults[key] != found[key]
        }
    if isinstance(first, (list, tuple)):
        return [_range(each) for each in zip(*values, strict=True)]
    if None in values:
        return None
    least, largest = (min(values), max(values)) if _is_number(first) else (first, first)
    return first if least == largest else {"least": least, "largest": largest}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
