"""Whole models by recipes and plans, and what ``init_`` refuses."""

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import fastinit
import fastinit.keras as ours
from fastinit.keras.variables import weights_of
from helpers.bits import check_bits
from helpers.keras_cases.registry import array, arrays, case, small_model


@case
def init_by_a_recipe() -> None:
    model = small_model()
    kernel = model.layers[-1].kernel
    ours.init_(model, {"dense_1/kernel": "he_normal", "**": ours.RandomNormal(stddev=0.5)}, 3)
    named: Any = {"seed": 3, "name": "dense_1/kernel"}
    expected = fastinit.he_normal((4, 4), truncated=True, layout="*io", **named)
    check_bits(array(kernel), expected)
    assert array(model.layers[-1].bias).std() > 0.1
    ours.init_(model, "he_normal", 3)  # norms and biases as in the recipe "default"
    check_bits(array(kernel), expected)
    assert not array(model.layers[-1].bias).any()
    ours.init_(model, ours.plan(model, seed=4), 3)
    check_bits(
        array(kernel), ours.plan(model, seed=3)["dense_1/kernel"].initializer((4, 4), **named)
    )
    before = arrays(model)
    ours.init_(model, seed=9, only="dense/*")
    changed = [not np.array_equal(a, b) for a, b in zip(before, arrays(model), strict=True)]
    assert [
        each.name for each, is_new in zip(weights_of(model), changed, strict=True) if is_new
    ] == ["dense/kernel"]


@case
def weights_keep_their_dtypes() -> None:
    """A recipe or a plan in another dtype draws the bits of the weight's own dtype."""
    rules = fastinit.Recipe("normal", "none", (fastinit.Rule("**", fastinit.Normal()),))
    drawn = fastinit.normal((300, 200), seed=3, name="dense/kernel", dtype="bfloat16")
    expected = drawn.astype(np.float32)

    def dense(dtype: str) -> Any:
        return keras.Sequential([keras.Input((300,)), layers.Dense(200, dtype=dtype)])

    given = (
        dataclasses.replace(rules, dtype="float64"),
        ours.plan(dense("float32"), rules, 3),
        fastinit.Plan({"dense/kernel": (300, 200), "dense/bias": 200}, rules, dtype="float64"),
    )
    for recipe in given:
        model = dense("bfloat16")
        assert {each.dtype.name for each in ours.plan(model, recipe, 3).tensors} == {"bfloat16"}
        ours.init_(model, recipe, 3)
        check_bits(array(keras.ops.cast(model.layers[0].kernel, "float32")), expected)


@case
def rules_have_the_shape_of_each_weight() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="head"), layers.Dense(2)])
    values = np.arange(4.0)
    rules = {"head/bias": ours.Constant(values), "**": ours.HeUniform()}
    ours.init_(model, rules, 0)
    assert array(model.layers[0].bias).tolist() == values.tolist()
    kernel = fastinit.he_uniform((4, 2), layout="*io", seed=0, name="dense/kernel")
    check_bits(array(model.layers[1].kernel), kernel)
    largest = np.abs(array(model.layers[1].bias)).max()
    assert 0 < largest <= np.sqrt(6 / 2)  # a fan of 2, the size of the bias
    again_of_data = fastinit.Plan.from_dict(ours.plan(model, rules, 0).to_dict()).init()
    check_bits(again_of_data["head/bias"], array(model.layers[0].bias))


@case
def initializers_in_any_spelling() -> None:
    """Objects of Keras, names of classes and functions, and other names, all with Keras's axes."""
    model = small_model()
    own = keras.initializers.HeNormal()
    for given in ("HeNormal", "fastinit>he_normal", "kaiming_normal", own, ("**", ours.HeNormal())):
        rule = ours.plan(model, given, 3)["dense_1/kernel"].rule
        assert rule.initializer == fastinit.HeNormal(truncated=True, layout="*io"), given
    rule = ours.plan(model, "eye", 3)["dense_1/kernel"].rule
    assert rule.initializer == fastinit.Identity(layout="*io")
    with pytest.raises(FileNotFoundError, match=r"nor the name of an .* did you mean 'he_normal'"):
        ours.init_(model, "he_norml")
    with pytest.raises(TypeError, match=r"recipe is an int; .* a seed is given as seed=7"):
        ours.init_(model, 7)


@case
def only_leaves_out_weights_of_unknown_layers() -> None:
    own = layers.Dense(3, kernel_initializer=lambda shape, dtype=None: keras.ops.ones(shape, dtype))
    model = keras.Sequential([keras.Input((3,)), own, layers.Dense(3)])
    ours.init_(model, seed=0, only="dense_1/*")
    expected = fastinit.glorot_uniform((3, 3), layout="*io", seed=0, name="dense_1/kernel")
    check_bits(array(model.layers[1].kernel), expected)
    assert (array(own.kernel) == 1).all()
    with pytest.raises(ValueError, match="matches no tensor"):
        ours.init_(model, seed=0, only="nothing")


@case
def init_refuses_before_it_writes() -> None:
    class Custom(layers.Layer):  # type: ignore[misc]
        def build(self, _: Any) -> None:
            self.scale = self.add_weight((3,), initializer="ones", name="scale")

    own = layers.Dense(3, kernel_initializer=lambda shape, dtype=None: keras.ops.ones(shape, dtype))
    model = keras.Sequential([keras.Input((3,)), own, Custom(name="custom")])
    before = arrays(model)
    with pytest.raises(ValueError, match=r"'dense/kernel' .*'custom/scale' \(its layer has no"):
        ours.init_(model, seed=0)
    with pytest.raises(ValueError, match="the layout 'oi\\*' of HeNormal"):
        ours.init_(model, {"**kernel": fastinit.HeNormal(), "**": "zeros"}, 0)
    with pytest.raises(
        ValueError,
        match="is in the plan, and in the model it is not there; pass a plan of the same",
    ):
        ours.init_(model, ours.plan(small_model(), seed=0), 0)
    with pytest.raises(ValueError, match="matches no tensor"):
        ours.init_(model, "zeros", 0, only="nothing")
    with pytest.raises(ValueError, match="has no weights; build it first"):
        ours.init_(keras.Sequential([layers.Dense(3)]), seed=0)
    with pytest.raises(TypeError, match="pass a model or layer"):
        ours.init_(np.ones(3), seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays(model), strict=True))
    ours.init_(model, {"**": "zeros"}, 0)
    assert not any(each.any() for each in arrays(model))
