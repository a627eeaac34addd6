"""The plan of a model's weights: by the initializers of its layers, by a recipe, or by a plan."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from fastinit import initializers, json_files
from fastinit.initializers.composites.nested import check_layout
from fastinit.initializers.named import is_name, named
from fastinit.keras.fan_scaled import KERNEL
from fastinit.keras.initializer import is_known, made
from fastinit.keras.own import has_no_argument, own_initializer
from fastinit.keras.variables import Weight
from fastinit.manifests import Manifest, Parameter
from fastinit.native.dtypes import dtype_of
from fastinit.plans.plan import Plan
from fastinit.recipes.buffers import known
from fastinit.recipes.given import ByShape, recipe_from
from fastinit.recipes.parameter import LEFT_ALONE
from fastinit.recipes.patterns.pattern import compiled, exact, pattern_of
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rule import Rule
from fastinit.streams import Seed


def planned(
    weights: list[Weight], model: str, recipe: Any, seed: Seed | None, only: Any = None
) -> Plan:
    """Return the plan of weights; see ``init_``.

    Args:
        weights: All weights of a model.
        model: The name of the model.
        recipe: The recipe, as for ``init_``.
        seed: The seed, as for ``init_``.
        only: A pattern; the initializers of the layers of other weights are not asked for.

    Raises:
        ValueError: As for ``init_``.
    """
    manifest = Manifest(model, tuple(_parameter(each) for each in weights))
    if isinstance(recipe, Plan):
        return _again(recipe, manifest, seed)
    if recipe is None:
        return Plan(*_by_layers(_matching(weights, only), manifest), seed=seed)
    trained: list[Parameter] = []
    statistics: list[Parameter] = []
    last: list[Rule] = []  # for what no recipe names, such as the vector of a spectral norm
    for each, parameter in zip(weights, manifest.parameters, strict=True):
        if each.variable.trainable:
            trained.append(parameter)
        elif (own := own_initializer(each)) is not None:
            (statistics if known(parameter) else trained).append(parameter)
            if has_no_argument(each):
                last.append(Rule(exact(each.name), own))
    manifest = dataclasses.replace(manifest, parameters=tuple(trained), buffers=tuple(statistics))
    rules = recipe_from(recipe, manifest, _of_keras)
    rules = dataclasses.replace(rules, rules=(*rules.rules, *last))
    found = _in_own_dtypes(manifest, _resolved(rules, manifest), seed)
    for tensor in found.tensors:
        with json_files.located(repr(tensor.parameter.name)):
            check_layout(tensor.rule.initializer, tensor.parameter.shape)
    return found


def _matching(weights: list[Weight], only: Any) -> list[Weight]:
    """Return the weights whose names match a pattern; None matches all."""
    if only is None:
        return weights
    expression = compiled(pattern_of(only))
    found = [each for each in weights if expression.fullmatch(each.name)]
    if not found:
        raise ValueError(f"only={only!r} matches no tensor of the model")
    return found


def _in_own_dtypes(manifest: Manifest, recipe: Recipe, seed: Seed | None) -> Plan:
    """Return a plan in the dtypes of the weights, which own the memory, and not of the recipe."""
    return Plan(manifest, dataclasses.replace(recipe, dtype=None), seed=seed)


def _parameter(weight: Weight) -> Parameter:
    value = weight.variable.value
    name = str(value.dtype).removeprefix("torch.")
    dtype = name if name in LEFT_ALONE else dtype_of(name).name
    shape = tuple(weight.variable.shape)
    return Parameter(weight.name, shape, type(weight.layer).__name__, dtype)


def _by_layers(weights: list[Weight], manifest: Manifest) -> tuple[Manifest, Recipe]:
    """Return the weights whose layers say how they start, and the rules that say so."""
    parameters = {each.name: each for each in manifest.parameters}
    drawn, rules, problems = [], [], []
    for each in weights:
        try:
            initializer = own_initializer(each)
        except TypeError as error:
            problems.append(f"{each.name!r} ({error})")
            continue
        if initializer is not None:
            drawn.append(parameters[each.name])
            rules.append(Rule(exact(each.name), initializer))
        elif each.variable.trainable:
            problems.append(f"{each.name!r} (its layer has no {each.variable.name}_initializer)")
    if problems:
        raise ValueError(
            f"how these weights start is not known: {', '.join(problems)}; pass recipe= with an "
            "initializer for each, or only= to leave them as they are"
        )
    if not rules:
        raise ValueError(
            f"the layers of {manifest.model!r} do not say how these weights start, which are not "
            "trained; pass recipe= with an initializer for each"
        )
    source = "the initializers of the layers"
    recipe = Recipe("layers", source, tuple(rules), complete=True)
    return dataclasses.replace(manifest, parameters=tuple(drawn)), recipe


def _again(given: Plan, manifest: Manifest, seed: Seed | None) -> Plan:
    """Return a plan that was given, in the dtypes of this model.

    Raises:
        ValueError: The model lacks tensors of the plan, or has them in another shape.
    """
    own = {each.name: each for each in manifest.parameters}

    def planned(their: Parameter) -> Parameter:
        mine = own.get(their.name)
        if mine is None or mine.shape != their.shape:
            what = "not there" if mine is None else mine.shape
            raise ValueError(
                f"{their.name!r} of shape {their.shape} is in the plan, and in the model it is "
                f"{what}; pass a plan of the same model"
            )
        return dataclasses.replace(their, dtype=mine.dtype)

    found = dataclasses.replace(
        given.manifest,
        parameters=tuple(map(planned, given.manifest.parameters)),
        buffers=tuple(map(planned, given.manifest.buffers)),
    )
    return _in_own_dtypes(found, given.recipe, given.stream if seed is None else seed)


def _of_keras(given: Any) -> Any:
    """Return an initializer with Keras's axes for one of Keras, or for a name."""
    if isinstance(given, keras.initializers.Initializer) or is_known(given):
        return ByShape(made(given, "recipe"))
    if isinstance(given, str) and is_name(given):
        return named(given, "recipe", KERNEL)
    return given


def _resolved(recipe: Recipe, manifest: Manifest) -> Recipe:
    """Return a recipe in which each weight has what its initializer of Keras says of its shape."""
    if not any(isinstance(rule.initializer, ByShape) for rule in recipe.rules):
        return recipe
    matched = recipe.match(manifest)
    rules: list[Rule] = []
    for rule in recipe.rules:
        wrapped = rule.initializer
        if not isinstance(wrapped, ByShape):
            rules.append(rule)
            continue
        found: dict[str, initializers.Initializer] = {}
        for each in manifest.parameters:
            if matched.get(each.name) is rule:
                with json_files.located(repr(each.name)):
                    found[each.name] = wrapped.resolve(each.shape)
        if len(set(found.values())) == 1:
            rules.append(dataclasses.replace(rule, initializer=next(iter(found.values()))))
        else:
            rules += [
                dataclasses.replace(rule, pattern=exact(name), initializer=initializer)
                for name, initializer in found.items()
            ]
    return dataclasses.replace(recipe, rules=tuple(rules))
