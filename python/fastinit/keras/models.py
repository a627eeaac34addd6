"""``plan`` and ``init_``: all weights of a model by one seed, each from the stream of its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from fastinit import json_files
from fastinit.arrays.destination import destination, fill
from fastinit.keras import drawing
from fastinit.keras.adapted import check_layout
from fastinit.keras.initializer import CLASSES, Initializer, made
from fastinit.keras.own import own_initializer
from fastinit.keras.variables import Weight, weights_of
from fastinit.manifests import Manifest, Parameter
from fastinit.native.box import part, whole
from fastinit.native.dtypes import dtype_of
from fastinit.plans.plan import Plan
from fastinit.recipes.buffers import known
from fastinit.recipes.given import RecipeLike, recipe_from
from fastinit.recipes.parameter import LEFT_ALONE
from fastinit.recipes.pattern import exact
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rule import Rule
from fastinit.streams import Seed
from fastinit.tensors.tensor_plan import TensorPlan


def plan(model: Any, seed: Seed | None = None, recipe: Any = None) -> Plan:
    """Return the plan of a model: what ``init_`` draws, and from which streams.

    It explains, draws NumPy arrays by name, saves them, and compares files, without Keras.

    Args:
        model: A model or layer that is built.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``; None for the process-wide seed.
        recipe: As for ``init_``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: As for ``init_``.

    Example:
        >>> import fastinit.keras, keras
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="head")])
        >>> fastinit.keras.plan(model, seed=0).init()["head/bias"]
        array([0., 0., 0., 0.], dtype=float32)
    """
    return _planned(_weights(model), model, seed, recipe)


def init_(model: Any, seed: Seed | None = None, recipe: Any = None, *, only: Any = None) -> Any:
    """Draw all weights of a model anew, each from the stream of its name.

    The name of a weight is the path of its layer below the model, and its own name:
    "encoder/query/kernel". So its values depend neither on the order in which layers are built,
    nor on other models of the process, nor on the backend.

    Args:
        model: A model or layer that is built.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``; None for the process-wide seed.
            The seeds of the layers' own initializers do not count.
        recipe: None for the initializers of the layers themselves, Keras's own included, with the
            same distributions. Otherwise what ``fastinit.Plan`` takes, or a plan; the initializers
            in it may be this package's or their names ("he_normal"), which know Keras's axes. The
            weights keep their own dtypes, whatever the recipe or the plan says.
        only: A pattern as in rules; other weights keep their values.

    Returns:
        The model. Weights that are not trained and whose layers do not say how they start, such as
        the statistics of ``Normalization``, keep their values.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The model has no weights yet, no rule draws a weight, a rule does not fit it,
            or ``only`` matches nothing. Nothing is written then.

    Example:
        >>> import fastinit, fastinit.keras, keras
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="head")])
        >>> _ = fastinit.keras.init_(model, seed=0)
        >>> kernel = keras.ops.convert_to_numpy(model.layers[0].kernel)
        >>> expected = fastinit.glorot_uniform((8, 4), layout="*io", seed=0, name="head/kernel")
        >>> bool((kernel == expected).all())
        True
    """
    weights = _weights(model)
    variables = {each.name: each.variable for each in weights}
    _draw(
        [
            (variables[each.parameter.name], each)
            for each in _planned(weights, model, seed, recipe).select(only)
        ]
    )
    return model


def _weights(model: Any) -> list[Weight]:
    if not isinstance(model, keras.Layer):
        raise TypeError(f"model is a {type(model).__name__}; pass a model or layer of Keras")
    found = weights_of(model)
    if not found:
        raise ValueError(
            f"{model.name!r} has no weights; build it first (model.build(input_shape)), or call it "
            "once with an input"
        )
    return found


def _planned(weights: list[Weight], model: Any, seed: Seed | None, recipe: Any) -> Plan:
    manifest = Manifest(model.name, tuple(_parameter(each) for each in weights))
    if isinstance(recipe, Plan):
        return _again(recipe, manifest, seed)
    if recipe is None:
        return Plan(*_by_layers(weights, manifest), seed=seed)
    trained: list[Parameter] = []
    statistics: list[Parameter] = []
    for each, parameter in zip(weights, manifest.parameters, strict=True):
        if each.variable.trainable:
            trained.append(parameter)
        elif own_initializer(each) is not None:
            (statistics if known(parameter) else trained).append(parameter)
    manifest = dataclasses.replace(manifest, parameters=tuple(trained), buffers=tuple(statistics))
    found = _in_own_dtypes(manifest, recipe_from(_recipe(recipe), manifest), seed)
    _check_layouts(found)
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
    drawn, rules, problems = [], [], []
    for each, parameter in zip(weights, manifest.parameters, strict=True):
        try:
            initializer = own_initializer(each)
        except TypeError as error:
            problems.append(f"{each.name!r} ({error})")
            continue
        if initializer is not None:
            drawn.append(parameter)
            rules.append(Rule(exact(each.name), initializer))
        elif each.variable.trainable:
            problems.append(f"{each.name!r} (its layer has no {each.variable.name}_initializer)")
    if problems:
        raise ValueError(
            f"how these weights start is not known: {', '.join(problems)}; pass recipe= with an "
            "initializer for each, or only= to leave them as they are"
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


def _recipe(given: Any) -> RecipeLike:
    """Return a recipe whose initializers are those of fastinit, with Keras's axes."""
    if isinstance(given, Mapping):
        given = list(given.items())
    if isinstance(given, Initializer) or (isinstance(given, str) and given in CLASSES):
        return made(given, "recipe").resolve((1, 1))
    if not isinstance(given, Sequence) or isinstance(given, str):
        return given
    rules: list[Any] = []
    for each in given:
        rules += _rules(*each) if isinstance(each, tuple) and len(each) == 2 else [each]
    return rules


def _rules(pattern: Any, drawn: Any) -> list[Any]:
    if not isinstance(drawn, Initializer) and not (isinstance(drawn, str) and drawn in CLASSES):
        return [(pattern, drawn)]
    initializer = made(drawn, "initializer")
    of_kernels, of_vectors = initializer.resolve((1, 1)), initializer.resolve((1,))
    if of_kernels == of_vectors:
        return [(pattern, of_kernels)]
    return [Rule(pattern, of_kernels, min_ndim=2), Rule(pattern, of_vectors)]


def _check_layouts(plan: Plan) -> None:
    for each in plan.tensors:
        with json_files.located(repr(each.parameter.name)):
            check_layout(each.rule.initializer, each.parameter.shape)


def _draw(targets: list[tuple[Any, TensorPlan]]) -> None:
    """Draw weights in one native call; those of JAX that are sharded by their shards."""
    if keras.backend.backend() == "torch":
        from fastinit.torch.memory.batch import FillBatch

        batch = FillBatch()
        for variable, each in targets:
            batch.add(variable.value, each.templates, each.stream)
        batch.run()
        return
    together = []
    for variable, each in targets:
        sharding = getattr(variable.value, "sharding", None)
        if sharding is not None and len(sharding.device_set) > 1:
            variable.assign(_sharded(each, sharding))
        else:
            together.append((variable, each))
    outputs = [destination(each.parameter.shape, each.dtype, None, None) for _, each in together]
    fill(
        (output, each.requests(whole(each.parameter.shape), output.address))
        for output, (_, each) in zip(outputs, together, strict=True)
    )
    for output, (variable, _) in zip(outputs, together, strict=True):
        variable.assign(drawing.as_tensor(output.finish(), variable.dtype))


def _sharded(each: TensorPlan, sharding: Any) -> Any:
    import jax

    def drawn(index: Any) -> Any:
        box = part(each.parameter.shape, index)
        output = destination(box.shape, each.dtype, None, None)
        fill([(output, each.requests(box, output.address))])
        return output.finish()

    return jax.make_array_from_callback(each.parameter.shape, sharding, drawn)
