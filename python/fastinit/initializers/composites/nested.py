"""Initializers within others, and which axes they take for those of a kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from fastinit.initializers.base import Initializer
from fastinit.initializers.composites.transposes import Transposed

_TORCHS = "oi*"  # the default layout


def check_layout(initializer: Initializer, shape: tuple[int, ...]) -> None:
    """Check that an initializer does not take the axes of a Keras or JAX kernel for torch's.

    What is transposed has axes of its own, and a fan that is given depends on no layout.

    Raises:
        ValueError: The default layout, which is torch's, is that of the initializer or of one
            within it.
    """
    if len(shape) < 2:
        return
    for each in _of_equal_axes(initializer):
        is_torchs = getattr(each, "layout", None) == _TORCHS
        if is_torchs and getattr(each, "fan", None) is None:
            raise ValueError(
                f"the layout {_TORCHS!r} of {each} is torch's, and kernels of Keras and JAX have "
                "their outputs last; pass layout='*io', or where outputs come first a layout that "
                "names each axis ('oi', 'oikk')"
            )


def _of_equal_axes(found: Any) -> Iterator[Initializer]:
    """Yield the initializers in an object that draw for the axes of the whole."""
    if isinstance(found, Transposed):
        return
    if isinstance(found, Initializer):
        yield found
    inner: Any = ()
    if dataclasses.is_dataclass(found):
        inner = [getattr(found, field.name) for field in dataclasses.fields(found)]
    elif isinstance(found, Mapping):
        inner = found.values()
    elif isinstance(found, (tuple, list)):
        inner = found
    for each in inner:
        yield from _of_equal_axes(each)
