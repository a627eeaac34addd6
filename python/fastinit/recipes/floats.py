"""Floats that JSON does not have, in the objects that transformers writes for them."""

from __future__ import annotations

import math
from typing import Any

_TAG = "__float__"
_VALUES = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def encoded(data: Any) -> Any:
    """Return data with ``{"__float__": "Infinity"}`` and the like in place of such floats."""
    if isinstance(data, float) and not math.isfinite(data):
        return {_TAG: "NaN" if math.isnan(data) else "Infinity" if data > 0 else "-Infinity"}
    if isinstance(data, dict):
        return {key: encoded(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [encoded(value) for value in data]
    return data


def decoded(data: Any) -> Any:
    """Return data with the floats that such objects stand for."""
    if isinstance(data, dict):
        tag = data.get(_TAG)
        if len(data) == 1 and isinstance(tag, str) and tag in _VALUES:
            return _VALUES[tag]
        return {key: decoded(value) for key, value in data.items()}
    if isinstance(data, list):
        return [decoded(value) for value in data]
    return data
