"""Recommendation of a recipe for a whole model, with the advice for each of its parameters."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import sys
from collections.abc import Mapping
from typing import Any

from fastinit.checks import type_of
from fastinit.guide.advice import Case, case_of
from fastinit.guide.models.places import Advice, Exceptions, Place
from fastinit.guide.models.recipe_recommendation import Advised, RecipeRecommendation, described
from fastinit.guide.models.roles import activation_of, architecture_of, roles_of, width_of
from fastinit.guide.recommend import advise
from fastinit.guide.recommendation import Recommendation
from fastinit.initializers import Initializer
from fastinit.manifests import Manifest, Parameter
from fastinit.manifests.given import model_of
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.recipes import known
from fastinit.recipes.context import with_tied
from fastinit.recipes.matching import drawn_by
from fastinit.recipes.patterns.pattern import compiled, has_layer
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rule import FirstMatch, Rule
from fastinit.tensors.tensor_plan import initializer_of

_NAME = "recommended"
_NOWHERE = Place()  # of which no more is known than its name says
_MODELS = (("keras", "Layer", "fastinit.keras"), ("torch.nn", "Module", "fastinit.torch"))


def recommend_recipe(
    model: Any,
    *,
    activation: Any = None,
    architecture: str | None = None,
    depth: int | None = None,
    normalization: str | None = None,
    residual: bool | None = None,
    optimizer: str | None = None,
    width: int | None = None,
) -> RecipeRecommendation:
    """Return a recipe for a whole model, with a reason for each parameter.

    Of a torch module and of a model of Keras the graph is read, as ``fastinit.torch`` and
    ``fastinit.keras`` do it; ``fastinit.jax.recommend_recipe`` does so with a model's inputs. Of
    other models names, shapes and types of modules say what each parameter is for. What is left out
    follows from these and from the model's config.

    Args:
        model: a torch module, a built model of Keras, a manifest, or what else ``fastinit.Plan``
            takes, such as "gpt2", a path, or a tree of arrays.
        activation: see ``fastinit.recommend``.
        architecture: see ``fastinit.recommend``.
        depth: the number of layers, where the names do not say it.
        normalization: see ``fastinit.recommend``.
        residual: see ``fastinit.recommend``.
        optimizer: see ``fastinit.recommend``.
        width: see ``fastinit.recommend``; None for that of the normalizations.

    Returns:
        An object with ``recipe`` and ``rows``: for each parameter the initializer, its mean and
        std, the reason and the source. ``unknown`` names those that no advice is for, as a state
        space's, which need rules of your own before the recipe's. ``print`` shows a table.

    Raises:
        FileNotFoundError: a name or path that is not there.
        TypeError: an argument of the wrong type, or a model whose graph depends on its inputs.
        ValueError: a name is not known, or nothing is known of any parameter.

    Example:
        >>> import fastinit
        >>> found = fastinit.recommend_recipe("gpt2")
        >>> plan = fastinit.Plan("gpt2", found.recipe, seed=0)
        >>> [row.layer for row in found.rows][:4]
        ['embedding', 'position', 'norm_scale', 'norm_bias']
    """
    if (adapter := _adapter_of(model)) is not None:
        # The adapters stand above the guide, which knows their names alone.
        found: RecipeRecommendation = importlib.import_module(adapter).recommend_recipe(
            model,
            activation=activation,
            architecture=architecture,
            depth=depth,
            normalization=normalization,
            residual=residual,
            optimizer=optimizer,
            width=width,
        )
        return found
    if callable(model) and not isinstance(model, type):
        raise TypeError(
            f"model is {type_of(model)}, whose graph depends on its inputs; call "
            "fastinit.jax.recommend_recipe(model, inputs), or pass "
            "Manifest.from_tree(variables) for what names and shapes say"
        )
    manifest = model_of(model).manifest
    case = case_of(
        activation_of(manifest) if activation is None else activation,
        architecture_of(manifest) if architecture is None else architecture,
        depth=depth,
        normalization=normalization,
        residual=residual,
        optimizer=optimizer,
        width=width_of(manifest) if width is None else width,
    )
    return recipe_for(manifest, case, {})


def _adapter_of(model: Any) -> str | None:
    """Return the package that reads the graph of a model, where a framework made it."""
    for module, kind, adapter in _MODELS:  # layers of Keras may be modules of torch, too
        made = getattr(sys.modules.get(module), kind, None)
        if made is not None and isinstance(model, made):
            return adapter
    return None


def recipe_for(
    model: Manifest, case: Case, places: Mapping[str, Place], note: str = ""
) -> RecipeRecommendation:
    """Return the recipe for a case, with exceptions for parameters of which more is known.

    Args:
        model: the parameters.
        case: what the model is taken for.
        places: what more is known of parameters, by their names.
        note: what is to be said of the whole.
    """
    tables = _output_tables(model, case)
    case = dataclasses.replace(case, tied=bool(tables))
    general, first = _general(case)
    by_rule = {id(rule): found for rule, found in general}
    matched = {each.name: first.of(each) for each in model.parameters}
    unknown = tuple(e.name for e in model.parameters if _is_unknown(e, matched[e.name]))
    known_part = _without(model, unknown)
    layers = _layers(matched)
    exceptions = Exceptions()
    used: set[int] = set()
    for each in known_part.parameters:
        if (rule := matched[each.name]) is None:
            continue
        advice = rule, by_rule[id(rule)]
        place = _place(each, tables, advice[1].case.layer, places.get(each.name, _NOWHERE))
        if place is _NOWHERE or not exceptions.add(each, advice, layers.get(each.name), place):
            used.add(id(rule))
    special = list(exceptions.rules([each.name for each in known_part.parameters]))
    by_rule |= {id(rule): found for (rule, found), _ in special}
    rules = matched | {name: rule for (rule, _), names in special for name in names}
    kept = [rule for (rule, _), _ in special] + [rule for rule, _ in general if id(rule) in used]
    source = f"fastinit.recommend_recipe, for {described(case)}"
    recipe = Recipe(_NAME, source, tuple(kept) or tuple(rule for rule, _ in general))
    rows = tuple(
        _advised(each, drawn, by_rule.get(id(rule)), rule)
        for each, rule, drawn in _resolved(known_part, recipe, rules)
    )
    return RecipeRecommendation(recipe, rows, unknown, case, (note,) if note else ())


def _layers(matched: Mapping[str, Rule | None]) -> dict[str, int]:
    """Return the number of layers in the stacks of parameters whose rules count them."""
    beginnings: dict[str, str] = {}
    stacks: dict[str, set[str]] = {}
    for name, rule in matched.items():
        if rule is not None and has_layer(rule.pattern):
            match = compiled(rule.pattern).fullmatch(name)
            assert match is not None  # since the rule is for it
            begin, end = match.span("layer")
            beginnings[name] = name[:begin]
            stacks.setdefault(name[:begin], set()).add(name[begin:end])
    return {name: len(stacks[beginning]) for name, beginning in beginnings.items()}


def _output_tables(model: Manifest, case: Case) -> frozenset[str]:
    """Return the vectors of tokens that are the weight of the output too."""
    if not model.tied:
        return frozenset()
    general, first = _general(case)
    layers = {id(rule): found.case.layer for rule, found in general}
    roles = {each.name: layers.get(id(first.of(each))) for each in with_tied(model)}
    return frozenset(
        target
        for name, target in model.tied.items()
        if roles.get(target) == "embedding" and roles.get(name) != "embedding"
    )


def _place(parameter: Parameter, tables: frozenset[str], layer: str, place: Place) -> Place:
    """Return what is known of a parameter that is for ``layer`` by its name."""
    if known.find(parameter) is not None:  # as LoRA's B: what it is for says less than its name
        return _NOWHERE
    if parameter.name in tables:
        return dataclasses.replace(place, layer="tied_embedding")
    if layer == "recurrent":
        gates, rest = divmod(max(parameter.shape), min(parameter.shape) or 1)
        return place if rest or gates == 1 else dataclasses.replace(place, gates=gates)
    return place


@in_default_arithmetic
def _resolved(
    model: Manifest, recipe: Recipe, rules: Mapping[str, Rule | None]
) -> list[tuple[Parameter, Rule, Initializer]]:
    """Return what a plan of a model would draw for each parameter, given the rules that match."""
    context = recipe.context(model)
    found = []
    for each in model.parameters:
        rule = None if each.is_left_alone else drawn_by(each, rules[each.name])
        if isinstance(rule, Rule):
            found.append((each, rule, initializer_of(each, rule, context)))
    return found


def _without(model: Manifest, unknown: tuple[str, ...]) -> Manifest:
    """Return the parameters of a model that are known, alone."""
    if not unknown and not model.buffers:
        return model
    parameters = tuple(each for each in model.parameters if each.name not in unknown)
    if not parameters:
        raise ValueError(f"no advice is for any parameter of {model.model!r}, as {unknown[0]!r}")
    tied = {name: target for name, target in model.tied.items() if target not in unknown}
    return dataclasses.replace(model, parameters=parameters, buffers=(), tied=tied)


def _is_unknown(parameter: Parameter, matching: Rule | None) -> bool:
    """Whether neither advice nor the name says what a parameter starts with."""
    if parameter.value is not None or parameter.is_left_alone or parameter.is_complex:
        return False
    found = known.find(parameter)
    return found.rule is None if found else matching is None


@functools.lru_cache(maxsize=64)
def _general(case: Case) -> tuple[list[Advice], FirstMatch]:
    """Return the rules of all roles in a case, each with the advice that it follows."""
    found = []
    for role in roles_of(case.architecture or "mlp"):
        advised = advise(dataclasses.replace(case, layer=role.layer))
        found.append((role.rule(advised), advised))
    return found, FirstMatch([rule for rule, _ in found])


def _advised(
    parameter: Parameter,
    drawn: Initializer,
    found: Recommendation | None,
    rule: Rule,
) -> Advised:
    mean, std = drawn.moments(parameter.shape) or (None, None)
    layer = activation = None
    reason, source = f"The name says what it holds: {rule.assumes}.", "its name"
    if found is not None:
        layer, reason, source = found.case.layer, found.reason, found.source
        if found.case.activation is not None and found.depends_on_activation:
            activation = found.case.activation.name
    name, shape = parameter.name, parameter.shape
    return Advised(name, shape, layer, activation, drawn, mean, std, reason, source)
