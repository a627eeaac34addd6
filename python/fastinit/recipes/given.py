"""Recipes as users give them: a name or path, rules, or a single initializer."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastinit import json_files
from fastinit.checks import type_of
from fastinit.initializers import Constant, Initializer
from fastinit.initializers.named import is_name, named, nearest
from fastinit.native.request import Template
from fastinit.recipes.context import Model
from fastinit.recipes.misspelled import warn_of_misspelled
from fastinit.recipes.patterns.pattern import Pattern, Regex
from fastinit.recipes.recipe import RECIPES, Recipe, list_recipes, recipe, recipe_of
from fastinit.recipes.rule import Rule

Drawn = Initializer | str
"""An initializer, or the name of its function for its defaults."""

RecipeLike = (
    Recipe
    | Drawn
    | os.PathLike[str]
    | Rule
    | Sequence[Rule | tuple[Pattern, Drawn]]
    | Mapping[Any, Drawn]
)
"""A recipe, the name or path of one, rules in order, or an initializer for all weights."""

Convert = Callable[[Any], Any]
"""What an adapter makes of its own initializers and their names; all else stays as it is."""

_WAYS = (
    "pass a Recipe, the name of one, the path of its file, a list of rules or of (pattern, "
    "initializer), a mapping from patterns to initializers, or one initializer, as HeNormal()"
)


@dataclasses.dataclass(frozen=True)
class ByShape(Initializer, is_base=True):
    """An initializer of an adapter in a rule, which for each shape is one of this package.

    Attributes:
        initializer: What has a method ``resolve``, as ``Initializer.resolve``.
    """

    initializer: Any

    def __repr__(self) -> str:
        return repr(self.initializer)

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return what draws the shape."""
        resolved: Initializer = self.initializer.resolve(shape)
        return resolved

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return those of what draws the shape."""
        return self.resolve(shape).templates(shape, dtype)


def recipe_from(given: Any, model: Model, convert: Convert = lambda each: each) -> Recipe:
    """Return the recipe that an object stands for.

    A single initializer draws every tensor that the recipe "default" does not make a constant:
    norms stay 1, and biases 0.

    Args:
        given: A recipe, the name or path of one, rules, or an initializer (``RecipeLike``); None
            for the recipe that is the model's own.
        model: A manifest.
        convert: What an adapter makes of the initializers in it.

    Raises:
        FileNotFoundError: A name or path that is not there.
        TypeError: It is none of these; the message says what is.
        ValueError: The content of a file or a rule is wrong.
    """
    if given is None:
        return recipe_of(model)
    if isinstance(given, Recipe):
        return given
    is_text = isinstance(given, (str, os.PathLike))
    if is_text and (given in list_recipes() or Path(given).exists()):
        return recipe(given)
    given = _initializer(given, "recipe", convert)
    if isinstance(given, Initializer):
        return _of_weights(given)
    if isinstance(given, (str, os.PathLike)):
        near = nearest(str(given), list_recipes())
        json_files.find(given, RECIPES, "recipe", "the name of an initializer", near)  # the error
    rules = tuple(_rule(each, convert) for each in _rules_in(given, convert))
    warn_of_misspelled((rule.pattern for rule in rules), model)
    return Recipe("rules", "given by the caller", rules)


def _initializer(given: Any, what: str, convert: Convert) -> Any:
    """Return the initializer that a name or an object of an adapter stands for."""
    found = convert(given)
    return named(found, what) if isinstance(found, str) and is_name(found) else found


def _of_weights(initializer: Initializer) -> Recipe:
    constants = [rule for rule in recipe("default").rules if isinstance(rule.initializer, Constant)]
    source = "given by the caller for the weights; norms and biases as in the recipe default"
    return Recipe(repr(initializer), source, (*constants, Rule("**", initializer)))


def _rules_in(given: Any, convert: Convert) -> list[Any]:
    if isinstance(given, Rule) or _is_pair(given, convert):
        return [given]
    if isinstance(given, type) or not isinstance(given, (Mapping, Sequence)):
        seed = f"; a seed is given as seed={given}" if isinstance(given, int) else ""
        raise TypeError(f"recipe is {_described(given)}; {_WAYS}{seed}")
    if not given:
        raise ValueError(f"recipe is an empty {type(given).__name__}; {_WAYS}")
    return list(given.items() if isinstance(given, Mapping) else given)


def _is_pair(given: Any, convert: Convert) -> bool:
    return (
        isinstance(given, tuple)
        and len(given) == 2
        and isinstance(given[0], (str, Regex))
        and isinstance(convert(given[1]), (Initializer, str))
    )


def _rule(given: Any, convert: Convert) -> Rule:
    if isinstance(given, Rule):
        return given
    if isinstance(given, tuple) and len(given) == 2:
        pattern, drawn = given
        drawn = convert(drawn)
        return Rule(pattern, named(drawn, "initializer") if isinstance(drawn, str) else drawn)
    raise TypeError(f"{given!r} is not a rule; pass a Rule, or (pattern, initializer)")


def _described(given: Any) -> str:
    if isinstance(given, type):
        return f"the class {given.__name__}, not an object of it, {given.__name__}()"
    if inspect.isroutine(given):
        return f"the function {given.__name__}, which draws one array"
    for field in ("recipe", "initializer"):  # as of a recommendation, or of a report
        if hasattr(given, field):
            return f"{type_of(given)}, whose field {field!r} is meant: pass .{field}"
    return f"{type_of(given)}"
