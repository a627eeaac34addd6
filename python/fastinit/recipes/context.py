"""Context: what a rule may ask of the model around a parameter."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from fastinit import json_files
from fastinit.checks import type_of
from fastinit.recipes.model_numbers import Axis, Layers, Of, Setting
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.pattern import Pattern, compiled
from fastinit.recipes.patterns.pattern_set import PatternSet

Shape = tuple[int, ...]
T = TypeVar("T")

_LARGEST = sys.float_info.max


@runtime_checkable
class Model(Protocol):
    """Description of a model, as a ``Manifest`` gives it."""

    @property
    def model(self) -> str:
        """The name of the model."""

    @property
    def architecture(self) -> str | None:
        """The family of the model (transformers' ``model_type``)."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of the model."""

    @property
    def buffers(self) -> tuple[Parameter, ...]:
        """The buffers that are saved with the parameters."""

    @property
    def tied(self) -> Mapping[str, str]:
        """The names of tied parameters, each with the name of the parameter that it shares."""

    @property
    def config(self) -> Mapping[str, Any] | None:
        """The content of the model's ``config.json``."""


def checked_model(model: Any, what: str) -> Model:
    """Return a description of a model; anything else is a ``TypeError``."""
    if not isinstance(model, Model):
        raise TypeError(
            f"{what} is {type_of(model)}; pass a manifest, as Manifest.from_torch(module) "
            "or Manifest.from_shapes({'w': (64, 32)})"
        )
    return model


class Context:
    """Shapes, stacks of layers and config of a model.

    Args:
        model: The model.
        numbered: The patterns that capture the numbers of layers.
    """

    def __init__(self, model: Model, numbered: Iterable[Pattern]) -> None:
        """Note the shapes."""
        self._shapes = {each.name: each.shape for each in (*model.parameters, *model.buffers)}
        self._tied = model.tied
        self._config = json_files.decoded(model.config or {})
        different = dict.fromkeys(numbered)
        self._patterns = PatternSet(different)
        self._numbers = {pattern: number for number, pattern in enumerate(different)}
        self._worked_out: dict[tuple[int, Hashable], tuple[object, Any]] = {}

    def number(self, of: Of, name: str, pattern: Pattern) -> float:
        """Return the number that ``of`` stands for in a scale or in a field of an initializer.

        Args:
            of: What the number is of.
            name: The name of the parameter.
            pattern: The pattern of the rule that asks for it.

        Raises:
            ValueError: The model has no such number or more than one, or the number is 0.
        """
        if isinstance(of, Setting):
            found = self.setting(of.config)
            if found is not None and found < 0:
                raise ValueError(f"{of.config} in the config is {found}; it must be positive")
            return of.default if found is None else found
        if isinstance(of, Axis):
            if of.parameter is None:
                return _size(of, {self._shapes[self._tied.get(name, name)]})
            return self.once(of, None, functools.partial(self._axis, of, of.parameter))
        if isinstance(of, Layers):
            return self.once(of, None, functools.partial(self._layers, of))
        if pattern not in self._numbers:
            raise ValueError(
                f"{of!r} needs the number of a layer; write {{layer}} for it in the "
                "pattern of the rule"
            )
        begin, end = self._patterns.layer(self._numbers[pattern], name)
        if of != "layers":
            return int(name[begin:end]) + (of == "layer")
        return self._stacks[name[:begin]]

    def once(self, of: object, key: Hashable, work_out: Callable[[], T]) -> T:
        """Return what ``work_out`` returned for this very object and an equal key."""
        found = self._worked_out.get((id(of), key))
        if found is None:  # kept with the object, so that no other object gets its id
            found = self._worked_out[id(of), key] = (of, work_out())
        result: T = found[1]
        return result

    def sibling(self, name: str, last: str) -> Shape:
        """Return the shape of the parameter ``last`` of the module that ``name`` belongs to.

        Raises:
            ValueError: The module has no such parameter.
        """
        parent, dot, _ = name.rpartition(".")
        wanted = parent + dot + last
        shape = self._shapes.get(self._tied.get(wanted, wanted))
        if shape is None:
            raise ValueError(f"fan_of={last!r} needs {wanted!r}, which the model does not have")
        return shape

    def setting(self, key: str) -> float | None:
        """Return a number of the config, None where it is missing or 0.

        Args:
            key: The key of the number, or several with ``|`` between them, of which the first that
                the config has counts. A dot leads into an object.

        Raises:
            ValueError: The config has something else than a finite number there.
        """
        value: Any = next(filter(None, map(self._value, key.split("|"))), None)
        if value is None:
            return None
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not -_LARGEST <= value <= _LARGEST:
            raise ValueError(f"{key} in the config is {value!r}, which is not a finite number")
        number: float = value
        return number

    def _value(self, key: str) -> Any:
        value: Any = self._config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    @functools.cached_property
    def _stacks(self) -> dict[str, int]:
        """The number of layers in each stack, by the beginning of its names."""
        stacks = _stacks(self._patterns, self._shapes)
        return {beginning: len(layers) for beginning, layers in stacks.items()}

    def _axis(self, of: Axis, parameter: Pattern) -> int:
        found = compiled(parameter)
        return _size(of, {shape for name, shape in self._shapes.items() if found.fullmatch(name)})

    def _layers(self, of: Layers) -> int:
        stacks = _stacks(PatternSet([of.layers]), self._shapes)
        return _positive(len(set[int]().union(*stacks.values())), of)


def with_tied(model: Model) -> Iterator[Parameter]:
    """Yield the parameters of a model, and the tied ones under their own names."""
    yield from model.parameters
    stored = {each.name: each for each in model.parameters}
    for name, target in model.tied.items():
        if target in stored:
            yield dataclasses.replace(stored[target], name=name, module=None)


def _stacks(patterns: PatternSet, names: Iterable[str]) -> dict[str, set[int]]:
    """Return the layers of each stack, by the beginning of its names."""
    stacks: dict[str, set[int]] = {}
    for name in names:
        for number in patterns.matching(name):
            begin, end = patterns.layer(number, name)
            stacks.setdefault(name[:begin], set()).add(int(name[begin:end]))
    return stacks


def _size(of: Axis, shapes: set[Shape]) -> int:
    """Return the size of an axis, which must be the same in all shapes."""
    if any(not -len(shape) <= of.axis < len(shape) for shape in shapes):
        raise ValueError(f"axis={of.axis} is out of range for {shapes}")
    sizes = {shape[of.axis] for shape in shapes}
    if len(sizes) > 1:
        raise ValueError(
            f"{of} has the sizes {', '.join(map(str, sorted(sizes)))}; write a pattern for one"
        )
    return _positive(sum(sizes), of)


def _positive(count: int, of: Of) -> int:
    if not count:
        raise ValueError(f"{of} finds nothing in the model, or a size of 0; correct its pattern")
    return count
