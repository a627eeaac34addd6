"""Masks: the values of another initializer, some of which are zeroed."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from fastinit.checks import boolean, finite, positive_integer, shown, type_of
from fastinit.initializers.base import Initializer, templates_of
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.distributions.variance_scaling import FanScaled
from fastinit.initializers.fans import fan, layout_of
from fastinit.initializers.named import initializer_of, named
from fastinit.initializers.options import Out
from fastinit.native.box import Index, Shape
from fastinit.native.request import Template
from fastinit.streams import Seed

Base = Initializer | str | None
_WIDEST = 8  # bytes of an element that a mask writes zeros to


class Masked(Initializer, is_base=True):
    """An initializer of which a mask zeroes some elements; the others keep their bits."""

    in_complex: ClassVar[str | None] = "templates"

    base: Base
    correct_fan: bool
    layout: str

    @property
    def dense(self) -> Initializer:
        """The initializer that draws the values, before any is zeroed: the base, or ones."""
        return self.base if isinstance(self.base, Initializer) else Constant(1)

    @abc.abstractmethod
    def density(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Return (how many weights are kept, of how many)."""

    @abc.abstractmethod
    def mask(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Template:
        """Return the template that writes the zeros."""

    def _check_base(self) -> None:
        """Check the fields that all masks share, and make a base of a name or a dict."""
        object.__setattr__(self, "layout", layout_of(self.layout))
        if isinstance(self.base, str):
            object.__setattr__(self, "base", named(self.base, "base", self.layout))
        elif self.base is not None:
            object.__setattr__(self, "base", initializer_of(self.base, "base"))
        if isinstance(self.base, Masked):
            raise ValueError(
                f"base={self.base!r} is masked, and two masks would draw the same words; pass the "
                "base of one of them"
            )
        theirs = getattr(self.base, "layout", self.layout)
        if theirs != self.layout:
            raise ValueError(
                f"layout={self.layout!r} is not that of the base, {theirs!r}; make them agree"
            )
        object.__setattr__(self, "correct_fan", boolean(self.correct_fan, "correct_fan"))
        if self.correct_fan and not (isinstance(self.base, FanScaled) and self.base.fan is None):
            raise ValueError(
                "correct_fan=True needs a base whose std comes from a fan, such as "
                "base='he_normal'; pass such a base, or correct_fan=False"
            )

    def values(self, shape: tuple[int, ...]) -> Initializer:
        """Return what draws the values, with the fan of the kept weights if that was asked for."""
        if not self.correct_fan:
            return self.dense
        assert isinstance(self.base, FanScaled)
        dense = fan(shape, self.base.mode, self.base.layout, self.base.groups)
        kept, of = self.density(shape)
        if kept == 0:
            return self.base
        changed: dict[str, Any] = {"fan": dense * kept / of}
        return dataclasses.replace(self.base, **changed)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return the values, and the mask over them."""
        return self._over(templates_of(self.values(shape), shape, dtype), shape, dtype)

    def mask_templates(self, shape: tuple[int, ...]) -> tuple[Template, ...]:
        """Return those of the mask alone, in bool: True where a value is kept."""
        dtype = np.dtype(np.bool_)
        return self._over((Constant(1).template(dtype),), shape, dtype)

    def _over(
        self, values: tuple[Template, ...], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> tuple[Template, ...]:
        kept, of = self.density(shape)
        if kept == 0:
            return templates_of(Constant(0), shape, dtype)
        if kept == of:
            return values
        if dtype.itemsize > _WIDEST:
            from fastinit.initializers.masks.apart import masked_apart  # here, as few are that wide

            return (masked_apart(values, self.mask_templates(shape), shape, dtype),)
        return (*values, self.mask(shape, dtype))

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """Return the same mask over the scaled base."""
        changed: dict[str, Any] = {"base": self.dense.scaled(apply)}
        return dataclasses.replace(self, **changed)

    def with_part_scaled(self, label: str, apply: Callable[[float], float]) -> Initializer:
        """Return the same mask over the base with a scaled part."""
        changed: dict[str, Any] = {"base": self.dense.with_part_scaled(label, apply)}
        return dataclasses.replace(self, **changed)

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those of the base's values, some of which are zeroed."""
        found = self.values(shape).moments(shape)
        if found is None:
            return None
        mean, std = found
        kept, of = self.density(shape)
        part = kept / of if of else 0.0
        return part * mean, math.sqrt(part * (std * std + (1 - part) * mean * mean))

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return the same mask over the base's distribution for this shape."""
        if self.base is None:
            return self
        resolved: dict[str, Any] = {
            "base": self.values(shape).resolve(shape),
            "correct_fan": False,
        }
        return dataclasses.replace(self, **resolved)


def draw_mask(
    initializer: Masked,
    shape: Shape,
    seed: Seed | None,
    name: str | int | None,
    dtype: Any,
    device: Any,
    out: Out | None,
    index: Index | None,
) -> Out:
    """Draw a mask by itself, whose dtype is bool unless it or ``out`` is given."""
    if dtype is None and out is None:
        dtype = "bool"
    return initializer._draw(shape, seed, name, dtype, device, out, index)


def block_of(given: Any) -> tuple[int, ...] | None:
    """Return the sizes of a block as a tuple.

    Raises:
        TypeError: It is not a sequence of integers.
        ValueError: A size is not positive.
    """
    if given is None:
        return None
    if not isinstance(given, (tuple, list)):
        raise TypeError(
            f"block={shown(given)} is {type_of(given)}; pass a tuple with the size of a "
            "block on each axis"
        )
    return tuple(positive_integer(size, "block") for size in given)


def grid_of(shape: tuple[int, ...], block: tuple[int, ...]) -> tuple[int, int]:
    """Return how many blocks a shape has, and the weights of each.

    Raises:
        ValueError: The blocks do not divide the shape.
    """
    if len(block) != len(shape):
        raise ValueError(
            f"block={block} has {len(block)} sizes and shape {shape} {len(shape)} axes; pass one "
            "for each axis"
        )
    for size, each in zip(shape, block, strict=True):
        if size % each:
            raise ValueError(
                f"block={block} does not divide shape {shape}; {size} % {each} is not 0"
            )
    each = math.prod(block)
    return math.prod(shape) // each, each


def fraction(value: Any, what: str) -> float:
    """Return ``value`` as a float from 0 to 1."""
    number = finite(value, what)
    if not 0 <= number <= 1:
        raise ValueError(f"{what}={value} is out of range; pass a number from 0 to 1")
    return number
