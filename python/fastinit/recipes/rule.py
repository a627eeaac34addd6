"""Rules: which parameters, which initializer, and what it takes from the model around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from fastinit import json_files
from fastinit.checks import integer
from fastinit.initializers import Initializer
from fastinit.initializers.base import Distribution
from fastinit.recipes.context import Context
from fastinit.recipes.model_numbers import FIELDS, Of, checked_of, of_from, plain_of
from fastinit.recipes.multipliers import NO_MULTIPLIERS, Multipliers
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.pattern import Pattern, compiled, pattern_of, plain
from fastinit.recipes.patterns.pattern_set import PatternSet
from fastinit.recipes.patterns.shapes import fits_shape, shape_pattern_of
from fastinit.recipes.scale import Scale, scales_of

_OPTIONAL = (
    *("module", "ndim", "min_ndim", "shape", "settings", "numbers", "scale", "fan_of"),
    *("zero_row", "multipliers", "assumes", "origin"),
)


@dataclasses.dataclass(frozen=True)
class Rule:
    """Rule that an initializer draws the parameters whose names match a pattern.

    Args:
        pattern: A glob over names: ``*`` stands for anything but dots, ``**`` for anything, ``**.``
            for any number of leading segments, ``{layer}`` for the number of a layer; or a
            ``Regex``, in JSON ``{"re": ...}``.
        initializer: The initializer that draws them.
        module: A pattern for the type of the parameter's module; None for any type, known or not.
        ndim: The number of axes of the parameter; None for any number.
        min_ndim: The least number of axes of the parameter; None for any number.
        shape: The sizes of its axes, with spaces between them: numbers, letters that each stand for
            one number, or a number of a letter. ``"3d d"`` is a weight of shape (3 d, d) for any
            d. None for any shape.
        settings: The fields of the initializer that the model's config sets: the name of a field ->
            a key of ``config.json``, where a dot leads into an object; or several keys with ``|``
            between them, of which the first that the config has counts. The initializer's own
            number is the default, where the model has no config, or where the number in its config
            is missing or 0.
        numbers: The fields of the initializer that are numbers of the model: the name of a field ->
            what a ``Scale`` may be ``of``, or ``"layer_index"``, the number of the parameter's own
            layer as its name has it, which most models count from 0.
        scale: A ``Scale``, or several in order: factors on the values.
        fan_of: The last part of the name of a parameter of the same module, whose shape replaces
            the parameter's own in fans. ``"weight"`` gives a bias torch's bounds.
        zero_row: The row that is zero, such as the padding of an embedding, where the parameter
            does not name its own; negative numbers count from the end.
        multipliers: Factors on how the parameter is trained and used; the values that are drawn do
            not depend on them.
        assumes: What the rule takes a parameter to be that it cannot know, such as "weight"; plans
            say so in ``explain``.
        origin: In a recorded plan, the function and the line of code that asked for the values.

    Raises:
        TypeError: A field has the wrong type.
        ValueError: A pattern is not understood, or ``settings`` or ``numbers`` names something that
            is not a number of the initializer.

    Example:
        >>> import fastinit
        >>> from fastinit import Rule
        >>> Rule("**.bias", fastinit.Constant(0)).matches("h.0.bias", module=None, shape=(8,))
        True
        >>> rule = Rule("**", fastinit.Normal(std=0.02), settings={"std": "initializer_range"})
        >>> depth = {"layer": "layer_index", "layers": "layers"}
        >>> rule = Rule("**.{layer}.att.x_k", fastinit.Rwkv7("x_k"), numbers=depth)
    """

    pattern: Pattern
    initializer: Initializer
    _: dataclasses.KW_ONLY
    module: Pattern | None = None
    ndim: int | None = None
    min_ndim: int | None = None
    shape: str | None = None
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    numbers: Mapping[str, Of] = dataclasses.field(default_factory=dict, hash=False)
    scale: tuple[Scale, ...] = ()
    fan_of: str | None = None
    zero_row: int | None = None
    multipliers: Multipliers = NO_MULTIPLIERS
    assumes: str | None = None
    origin: str | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "pattern", pattern_of(self.pattern))
        if not isinstance(self.initializer, Initializer):
            kind = type(self.initializer)
            whose = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
            raise TypeError(
                f"initializer={self.initializer!r} is not an Initializer; pass one, as "
                f"Normal(std=0.02), in place of a {whose}{kind.__name__}"
            )
        if self.module is not None:
            object.__setattr__(self, "module", pattern_of(self.module))
        if self.shape is not None:
            shape_pattern_of(self.shape)
        object.__setattr__(self, "settings", _settings_of(self.settings, self.initializer))
        object.__setattr__(self, "numbers", _numbers_of(self.numbers, self.initializer))
        if twice := sorted(self.settings.keys() & self.numbers.keys()):
            raise ValueError(
                f"settings and numbers both have {twice[0]!r}; write it in one of them"
            )
        given: Any = self.scale
        scale = (given,) if isinstance(given, Scale) else given
        if not isinstance(scale, (tuple, list)) or not all(isinstance(s, Scale) for s in scale):
            raise TypeError(f"scale={given!r} is not a Scale; pass one, or several as a tuple")
        object.__setattr__(self, "scale", tuple(scale))
        if self.fan_of is not None and not isinstance(self.fan_of, str):
            raise TypeError(f"fan_of={self.fan_of!r} is not a string; pass a name, as 'weight'")
        for field in ("assumes", "origin"):
            value = getattr(self, field)
            if value is not None and not isinstance(value, str):
                raise TypeError(f"{field}={value!r} is not a string; pass text, as 'weight'")
        if not isinstance(self.multipliers, Multipliers):
            raise TypeError(f"multipliers={self.multipliers!r} is not a Multipliers; pass one")
        if self.zero_row is not None:
            integer(self.zero_row, "zero_row", "the number of a row")
        for field in ("ndim", "min_ndim"):
            if (number := getattr(self, field)) is not None:
                integer(number, field, "a number of axes")

    def __repr__(self) -> str:
        options = [
            f", {name}={value!r}"
            for name in _OPTIONAL
            if (value := getattr(self, name)) not in (None, (), {}, NO_MULTIPLIERS)
        ]
        return f"Rule({self.pattern!r}, {self.initializer!r}{''.join(options)})"

    def matches(self, name: str, *, module: str | None, shape: tuple[int, ...]) -> bool:
        """Return whether the rule is for a parameter of this name, module type and shape."""
        return compiled(self.pattern).fullmatch(name) is not None and self.fits(module, shape)

    def fits(self, module: str | None, shape: tuple[int, ...]) -> bool:
        """Return whether the rule is for parameters of this module type and shape."""
        if self.ndim not in (None, len(shape)) or len(shape) < (self.min_ndim or 0):
            return False
        if self.shape is not None and not fits_shape(self.shape, shape):
            return False
        return self.module is None or (
            module is not None and compiled(self.module).fullmatch(module) is not None
        )

    def resolve(self, parameter: Parameter, context: Context) -> Initializer:
        """Return what is drawn for a parameter: settings, fans and scales are worked out.

        Raises:
            ValueError: The initializer does not fit the shape or the model's config, or the model
                lacks what the rule asks for.
        """
        name, shape = parameter.name, parameter.shape
        if self.fan_of is not None:
            shape = context.sibling(name, self.fan_of)
        factors = tuple(context.number(each.of, name, self.pattern) for each in self.scale)
        fields = self._fields(name, context)
        key = shape, factors, tuple(fields.values())
        return context.once(self, key, lambda: self._resolved(shape, factors, fields, context))

    def _resolved(
        self,
        shape: tuple[int, ...],
        factors: tuple[float, ...],
        fields: dict[str, float],
        context: Context,
    ) -> Initializer:
        """Return what is drawn for a shape, given the number of each scale and field."""
        resolved = self._with_fields(fields, context).resolve(shape)
        if self.fan_of is not None and not isinstance(resolved, Distribution):
            raise ValueError(
                f"fan_of= needs values that depend on the fans alone, not {resolved}; leave it out"
            )
        for scale, number in zip(self.scale, factors, strict=True):
            resolved = scale.scaled(resolved, number)
        return resolved

    def initializer_for(self, name: str, context: Context) -> Initializer:
        """Return the initializer with the numbers that the model and its config have for it."""
        return self._with_fields(self._fields(name, context), context)

    def _fields(self, name: str, context: Context) -> dict[str, float]:
        return {field: context.number(of, name, self.pattern) for field, of in self.numbers.items()}

    def _with_fields(self, fields: dict[str, float], context: Context) -> Initializer:
        found = {field: context.setting(key) for field, key in self.settings.items()}
        settings: dict[str, Any] = {k: v for k, v in found.items() if v is not None}
        changed: dict[str, Any] = settings | fields
        if not changed:
            return self.initializer
        given = (("settings", settings), ("numbers", fields))
        with json_files.located(" and ".join(what for what, values in given if values)):
            return dataclasses.replace(self.initializer, **changed)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without the fields that have their defaults.

        Example:
            >>> import fastinit
            >>> from fastinit import Rule
            >>> Rule("**.bias", fastinit.Constant(0)).to_dict()
            {'pattern': '**.bias', 'initializer': {'type': 'Constant', 'value': 0}}
        """
        data: dict[str, Any] = {"pattern": plain(self.pattern)}
        if self.module is not None:
            data["module"] = plain(self.module)
        for axes in ("ndim", "min_ndim", "shape"):
            if (asked := getattr(self, axes)) is not None:
                data[axes] = asked
        data["initializer"] = self.initializer.to_dict()
        if self.settings:
            data["settings"] = dict(self.settings)
        if self.numbers:
            data["numbers"] = {field: plain_of(of) for field, of in self.numbers.items()}
        if self.scale:
            data["scale"] = [each.to_dict() for each in self.scale]
        for field in ("fan_of", "zero_row"):
            if (value := getattr(self, field)) is not None:
                data[field] = value
        if self.multipliers != NO_MULTIPLIERS:
            data["multipliers"] = self.multipliers.to_dict()
        for text in ("assumes", "origin"):
            if (value := getattr(self, text)) is not None:
                data[text] = value
        return data

    @staticmethod
    def from_dict(data: Any) -> Rule:
        """Return the rule that ``to_dict`` described.

        Raises:
            ValueError: A field is missing, unknown or out of range; the message names it.

        Example:
            >>> from fastinit import Rule
            >>> Rule.from_dict({"pattern": "*", "initializer": {"type": "Normal"}}).initializer
            Normal()
        """
        found = dict(json_files.fields(data, ("pattern", "initializer"), _OPTIONAL))
        with json_files.located("initializer"):
            found["initializer"] = Initializer.from_dict(json_files.mapping(found["initializer"]))
        if "numbers" in found:
            with json_files.located("numbers"):
                given = json_files.mapping(found["numbers"])
                found["numbers"] = {field: of_from(of) for field, of in given.items()}
        found["scale"] = scales_of(found, "scale")
        if "multipliers" in found:
            with json_files.located("multipliers"):
                found["multipliers"] = Multipliers.from_dict(found["multipliers"])
        return Rule(**found)


class FirstMatch:
    """The first of some rules that is for a tensor.

    Args:
        rules: The rules, in order.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Put the patterns together."""
        self._rules = tuple(rules)
        self._patterns = PatternSet(rule.pattern for rule in self._rules)
        self._found: dict[tuple[tuple[int, ...], str | None, tuple[int, ...]], Rule | None] = {}

    def of(self, tensor: Parameter) -> Rule | None:
        """Return the first rule that is for a tensor, or None."""
        module, shape = tensor.module, tensor.shape
        key = (self._patterns.matching(tensor.name), module, shape)
        if key not in self._found:
            rules = (self._rules[number] for number in key[0])
            self._found[key] = next((each for each in rules if each.fits(module, shape)), None)
        return self._found[key]


def _settings_of(given: Any, initializer: Initializer) -> dict[str, str]:
    """Return a copy of settings, after checking that the initializer takes numbers for them."""
    if not isinstance(given, Mapping) or not all(
        isinstance(each, str) for pair in given.items() for each in pair
    ):
        raise TypeError(
            f"settings={given!r} is not a mapping of strings; write "
            "{'a field of the initializer': 'a key of config.json'}"
        )
    _check_fields("settings", given, initializer)
    return dict(given)


def _numbers_of(given: Any, initializer: Initializer) -> dict[str, Of]:
    """Return a copy of ``numbers``, after checking that the initializer takes numbers for them."""
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for each in given):
        raise TypeError(
            f"numbers={given!r} is not a mapping; write {{'a field of the initializer': 'layers'}}"
        )
    _check_fields("numbers", given, initializer)
    return {field: checked_of(of, field, FIELDS) for field, of in given.items()}


def _check_fields(what: str, given: Mapping[str, object], initializer: Initializer) -> None:
    """Check that fields are numbers of an initializer."""
    if not given:
        return
    numbers = [
        field.name
        for field in dataclasses.fields(initializer)
        if isinstance(value := getattr(initializer, field.name), (int, float))
        and not isinstance(value, bool)
    ]
    for field in given:
        if field not in numbers:
            raise ValueError(
                f"{what} has {field!r}, which is not a number of {initializer}; its numbers are "
                f"{', '.join(numbers) or 'none'}"
            )
