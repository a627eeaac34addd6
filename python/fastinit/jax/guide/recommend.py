"""Recommendation of a recipe for a model of JAX, beside the values that the model has now."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fastinit.guide.models.places import Place
from fastinit.guide.models.recipe_recommendation import RecipeRecommendation
from fastinit.guide.models.recommend_recipe import recipe_for
from fastinit.initializers import Constant
from fastinit.jax.guide.graph import Reading, read
from fastinit.jax.guide.models import Inputs, Model, model_of
from fastinit.jax.guide.programs import Program, program_of
from fastinit.jax.trees import Leaf
from fastinit.manifests import Manifest, Parameter
from fastinit.recipes.patterns.pattern import pattern_of
from fastinit.recipes.rule import Rule

_STATISTICS = {"mean": 0, "var": 1}


def recommend_recipe(
    model: Any,
    inputs: Inputs,
    variables: Any = None,
    *,
    activation: Any = None,
    architecture: str | None = None,
    depth: int | None = None,
    normalization: str | None = None,
    residual: bool | None = None,
    optimizer: str | None = None,
    width: int | None = None,
) -> RecipeRecommendation:
    """Return a recipe for a model of JAX, with a reason for each parameter.

    It does what ``fastinit.recommend_recipe`` does for a manifest, and reads the program of the
    model: the activation after each weight, by what it computes; the axes of each weight; residual
    connections and the weights that end their branches. Layers under ``scan`` are unrolled. The
    model is traced and not run.

    Args:
        model: a module of flax.linen or flax.nnx, or a function of variables and inputs, which
            equinox and haiku have.
        inputs: what it is called with, arrays or shapes: an array, a tuple or list of arguments, or
            a mapping of keyword arguments. What is not an array (``train=True``) stays as it is.
        variables: of a module of linen what its ``init`` returns; None draws them as the model
            does now, with the key 0, or takes their shapes alone where inputs are shapes. Of a
            function its first argument: a tree of arrays or shapes. None for nnx.
        activation: that of layers whose own is not found.
        architecture: see ``fastinit.recommend``; None for what the model looks like.
        depth: see ``fastinit.recommend``; None for what the program says.
        normalization: see ``fastinit.recommend``; None for the model's.
        residual: see ``fastinit.recommend``; None for what the program says.
        optimizer: see ``fastinit.recommend``.
        width: see ``fastinit.recommend``; None for that of the normalizations.

    Returns:
        An object with ``recipe``, which ``fastinit.jax.init_tree`` takes with the same tree of
        variables, and ``rows``. Each row has ``current``, the mean and std of the values now, and
        ``differences()`` the rows where these are not what the recipe draws. ``print`` shows them.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: a name is not known, nothing is known of a parameter, or variables are missing.

    Example:
        >>> import fastinit.jax, jax, jax.numpy as jnp
        >>> variables = {"up": {"kernel": jnp.ones((8, 32))}, "down": {"kernel": jnp.ones((32, 2))}}
        >>> def apply(variables, x):
        ...     hidden = jax.nn.silu(x @ variables["up"]["kernel"])
        ...     return hidden @ variables["down"]["kernel"]
        >>> found = fastinit.jax.recommend_recipe(apply, jnp.ones((4, 8)), variables)
        >>> [(row.name, row.activation) for row in found.rows]
        [('down.kernel', 'linear'), ('up.kernel', 'silu')]
        >>> variables = fastinit.jax.init_tree(variables, found.recipe, seed=0)
    """
    traced = model_of(model, inputs, variables)
    manifest = manifest_of(traced)
    reading = read_model(traced, program_of_model(traced))
    graph = reading.graph
    kinds = list(traced.modules.values()) or [each.name for each in manifest.parameters]
    case = graph.case(
        manifest_of(traced, has_modules=True),
        kinds,
        activation=activation,
        architecture=architecture,
        depth=depth,
        normalization=normalization,
        residual=residual,
        optimizer=optimizer,
        width=width,
    )
    owners = {each.name: reading.aliases.get(each.name, each.name) for each in manifest.parameters}
    places = graph.places(owners, case, reading.layouts)
    found = recipe_for(manifest, case, places | dict(_forget_gates(traced)))
    values = {leaf.path: each for leaf, each in zip(traced.leaves, traced.values, strict=True)}
    recipe = dataclasses.replace(found.recipe, rules=(*found.recipe.rules, *_statistics(traced)))
    found = dataclasses.replace(found, recipe=recipe)
    return found.with_current(lambda name: _moments(values[name]))


def _forget_gates(model: Model) -> Iterator[tuple[str, Place]]:
    """Yield the biases of all gates of an LSTM, whose second quarter is that of the forget gate."""
    for leaf in model.leaves:
        cell = leaf.path.removesuffix(".dense_h.bias")
        if "LSTM" in model.modules.get(cell, "") and cell != leaf.path and len(leaf.shape) == 1:
            size = leaf.shape[0] // 4
            yield leaf.path, Place("forget_bias", part=(size, 2 * size))


def _statistics(model: Model) -> Iterator[Rule]:
    """Yield rules for the running statistics of batch norms, which the tree of variables has."""
    for name, value in _STATISTICS.items():
        kept = [each.path for each in model.leaves if not _is_trained(each, model)]
        if any(each.endswith(f".{name}") for each in kept):
            yield Rule(pattern_of(f"**.{name}"), Constant(value), ndim=1)


def manifest_of(model: Model, has_modules: bool = False) -> Manifest:
    """Return the parameters of a model that are trained.

    Args:
        model: the model.
        has_modules: whether they have the types of their modules, which trees of arrays have not.
    """
    parameters = [
        Parameter(each.path, each.shape, _module(each, model) if has_modules else None)
        for each in model.leaves
        if _is_trained(each, model)
    ]
    return Manifest("model", tuple(parameters))


def _module(leaf: Leaf, model: Model) -> str | None:
    return model.modules.get(leaf.path.rpartition(".")[0])


def program_of_model(model: Model) -> Program:
    """Return the program of a model, whose first inputs are its variables."""
    traced = jax.make_jaxpr(lambda own, given: model.apply(own, given))
    return program_of(traced(model.values, list(model.inputs)), len(model.leaves))


def read_model(model: Model, program: Program) -> Reading:
    """Return what a program says of the parameters of its model."""
    names = [each.path if _is_trained(each, model) else "" for each in model.leaves]
    return read(program, names, {each.path: len(each.shape) for each in model.leaves})


def _is_trained(leaf: Leaf, model: Model) -> bool:
    return leaf.path in model.trained


def _moments(values: Any) -> tuple[float, float] | None:
    """Return the mean and std of values, or None where there are none to read."""
    if isinstance(values, jax.ShapeDtypeStruct) or not values.size:
        return None
    numbers = np.asarray(values).astype(np.float64)
    return float(numbers.mean()), math.sqrt(float(numbers.var()))
