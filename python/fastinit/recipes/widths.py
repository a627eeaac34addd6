"""Widths and depths: how the parameters of a model compare with those of a base model.

The axes that differ are those that grow with the width. Which of them are inputs and which are
outputs says how the standard deviation and the multipliers of a parameter must change.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from fractions import Fraction

from fastinit.initializers.fans import axes_of
from fastinit.recipes.context import Model, Shape, with_tied
from fastinit.recipes.model_numbers import Axis
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.numbers import NUMBER, without_numbers
from fastinit.recipes.patterns.pattern import SPECIAL, Pattern, Regex, compiled
from fastinit.recipes.scale import Scale
from fastinit.tables import listed

Scales = tuple[Scale, ...]
Power = Fraction | float

LAST_OF_BRANCH = Regex(
    r"(.*\.)?([^.]*c_proj|o_proj|out_proj|down_proj|fc2|w2|wo|dense_4h_to_h|output\.dense)"
    r"(\.(weight|bias|kernel))?"
)
"""The last layer of a residual branch, by the usual names."""

TABLE = "table"
"""The layout of weights that are looked up, so that their rows are not inputs of a sum."""

# By the name of a parameter, else by the type of its module; all other weights are "oi*".
_NAMED = (
    (re.compile(r"(.*[./])?[^./]*(embed|wte|wpe|shared|position|token|relative_att).*"), TABLE),
    (re.compile(r"(.*[./])?kernel"), "*io"),
)
_OF_MODULES = {"Embedding": TABLE, "Conv1D": "io"}
_EXPERTS = re.compile(r"(.*[./])?experts[./][^./]*_proj")


@dataclasses.dataclass(frozen=True, slots=True)
class Growth:
    """A parameter, and its counterpart in the base model.

    Attributes:
        parameter: The parameter.
        base: The shape of its counterpart.
        letters: What each axis is, as in layouts: ``o`` output, ``i`` input, ``b`` batch, ``*``
            kernel.
        layers: The number of layers in the stack of the counterpart; None outside of stacks.
        ends_branch: Whether the parameter belongs to the last layer of a residual branch.
    """

    parameter: Parameter
    base: Shape
    letters: str
    layers: int | None
    ends_branch: bool

    @property
    def is_weight(self) -> bool:
        """Whether the parameter is a matrix or a table."""
        return len(self.letters) > 1

    @property
    def is_matrix(self) -> bool:
        """Whether the parameter is a weight with inputs and outputs."""
        return "i" in self.letters and "o" in self.letters

    @property
    def is_hidden(self) -> bool:
        """Whether the parameter is a matrix whose inputs and outputs grow."""
        return self.is_matrix and self._grows("i") and self._grows("o")

    @property
    def is_output(self) -> bool:
        """Whether the parameter is a matrix of which only the inputs grow."""
        return self.is_matrix and self._grows("i") and not self._grows("o")

    def size(self, letter: str) -> int:
        """Return the fan of the inputs (``i``) or outputs (``o``), 1 where there are none."""
        size = 1
        for axis in self._axes(letter):
            size *= self.parameter.shape[axis]
        return size

    def fan(self, letter: str, power: Power) -> Scales:
        """Return the factor fan ** power."""
        return tuple(Scale(Axis(axis), power=power) for axis in self._axes(letter))

    def growth(self, letter: str, power: Power) -> Scales:
        """Return the factor (fan / fan in the base model) ** power."""
        return tuple(
            Scale(Axis(axis), power=power, base=self.base[axis])
            for axis in self._axes(letter)
            if self.parameter.shape[axis] != self.base[axis]
        )

    def width(self, power: Power) -> Scales:
        """Return the growth of the inputs ** power, else that of the outputs."""
        return self.growth("i", power) or self.growth("o", power)

    def depth(self, power: Power) -> Scales:
        """Return the factor (layers / layers of the base model) ** power, in stacks of layers."""
        if self.layers is None or not power:
            return ()
        return (Scale("layers", power=power, base=self.layers),)

    def _axes(self, letter: str) -> list[int]:
        return [axis for axis, each in enumerate(self.letters) if each in (letter, "*")]

    def _grows(self, letter: str) -> bool:
        pairs = zip(self.letters, self.parameter.shape, self.base, strict=True)
        return any(each == letter and size != base for each, size, base in pairs)


def growths(
    model: Model, base: Model, layouts: Mapping[Pattern, str], branches: Pattern
) -> dict[str, Growth]:
    """Return how each parameter of a model grows, by name; tied names are among them.

    Args:
        model: The model.
        base: The base model. Its counterpart of a parameter has the same name, or one that differs
            in numbers of layers alone.
        layouts: The layouts of weights whose names match a pattern.
        branches: A pattern for the parameters of the last layers of residual branches.

    Raises:
        ValueError: Parameters have no counterpart with as many axes, or a layout does not fit.
    """
    shapes = _shapes(base)
    layers = _layers(base)
    last = compiled(branches)
    found = {}
    missing = []
    for each in with_tied(model):
        shape = shapes.get(each.name) or shapes.get(without_numbers(each.name))
        if shape is None or len(shape) != len(each.shape):
            missing.append(f"{each.name} {each.shape}")
            continue
        letters = _letters(each, layouts)
        in_stack = layers.get(_stack(each.name)[0])
        ends = in_stack is not None and last.fullmatch(each.name) is not None
        found[each.name] = Growth(each, shape, letters, in_stack, ends)
    if missing:
        raise ValueError(
            f"the base model has no counterpart of {listed(missing)}; pass a base model "
            "of the same architecture, whose parameters have the same names and numbers of axes"
        )
    return found


def pattern_for(name: str) -> Pattern:
    """Return the pattern of a name and of all that differ in numbers of layers or experts."""
    if SPECIAL.search(name):
        return pattern_of_one(name)
    return without_numbers(name).replace("*", "{layer}", 1)


def pattern_of_one(name: str) -> Pattern:
    """Return the pattern of a name alone, which captures the number of its layer."""
    start, number = _stack(name)
    rest = name[len(start) + len(number) :]
    layer = f"(?P<layer>{number})" if number else ""
    return Regex(re.escape(start) + layer + re.escape(rest))


def _stack(name: str) -> tuple[str, str]:
    """Return the beginning of a name up to its first number, and the number; "" if it has none."""
    found = NUMBER.search(name)
    return (name, "") if found is None else (name[: found.start()], found[0])


def _layers(model: Model) -> dict[str, int]:
    stacks: dict[str, set[int]] = {}
    for each in model.parameters:
        start, number = _stack(each.name)
        if number:
            stacks.setdefault(start, set()).add(int(number))
    return {start: len(numbers) for start, numbers in stacks.items()}


def _shapes(base: Model) -> dict[str, Shape]:
    """Return the shapes by name, and by names with * for numbers where these are unambiguous."""
    exact = {each.name: each.shape for each in with_tied(base)}
    general: dict[str, set[Shape]] = {}
    for name, shape in exact.items():
        general.setdefault(without_numbers(name), set()).add(shape)
    common = {name: next(iter(found)) for name, found in general.items() if len(found) == 1}
    return common | exact


def _letters(parameter: Parameter, layouts: Mapping[Pattern, str]) -> str:
    """Return what each axis of a parameter is."""
    name, shape = parameter.name, parameter.shape
    layout = next(
        (found for each, found in layouts.items() if compiled(each).fullmatch(name)), None
    )
    if layout is None:
        if len(shape) < 2:
            return "o" * len(shape)
        layout = _usual_layout(parameter)
    if layout == TABLE:
        return "b" * (len(shape) - 1) + "o"
    try:
        return axes_of(shape, layout)
    except ValueError as error:
        raise ValueError(f"{name!r}: {error}") from None


def _usual_layout(parameter: Parameter) -> str:
    if parameter.module in _OF_MODULES:
        return _OF_MODULES[parameter.module]
    if len(parameter.shape) == 3 and _EXPERTS.fullmatch(parameter.name):
        return "boi"
    usual = (layout for pattern, layout in _NAMED if pattern.fullmatch(parameter.name))
    return next(usual, "oi*")
