"""The type of the records in initializers.py."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import fastinit
from fastinit import Initializer
from helpers.dtypes import DTYPES
from helpers.records import wrong_arguments as wrong
from helpers.records.wrong_arguments import Wrong

Shape = tuple[int, ...]
Options = dict[str, Any]
Moments = tuple[float, float]

LENGTH = 1003  # elements of most golden arrays: not a multiple of any vector's length


@dataclass(frozen=True)
class Golden:
    """An array whose digest is in tests/data/golden.json."""

    options: Options
    dtype: str
    seed: int
    name: str | int
    shape: Shape
    start: int | None  # of a part of LENGTH elements

    def key(self, function: str) -> str:
        """The key of golden.json, as "normal std=0.02 bfloat16 seed=7 name=weight shape=1003"."""
        options = [f"{key}={value}" for key, value in self.options.items()]
        shape = "shape=" + "x".join(map(str, self.shape))
        part = [] if self.start is None else [f"start={self.start}"]
        placed = [self.dtype, f"seed={self.seed}", f"name={self.name}", shape]
        return " ".join([function, *options, *placed, *part])

    def draw(self, function: str) -> Any:
        index = None if self.start is None else np.s_[self.start : self.start + LENGTH]
        where = {"dtype": self.dtype, "seed": self.seed, "name": self.name, "index": index}
        return draw_by(function, self.shape, {**self.options, **where})


def draw_by(name: str, shape: Any, arguments: Options) -> Any:
    """An array drawn by a function, or by an object of a class that has no function."""
    maker = getattr(fastinit, name)
    if not isinstance(maker, type):
        return maker(shape, **arguments)
    fields = {each.name for each in dataclasses.fields(maker)}
    made = maker(**{key: value for key, value in arguments.items() if key in fields})
    return made(shape, **{key: value for key, value in arguments.items() if key not in fields})


@dataclass(frozen=True)
class Kernel:
    """A CUDA kernel of a distribution, and what it draws."""

    name: str
    # Initializers, of which the first runs all lines of the kernel except those for rare words.
    draws: tuple[Any, ...]
    # An initializer with lines of its own for 64-bit words below 2^25.
    rare: Any = None
    # The values that run every branch, in multiples of 16 blocks of threads.
    length: int = 1


@dataclass(frozen=True)
class Record:
    """What the tests know of a public initializer: its name, and more."""

    # That of its function, or of its class where there is no function.
    name: str
    # Its object, or None where there is only the function.
    initializer: Callable[..., Initializer] | None = None
    # Arguments of both, for the arrays that the tests draw.
    options: Options = field(default_factory=dict)
    # Shapes that it draws, each with further options as its layout. The first is drawn on GPUs.
    fits: tuple[tuple[Shape, Options], ...] = (
        ((24, 20), {}),
        ((6, 4, 3), {}),
    )
    # Every shape of at least this rank without empty axes fits; None if only `fits` do.
    least_rank: int | None = None
    dtypes: tuple[str, ...] = DTYPES
    # Whether each element is drawn independently of the others.
    elementwise: bool = True
    # Whether the host computes the values, also for a GPU.
    on_host: bool = False
    # Whether the values depend on seed and name.
    random: bool = True
    # The mean and standard deviation of the values of a matrix of this shape.
    moments: Callable[[Shape], Moments] | None = None
    # The values of the reference before the clamp, given (indices, seed, stream, bits, **options),
    # and the relative errors that docs/streams.md allows in float32 and in float64.
    exact: tuple[Callable[..., Any], float, float] | None = None
    # Objects that become plain data and come back.
    objects: tuple[Initializer, ...] = ()
    # Arguments that the function cannot do without, for calls with a wrong argument.
    required: Options = field(default_factory=dict)
    # The wrong arguments that it refuses, in addition to those that all refuse.
    wrong: tuple[Wrong, ...] = ()
    # Arrays whose digests never change, made by `golden`.
    goldens: tuple[Golden, ...] = ()
    # The CUDA kernels of a distribution that has its own.
    kernels: tuple[Kernel, ...] = ()

    def draw(self, shape: Shape, **arguments: Any) -> Any:
        """An array drawn by the function, with ``options`` where the arguments do not differ.

        A seed without a name has the name 0, since tests draw the same again on purpose.
        """
        named = {"name": 0} if isinstance(arguments.get("seed"), int) else {}
        return draw_by(self.name, shape, {**self.options, **named, **arguments})

    def make(self, **arguments: Any) -> Initializer:
        """The object, with ``options`` where the arguments do not differ."""
        assert self.initializer is not None
        return self.initializer(**{**self.options, **arguments})


def shape_for(initializer: Initializer) -> Shape:
    """A shape that fits the layout of any object in the records."""
    sizes = {"o": 32, "i": 16, "b": 2, "*": 3}
    return tuple(sizes[letter] for letter in getattr(initializer, "layout", "oi"))


def golden(
    dtype: str = "float32",
    seed: int = 0,
    name: str | int = 0,
    shape: Shape = (LENGTH,),
    start: int | None = None,
    **options: Any,
) -> Golden:
    return Golden(options, dtype, seed, name, shape, start)


def preset(
    name: str,
    initializer: Callable[..., Initializer],
    scale: float,
    mode: str,
    *,
    objects: tuple[Initializer, ...],
    goldens: tuple[Golden, ...],
    refuses: tuple[Wrong, ...] = (),
) -> Record:
    """The record of a function whose values have the variance scale / fan."""

    def moments(shape: Shape) -> Moments:
        fan_out, fan_in = shape
        return 0.0, math.sqrt(scale / {"fan_in": fan_in, "fan_avg": (fan_in + fan_out) / 2}[mode])

    uniform_only = wrong.TRUNCATED if name.endswith("uniform") else []
    return Record(
        name,
        initializer,
        fits=(((24, 20), {}), ((6, 4, 3), {"groups": 2}), ((3, 2, 4, 6), {"layout": "*io"})),
        least_rank=2,
        moments=moments,
        objects=objects,
        wrong=(*wrong.DRAWN, *wrong.SCALED, *wrong.PRESETS, *uniform_only, *refuses),
        goldens=goldens,
    )
