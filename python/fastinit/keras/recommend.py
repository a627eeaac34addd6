"""Recommendation of a recipe for a model of Keras, beside the values that the model has now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from fastinit.guide.models.places import Place
from fastinit.guide.models.recipe_recommendation import RecipeRecommendation
from fastinit.guide.models.recommend_recipe import recipe_for
from fastinit.keras.graph import read
from fastinit.keras.models import built_weights
from fastinit.keras.variables import Weight
from fastinit.manifests import Manifest, Parameter

_ENDS = ("kernel", "embeddings", "gamma", "scale", "depthwise_kernel", "pointwise_kernel")


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
    """Return a recipe for a model of Keras, with a reason for each weight.

    It does what ``fastinit.recommend_recipe`` does for a manifest. The activation after each layer,
    normalization and residual connections are found in the model's graph; layers that are code are
    called with symbols for that. Where this fails, the activations that layers have count. The
    model is not changed.

    Args:
        model: a model or layer that is built.
        activation: that of layers whose own is not found.
        architecture: see ``fastinit.recommend``; None for what the model looks like.
        depth: see ``fastinit.recommend``; None for the number of its layers.
        normalization: see ``fastinit.recommend``; None for the model's.
        residual: see ``fastinit.recommend``; None for what the graph says.
        optimizer: see ``fastinit.recommend``.
        width: see ``fastinit.recommend``; None for that of the normalizations.

    Returns:
        An object with ``recipe``, which ``fastinit.keras.init_`` takes, and ``rows``. Each row has
        ``current``, the mean and std of the values now, and ``differences()`` the rows where these
        are not what the recipe draws. ``print`` shows them side by side.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: the model is not built, a name is not known, or nothing is known of any weight.

    Example:
        >>> import fastinit.keras, keras
        >>> layers = [keras.layers.Dense(64, "silu", name="up"), keras.layers.Dense(4, name="down")]
        >>> model = keras.Sequential([keras.Input((8,)), *layers])
        >>> found = fastinit.keras.recommend_recipe(model)
        >>> [(row.name, row.activation) for row in found.rows[::2]]
        [('up/kernel', 'silu'), ('down/kernel', 'linear')]
        >>> _ = fastinit.keras.init_(model, found.recipe, seed=0)
    """
    weights = [each for each in built_weights(model) if each.variable.trainable]
    manifest = Manifest(model.name, tuple(map(_parameter, weights)))
    graph = read(model, weights)
    kinds = [type(each).__name__ for each in model._flatten_layers()]
    case = graph.case(
        manifest,
        kinds,
        activation=activation,
        architecture=architecture,
        depth=depth,
        normalization=normalization,
        residual=residual,
        optimizer=optimizer,
        width=width,
    )
    layouts = dict(_layouts(weights))
    owners = {
        each.name: each.name.rpartition("/")[0]
        for each in weights
        if each.name.rpartition("/")[2] in _ENDS
    }
    places = {name: Place(layout=layout) for name, layout in layouts.items()}
    places |= graph.places(owners, case, layouts) | dict(_forget_gates(weights))
    found = recipe_for(manifest, case, places, graph.note)
    values = {each.name: each.variable for each in weights}
    return found.with_current(lambda name: _moments(values[name]))


def _parameter(weight: Weight) -> Parameter:
    return Parameter(weight.name, tuple(weight.variable.shape), type(weight.layer).__name__)


def _layouts(weights: Sequence[Weight]) -> Iterator[tuple[str, str]]:
    """Yield what the axes of kernels are whose layers say it otherwise than (..., in, out)."""
    for each in weights:
        kind, last = type(each.layer).__name__, each.variable.name
        if kind == "EinsumDense" and last == "kernel":
            operands, _, result = each.layer.equation.replace(" ", "").partition("->")
            kernel = operands.partition(",")[2]
            yield each.name, "".join("o" if letter in result else "i" for letter in kernel)
        elif last == "depthwise_kernel" or (kind.startswith("Depthwise") and last == "kernel"):
            yield each.name, "k" * (len(each.variable.shape) - 2) + "bo"


def _forget_gates(weights: Sequence[Weight]) -> Iterator[tuple[str, Place]]:
    """Yield the bias of each LSTM, whose second quarter is that of the forget gate."""
    for each in weights:
        if "LSTM" in type(each.layer).__name__ and each.variable.name == "bias":
            size = int(each.variable.shape[-1]) // 4
            yield each.name, Place("forget_bias", part=(size, 2 * size))


def _moments(variable: Any) -> tuple[float, float] | None:
    """Return the mean and std of the values, or None where there are none."""
    values = np.asarray(keras.ops.convert_to_numpy(variable.value)).astype(np.float64)
    return (float(values.mean()), math.sqrt(float(values.var()))) if values.size else None
