"""Tensor plans: what is drawn for one tensor of a model, resolved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastinit import streams
from fastinit.initializers import Constant, Initializer
from fastinit.initializers.base import templates_of
from fastinit.initializers.masks.masked import Masked
from fastinit.native.box import Box, flat, whole
from fastinit.native.dtypes import CODES, DTYPES, dtype_of
from fastinit.native.request import Request, Template
from fastinit.recipes.context import Context
from fastinit.recipes.padding import with_zero_row
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.rule import Rule
from fastinit.streams import Stream


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """The draw of one tensor of a model.

    Attributes:
        parameter: the tensor's name, shape and what else the manifest says.
        rule: the rule of the recipe that draws it.
        initializer: the rule's, with everything that depends on the model worked out.
        dtype: of the values.
        templates: the initializer's, in order, over the same memory.
        stream: the (seed, stream number) of the name, or of the parameter's own stream.
    """

    parameter: Parameter
    rule: Rule
    initializer: Initializer
    dtype: np.dtype[Any]
    templates: tuple[Template, ...]
    stream: tuple[int, int]

    def __repr__(self) -> str:
        name, shape = self.parameter.name, self.parameter.shape
        return f"TensorPlan({name!r}, {shape}, {self.dtype.name}, {self.initializer!r})"

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.parameter.elements * self.dtype.itemsize

    def requests(self, box: Box, address: int) -> list[Request]:
        """Return the requests that draw a part at ``address``."""
        return [
            request
            for template in self.templates
            for request in template.requests(box, address, *self.stream)
        ]

    def flat_requests(self, address: int, start: int, count: int) -> list[Request]:
        """Return the requests that draw ``count`` elements from ``start`` on, in C order.

        A piece that is not the whole tensor is possible only if all templates are elementwise.
        """
        is_whole = count == self.parameter.elements
        box = whole(self.parameter.shape) if is_whole else flat(start, count)
        return self.requests(box, address)


def mask_of(each: TensorPlan) -> TensorPlan | None:
    """Return what draws the mask of a tensor alone, in bool; None where it has no mask."""
    if not isinstance(each.initializer, Masked):
        return None
    templates = each.initializer.mask_templates(each.parameter.shape)
    return replace(each, dtype=np.dtype(np.bool_), templates=templates)


def tensor_plan(
    parameter: Parameter,
    rule: Rule,
    context: Context,
    seed: Stream,
    wanted: np.dtype[Any] | None,
) -> TensorPlan:
    """Return what a rule draws for a parameter of a model, in ``wanted`` or else its own dtype.

    Raises:
        ValueError: the rule does not fit the parameter; the message names both.
    """
    dtype = DTYPES["float32"] if parameter.dtype is None else dtype_of(parameter.dtype)
    if wanted is not None and dtype in CODES:  # counters and masks stay integers
        dtype = wanted
    name, shape = parameter.name, parameter.shape
    chosen = name if parameter.stream is None else parameter.stream
    is_name = isinstance(chosen, str)
    stream = streams.resolve(seed, chosen) if is_name else streams.raw(seed.seed, chosen)
    if not parameter.elements:  # nothing is drawn, and the fans may be 0
        return TensorPlan(parameter, rule, Constant(), dtype, (), stream)
    try:
        initializer = rule.resolve(parameter, context)
        row = rule.zero_row if parameter.zero_row is None else parameter.zero_row
        templates = context.once(
            initializer, (shape, dtype, row), lambda: _templates(initializer, shape, dtype, row)
        )
    except ValueError as error:
        raise _located(error, parameter, rule) from error
    return TensorPlan(parameter, rule, initializer, dtype, templates, stream)


def initializer_of(parameter: Parameter, rule: Rule, context: Context) -> Initializer:
    """Return the initializer of the plan of a tensor, without its templates and its stream.

    Raises:
        ValueError: the rule does not fit the parameter; the message names both.
    """
    if not parameter.elements:
        return Constant()
    try:
        return rule.resolve(parameter, context)
    except ValueError as error:
        raise _located(error, parameter, rule) from error


def _located(error: ValueError, parameter: Parameter, rule: Rule) -> ValueError:
    by = rule.pattern if isinstance(rule.pattern, str) else rule.pattern.re
    return ValueError(f"{parameter.name!r} of shape {parameter.shape}, by the rule {by!r}: {error}")


def _templates(
    initializer: Initializer, shape: tuple[int, ...], dtype: np.dtype[Any], row: int | None
) -> tuple[Template, ...]:
    templates = templates_of(initializer, shape, dtype)
    if row is None:
        return templates
    if dtype.kind == "c":
        raise ValueError(f"zero_row= is for real tensors, and this is {dtype.name}; leave it out")
    return with_zero_row(templates, Constant(0).template(dtype), shape, row)
