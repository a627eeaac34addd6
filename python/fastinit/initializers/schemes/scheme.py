"""Named schemes that are other initializers with numbers of their own."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import numpy as np

from fastinit.checks import finite
from fastinit.initializers.base import Initializer, templates_of
from fastinit.native.request import Template


class Scheme(Initializer, is_base=True):
    """A name for what another initializer draws for a shape."""

    in_complex: ClassVar[str | None] = "templates"

    @abc.abstractmethod
    def inner(self, shape: tuple[int, ...]) -> Initializer:
        """Return what draws a shape."""

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return what draws this shape."""
        return self.inner(shape).resolve(shape)

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those of what draws this shape."""
        return self.inner(shape).moments(shape)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return those of what draws this shape."""
        return templates_of(self.inner(shape), shape, dtype)


def set_numbers(scheme: Initializer, *fields: str, above: float | None = None) -> None:
    """Make fields of a frozen object finite floats, in rising order, above a number.

    Raises:
        TypeError: One is not a number.
        ValueError: One is out of range.
    """
    least = above
    for field in fields:
        value = finite(getattr(scheme, field), field)
        if least is not None and value <= least:
            raise ValueError(f"{field}={value} is out of range; pass a number above {least}")
        object.__setattr__(scheme, field, value)
        least = value


__all__ = ["Scheme", "set_numbers"]
