"""Initializers by the names of their functions, for ``base=`` and for rules."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from fastinit.initializers.base import Initializer
from fastinit.initializers.constant import Constant
from fastinit.initializers.presets import PRESETS

_Maker = Callable[..., Initializer]

_PRIVATE = "fastinit.initializers.values"  # initializers of buffers, which have no functions


def _makers() -> dict[str, _Maker]:
    """Return the initializers whose fields all have defaults, by the names of their functions."""
    found: dict[str, _Maker] = dict(PRESETS)
    for cls in Initializer._types.values():
        if cls.__module__ != _PRIVATE and not _required(cls):
            found.setdefault(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower(), cls)
    found["eye"] = found["identity"]
    found["ones"] = lambda: Constant(1)
    found["zeros"] = lambda: Constant(0)
    return found


def _required(cls: type[Any]) -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]


def is_name(name: str) -> bool:
    """Return whether an initializer can be made of a name alone."""
    return name in _makers()


def named(name: str, what: str, layout: str | None = None) -> Initializer:
    """Return the initializer with the name of a function, as "he_normal", with its defaults.

    Args:
        name: The name.
        what: The argument that holds it, for the error.
        layout: What each axis is, for initializers that have a layout; None for their default.

    Raises:
        ValueError: The name is not known.
    """
    makers = _makers()
    if name not in makers:
        raise ValueError(
            f"{what}={name!r} is not known; use one of {', '.join(makers)}, or an initializer "
            "object"
        )
    made = makers[name]()
    if layout is None or not hasattr(made, "layout"):
        return made
    changed: dict[str, Any] = {"layout": layout}
    return dataclasses.replace(made, **changed)
