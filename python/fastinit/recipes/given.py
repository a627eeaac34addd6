"""Recipes as users give them: a name or path, rules, or a single initializer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastinit.initializers import Constant, Initializer
from fastinit.initializers.named import is_name, named
from fastinit.recipes.context import Model
from fastinit.recipes.misspelled import warn_of_misspelled
from fastinit.recipes.patterns.pattern import Pattern, Regex
from fastinit.recipes.recipe import Recipe, list_recipes, recipe, recipe_of
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

_WAYS = (
    "pass a Recipe, the name of one, the path of its file, a list of rules or of (pattern, "
    "initializer), a mapping from patterns to initializers, or one initializer, as HeNormal()"
)


def recipe_from(given: RecipeLike | None, model: Model) -> Recipe:
    """Return the recipe that an object stands for.

    A single initializer draws every tensor that the recipe "default" does not make a constant:
    norms stay 1, and biases 0.

    Args:
        given: A recipe, the name or path of one, rules, or an initializer; None for the recipe that
            is the model's own.
        model: A manifest.

    Raises:
        FileNotFoundError: A name or path that is not there.
        TypeError: It is none of these; the message says what is.
        ValueError: The content of a file or a rule is wrong.
    """
    if given is None:
        return recipe_of(model)
    if isinstance(given, Recipe):
        return given
    if isinstance(given, str) and _is_initializer(given):
        given = named(given, "recipe")
    if isinstance(given, Initializer):
        return _of_weights(given)
    if isinstance(given, (str, os.PathLike)):
        return recipe(given)
    rules = tuple(map(_rule, _rules_in(given)))
    warn_of_misspelled((rule.pattern for rule in rules), model)
    return Recipe("rules", "given by the caller", rules)


def _is_initializer(name: str) -> bool:
    return name not in list_recipes() and is_name(name) and not Path(name).exists()


def _of_weights(initializer: Initializer) -> Recipe:
    constants = [rule for rule in recipe("default").rules if isinstance(rule.initializer, Constant)]
    source = "given by the caller for the weights; norms and biases as in the recipe default"
    return Recipe(repr(initializer), source, (*constants, Rule("**", initializer)))


def _rules_in(given: Any) -> list[Any]:
    if isinstance(given, Rule) or _is_pair(given):
        return [given]
    if isinstance(given, type) or not isinstance(given, (Mapping, Sequence)):
        raise TypeError(f"recipe is {_described(given)}; {_WAYS}")
    if not given:
        raise ValueError(f"recipe is an empty {type(given).__name__}; {_WAYS}")
    return list(given.items() if isinstance(given, Mapping) else given)


def _is_pair(given: Any) -> bool:
    return (
        isinstance(given, tuple)
        and len(given) == 2
        and isinstance(given[0], (str, Regex))
        and isinstance(given[1], (Initializer, str))
    )


def _rule(given: Any) -> Rule:
    if isinstance(given, Rule):
        return given
    if isinstance(given, tuple) and len(given) == 2:
        pattern, drawn = given
        return Rule(pattern, named(drawn, "initializer") if isinstance(drawn, str) else drawn)
    raise TypeError(f"{given!r} is not a rule; pass a Rule, or (pattern, initializer)")


def _described(given: Any) -> str:
    if isinstance(given, type):
        return f"the class {given.__name__}, not an object of it, {given.__name__}()"
    if callable(given):
        return f"the function {getattr(given, '__name__', given)}, which draws one array"
    for field in ("recipe", "initializer"):  # as of a recommendation, or of a report
        if hasattr(given, field):
            return f"a {type(given).__name__}, whose field {field!r} is meant: pass .{field}"
    return f"a {type(given).__name__}"
