"""Sparse recipes: a recipe whose weights are masked, within a budget for the whole model."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from fastinit import json_files
from fastinit.initializers import Constant, Initializer, Sparse
from fastinit.initializers.masks.masked import Masked
from fastinit.manifests import Manifest
from fastinit.manifests.given import model_of
from fastinit.recipes.budgets import densities_of
from fastinit.recipes.context import Context
from fastinit.recipes.given import RecipeLike, recipe_from
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.numbers import without_numbers
from fastinit.recipes.patterns.pattern import Pattern, Regex, compiled, pattern_of
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rule import Rule


def sparse_recipe(
    model: Any,
    density: float,
    recipe: RecipeLike | None = None,
    *,
    budget: str = "erk",
    only: Any = None,
    dense: Any = None,
    correct_fan: bool = False,
    layout: str = "oi*",
) -> Recipe:
    """Return a recipe with the values of another one, of which a density is kept.

    Every tensor of two axes or more that is drawn at random gets a mask with an exact count of
    nonzeros. They add up to ``density`` of the weights of these tensors, but for the rounding of
    each. The rules are for this model: fans, scales and settings are worked out.

    Args:
        model: What ``Plan`` takes as a model.
        density: The fraction of the weights that is kept, 0 to 1.
        recipe: What ``Plan`` takes as a recipe: what draws the values.
        budget: How the nonzeros are divided: "erk" or "er" (Erdos-Renyi, with and without the axes
            of kernels, see ``fastinit.erk``), or "uniform".
        only: A pattern, as rules have it, for the tensors that are made sparse.
        dense: A pattern for tensors that are not, and do not count.
        correct_fan: Count fans from the weights that are kept; the recipe's initializers must have
            fans then.
        layout: What each axis is, for ``budget="er"``.

    Returns:
        A recipe with a rule for each of these tensors, or for several that are alike, before those
        of ``recipe``.

    Raises:
        FileNotFoundError: ``model`` or ``recipe`` is neither built in nor a file.
        TypeError: An argument has the wrong type.
        ValueError: The density or the budget is not understood, a rule does not fit, no tensor is
            left to make sparse, or one has a mask already.

    Example:
        >>> import fastinit
        >>> shapes = {"fc1.weight": (300, 784), "fc2.weight": (10, 300), "fc2.bias": (10,)}
        >>> recipe = fastinit.sparse_recipe(shapes, 0.1, fastinit.HeNormal())
        >>> weights = fastinit.Plan(shapes, recipe, seed=0).init()
        >>> {name: int((array != 0).sum()) for name, array in weights.items()}
        {'fc1.weight': 20820, 'fc2.weight': 3000, 'fc2.bias': 0}
    """
    manifest = model_of(model).manifest
    values = recipe_from(recipe, manifest)
    chosen = _chosen(manifest, values, _pattern(only), _pattern(dense))
    shapes = {each.name: each.shape for each, _ in chosen}
    densities = densities_of(shapes, density, budget, layout)
    context = values.context(manifest)
    groups: dict[tuple[Any, ...], list[str]] = {}
    for each, rule in chosen:
        nonzeros = round(densities[each.name] * each.elements)
        if nonzeros < each.elements:
            masked = _masked(each, rule, context, nonzeros, correct_fan)
            kind = without_numbers(each.name), masked, rule.zero_row, rule.multipliers
            groups.setdefault(kind, []).append(each.name)
    names = [each.name for each in manifest.parameters]
    rules = [
        Rule(pattern, initializer, zero_row=row, multipliers=multipliers)
        for (glob, initializer, row, multipliers), members in groups.items()
        for pattern in _patterns(glob, members, names)
    ]
    source = f"{values.source}; masks with density {density:g} by the budget {budget}"
    name, every = f"sparse {values.name}", (*rules, *values.rules)
    return Recipe(name, source, every, dtype=values.dtype, complete=values.complete)


def _pattern(given: Any) -> Any:
    return None if given is None else compiled(pattern_of(given))


def _chosen(
    manifest: Manifest, values: Recipe, only: Any, dense: Any
) -> list[tuple[Parameter, Rule]]:
    """Return the tensors that are made sparse, each with the rule that draws its values."""
    rules = values.match(manifest)
    own = set(map(id, values.rules))  # others say what tensors hold that no recipe draws
    chosen = [
        (each, rules[each.name])
        for each in manifest.parameters
        if len(each.shape) > 1
        and each.elements
        and each.name in rules
        and id(rules[each.name]) in own
        and not isinstance(rules[each.name].initializer, Constant)
        and (only is None or only.fullmatch(each.name))
        and (dense is None or not dense.fullmatch(each.name))
    ]
    if not chosen:
        raise ValueError(
            f"no tensor of {manifest.model!r} is left to make sparse: it needs two axes or more "
            "and random values; correct only= or dense="
        )
    return chosen


def _masked(
    parameter: Parameter, rule: Rule, context: Context, nonzeros: int, correct_fan: bool
) -> Initializer:
    """Return a mask over what a rule draws for a parameter, with everything worked out."""
    with json_files.located(repr(parameter.name)):
        base = rule.initializer_for(parameter.name, context)
        if isinstance(base, Masked):
            raise ValueError(f"{base!r} is masked already; leave it out with dense=")
        axes = getattr(base, "layout", "oi*")
        masked = Sparse(
            nonzeros=nonzeros, base=base, per="tensor", correct_fan=correct_fan, layout=axes
        )
        alone = dataclasses.replace(rule, initializer=masked, settings={}, numbers={})
        return alone.resolve(parameter, context)


def _patterns(glob: str, members: list[str], names: list[str]) -> list[Pattern]:
    """Return one pattern that matches the members and no other name, or one for each."""
    is_plain = re.search(r"[][?{}]|\*\*", glob) is None
    if is_plain and len(members) == sum(map(bool, map(compiled(glob).fullmatch, names))):
        return [glob]
    return [Regex(re.escape(name)) for name in members]
