"""Masks: the values of another initializer, some of which are zeroed."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastinit.fans import check_layout, fan
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions import Constant
from fastinit.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from fastinit.requests import Draw

Base = Initializer | str | None

# Bases by the name of their function.
NAMED: dict[str, Callable[..., VarianceScaling]] = {
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "kaiming_normal": HeNormal,
    "kaiming_uniform": HeUniform,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
}


class Masked(Initializer):
    """An initializer of which a mask zeroes some elements; the others keep their bits."""

    base: Base
    correct_fan: bool
    layout: str

    @property
    @abc.abstractmethod
    def dense(self) -> Initializer:
        """What draws the values, before any is zeroed."""

    @abc.abstractmethod
    def density(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """How many of how many weights are left."""

    @abc.abstractmethod
    def mask(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Draw:
        """The draw that writes the zeros."""

    def _check_base(self) -> None:
        """Check the fields that all masks share; a base given by name or as a dict is made one."""
        check_layout(self.layout)
        if isinstance(self.base, str):
            if self.base not in NAMED:
                raise ValueError(
                    f"base={self.base!r} is not known; use one of {', '.join(NAMED)}, or an "
                    "initializer object"
                )
            object.__setattr__(self, "base", NAMED[self.base](layout=self.layout))
        elif isinstance(self.base, dict):
            object.__setattr__(self, "base", Initializer.from_dict(self.base))
        if self.base is not None and not isinstance(self.base, Initializer):
            raise TypeError(
                f"base={self.base!r} is a {type(self.base).__name__}; pass an initializer object, "
                "or a name as 'he_normal'"
            )
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
        if not isinstance(self.correct_fan, (bool, np.bool_)):
            raise TypeError(f"correct_fan={self.correct_fan!r} is no bool; pass True or False")
        object.__setattr__(self, "correct_fan", bool(self.correct_fan))
        if self.correct_fan and not (
            isinstance(self.base, VarianceScaling) and self.base.fan is None
        ):
            raise ValueError(
                "correct_fan=True needs a base whose std comes from a fan, as base='he_normal'; "
                "pass such a base, or correct_fan=False"
            )

    def values(self, shape: tuple[int, ...]) -> Initializer:
        """What draws the values of a weight of this shape: its fan, if wanted, of those left."""
        if not self.correct_fan:
            return self.dense
        assert isinstance(self.base, VarianceScaling)
        dense = fan(shape, self.base.mode, self.base.layout, self.base.groups)
        kept, of = self.density(shape)
        if kept == 0:
            return self.base
        return dataclasses.replace(self.base, fan=dense * kept / of)

    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        """The values, and the mask over them."""
        kept, of = self.density(shape)
        values = self.values(shape).draws(shape, dtype)
        if kept == 0:
            return (Constant(0).draw(dtype),)
        return values if kept == of else (*values, self.mask(shape, dtype))

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """The same mask over the base, scaled."""
        changed: dict[str, Any] = {"base": self.dense.scaled(apply)}
        return dataclasses.replace(self, **changed)

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Those of the base's values, of which some are zeroed."""
        found = self.values(shape).moments(shape)
        if found is None:
            return None
        mean, std = found
        kept, of = self.density(shape)
        part = kept / of if of else 0.0
        return part * mean, math.sqrt(part * (std * std + (1 - part) * mean * mean))

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """The same mask over the base's distribution for this shape."""
        if self.base is None:
            return self
        resolved: dict[str, Any] = {
            "base": self.values(shape).resolve(shape),
            "correct_fan": False,
        }
        return dataclasses.replace(self, **resolved)
