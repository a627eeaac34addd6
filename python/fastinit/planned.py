"""What is drawn for one tensor of a plan, resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit import streams
from fastinit.boxes import Box, flat, whole
from fastinit.dtypes import CODES, DTYPES, dtype_of
from fastinit.initializers import Constant, Initializer
from fastinit.recipes.context import Context
from fastinit.recipes.padding import with_zero_row
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.rule import Rule
from fastinit.requests import Draw


@dataclass(frozen=True, slots=True)
class Planned:
    """What is drawn for one tensor.

    ``initializer`` is the rule's with all that depends on the model worked out; ``draws`` are what
    it draws, in order, over the same memory; ``stream`` is the (seed, stream number) of the name.
    """

    parameter: Parameter
    rule: Rule
    initializer: Initializer
    dtype: np.dtype[Any]
    draws: tuple[Draw, ...]
    stream: tuple[int, int]

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.parameter.elements * self.dtype.itemsize

    def place(self, box: Box, address: int) -> list[bytes]:
        """Records that draw a part at ``address``."""
        return [each for draw in self.draws for each in draw.place(box, address, *self.stream)]

    def records(self, address: int, start: int, count: int) -> list[bytes]:
        """Records that draw ``count`` elements from ``start`` on, in C order, at ``address``.

        A piece that is not the whole tensor can only be asked for where all draws are elementwise.
        """
        is_whole = count == self.parameter.elements
        return self.place(whole(self.parameter.shape) if is_whole else flat(start, count), address)


def planned(
    parameter: Parameter, rule: Rule, around: Context, seed: int, wanted: np.dtype[Any] | None
) -> Planned:
    """What a rule draws for a parameter of a model, in the dtype ``wanted`` or else its own.

    Raises:
        ValueError: the rule does not fit the parameter; the message names both.
    """
    dtype = DTYPES["float32"] if parameter.dtype is None else dtype_of(parameter.dtype)
    if wanted is not None and dtype in CODES:  # counters and masks stay integers
        dtype = wanted
    name, shape = parameter.name, parameter.shape
    stream = streams.resolve(seed, name)
    if not parameter.elements:  # nothing is drawn of it, and its fans may be 0
        return Planned(parameter, rule, Constant(), dtype, (), stream)
    try:
        initializer = rule.resolve(parameter, around)
        draws = initializer.draws(shape, dtype)
        row = rule.zero_row if parameter.zero_row is None else parameter.zero_row
        if row is not None:
            draws = with_zero_row(draws, Constant(0).draw(dtype), shape, row)
    except ValueError as error:
        by = rule.pattern if isinstance(rule.pattern, str) else rule.pattern.re
        raise ValueError(f"{name!r} of shape {shape}, by the rule {by!r}: {error}") from error
    return Planned(parameter, rule, initializer, dtype, draws, stream)
