"""``plan`` and ``init_``: all weights of a model by one seed, each from the stream of its name."""

from __future__ import annotations

from typing import Any

import keras

from fastinit.arrays.destination import destination, fill
from fastinit.checks import type_of
from fastinit.keras import drawing
from fastinit.keras.planning import planned
from fastinit.keras.variables import Weight, weights_of
from fastinit.native.box import part, whole
from fastinit.plans.plan import Plan
from fastinit.streams import Seed
from fastinit.tensors.tensor_plan import TensorPlan


def plan(model: Any, recipe: Any = None, seed: Seed | None = None) -> Plan:
    """Return the plan of a model: what ``init_`` draws, and from which streams.

    It explains, draws NumPy arrays by name, saves them, and compares files, without Keras.

    Args:
        model: A model or layer that is built.
        recipe: The recipe, as for ``init_``.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``; None for the process-wide seed.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: As for ``init_``.

    Example:
        >>> import fastinit.keras, keras
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="head")])
        >>> fastinit.keras.plan(model, seed=0).init()["head/bias"]
        array([0., 0., 0., 0.], dtype=float32)
    """
    return planned(built_weights(model), model.name, recipe, seed)


def init_(model: Any, recipe: Any = None, seed: Seed | None = None, *, only: Any = None) -> Any:
    """Draw all weights of a model anew, each from the stream of its name.

    The name of a weight is the path of its layer below the model, and its own name:
    "encoder/query/kernel". So its values depend neither on the order in which layers are built,
    nor on other models of the process, nor on the backend.

    Args:
        model: A model or layer that is built.
        recipe: None for the initializers of the layers themselves, Keras's own included, with the
            same distributions. Otherwise what ``fastinit.Plan`` takes, or a plan; the initializers
            in it may be this package's or their names ("he_normal"), which know Keras's axes. The
            weights keep their own dtypes, whatever the recipe or the plan says.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``; None for the process-wide seed.
            The seeds of the layers' own initializers do not count.
        only: A pattern as in rules; other weights keep their values.

    Returns:
        The model. Weights that are not trained and whose layers do not say how they start, such as
        the statistics of ``Normalization``, keep their values.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The model has no weights yet, no rule draws a weight, a rule does not fit it,
            or ``only`` matches nothing. Nothing is written then. On the backend torch, which is
            filled in place, values outside the domain of a ``Mapped`` are found while others are
            written.

    Example:
        >>> import fastinit, fastinit.keras, keras
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="head")])
        >>> _ = fastinit.keras.init_(model, seed=0)
        >>> kernel = keras.ops.convert_to_numpy(model.layers[0].kernel)
        >>> expected = fastinit.glorot_uniform((8, 4), layout="*io", seed=0, name="head/kernel")
        >>> bool((kernel == expected).all())
        True
    """
    weights = built_weights(model)
    variables = {each.name: each.variable for each in weights}
    _draw(
        [
            (variables[each.parameter.name], each)
            for each in planned(weights, model.name, recipe, seed, only).select(only)
        ]
    )
    return model


def built_weights(model: Any) -> list[Weight]:
    """Return the weights of a model.

    Raises:
        TypeError: it is neither a model nor a layer of Keras.
        ValueError: it is not built.
    """
    if not isinstance(model, keras.Layer):
        raise TypeError(f"model is {type_of(model)}; pass a model or layer of Keras")
    found = weights_of(model)
    if not found:
        raise ValueError(
            f"{model.name!r} has no weights; build it first (model.build(input_shape)), or call it "
            "once with an input"
        )
    return found


def _draw(targets: list[tuple[Any, TensorPlan]]) -> None:
    """Draw weights in one native call; those of JAX that are sharded by their shards."""
    if keras.backend.backend() == "torch":
        from fastinit.torch.memory.batch import FillBatch

        batch = FillBatch()
        for variable, each in targets:
            batch.add(variable.value, each.templates, each.stream)
        batch.run()
        return
    sharded, together = [], []
    for variable, each in targets:
        sharding = getattr(variable.value, "sharding", None)
        if sharding is not None and len(sharding.device_set) > 1:
            sharded.append((variable, _sharded(each, sharding)))
        else:
            together.append((variable, each))
    outputs = [destination(each.parameter.shape, each.dtype, None, None) for _, each in together]
    fill(
        (output, each.requests(whole(each.parameter.shape), output.address))
        for output, (_, each) in zip(outputs, together, strict=True)
    )
    for variable, values in sharded:  # from here on nothing can fail that the values depend on
        variable.assign(values)
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
