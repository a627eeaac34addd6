"""Recipes for models of Keras: activations and branches from the graph, differences."""

from typing import Any

import keras
import numpy as np
from keras import layers

import fastinit
import fastinit.keras as ours
from helpers.keras_cases.registry import array, once


class Block(layers.Layer):  # type: ignore[misc]
    """A block of a transformer, as code."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention = layers.LayerNormalization(), layers.MultiHeadAttention(2, 8)
        self.norm2 = layers.LayerNormalization()
        self.up, self.down = layers.Dense(64, "gelu"), layers.Dense(16)

    def call(self, x: Any) -> Any:
        y = self.norm(x)
        x = x + self.attention(y, y)
        return x + self.down(self.up(self.norm2(x)))


class Model(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.blocks = layers.Embedding(32, 16), [Block() for _ in range(2)]
        self.head = layers.Dense(32)

    def call(self, x: Any) -> Any:
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


@once
def recipes_of_models_that_are_code() -> None:
    """Layers are called with symbols, and have no more calls than before."""
    model = Model()
    model(np.zeros((2, 6), np.int32))
    calls = len(model.head._inbound_nodes)
    found = ours.recommend_recipe(model)
    assert len(model.head._inbound_nodes) == calls
    rows = {row.name: row for row in found.rows}
    assert (found.case.architecture, found.case.depth) == ("transformer", 2)
    assert rows["embedding/embeddings"].layer == "embedding"
    assert rows["block_1/dense_1/kernel"].layer == "residual_output"
    assert rows["block_1/multi_head_attention/attention_output/kernel"].layer == "residual_output"
    query = rows["block/multi_head_attention/query/kernel"].std
    assert query is not None
    assert np.isclose(query, (2 / 16) ** 0.5)
    ours.init_(model, seed=0, recipe=found.recipe)
    assert ours.recommend_recipe(model).differences() == []


@once
def recipes_of_functional_models() -> None:
    """The last normalization of a branch has its own scale, and shortcuts have none."""
    given = keras.Input((6, 6, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(given)
    for k in range(4):
        y = layers.Conv2D(8, 3, padding="same", name=f"one{k}")(x)
        y = layers.ReLU()(layers.BatchNormalization(name=f"norm{k}")(y))
        y = layers.BatchNormalization(name=f"last{k}")(layers.Conv2D(8, 3, padding="same")(y))
        x = layers.Activation("relu")(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(given, layers.Dense(5, activation="softmax", name="head")(x))
    found = fastinit.recommend_recipe(model)  # which hands it to the adapter to Keras
    assert found.to_dict() == ours.recommend_recipe(model).to_dict()
    rows = {row.name: row for row in found.rows}
    assert rows["last2/gamma"].initializer == fastinit.Constant(0.25)
    assert rows["norm2/gamma"].initializer == fastinit.Constant(1)
    assert rows["head/kernel"].layer == "output"
    assert rows["one1/kernel"].activation == "relu"


@once
def activations_of_layers() -> None:
    kinds: list[tuple[Any, str, float | None]] = [
        (layers.Dense(8, "silu"), "silu", None),
        (layers.Dense(8, keras.ops.tanh), "tanh", None),
        (layers.Dense(8, lambda x: keras.ops.maximum(x, 0.3)), "<lambda>", None),
    ]
    for layer, expected, _ in kinds:
        model = keras.Sequential([keras.Input((4,)), layer, layers.Dense(2)])
        name = ours.recommend_recipe(model).rows[0].activation
        assert name is not None
        assert expected in name
    after: list[tuple[Any, str]] = [
        (layers.LeakyReLU(negative_slope=0.3), "leaky_relu"),
        (layers.Activation("gelu"), "gelu"),
        (layers.ELU(0.5), "elu"),
        (layers.PReLU(), "prelu"),
    ]
    for layer, expected in after:
        model = keras.Sequential([keras.Input((4,)), layers.Dense(8), layer, layers.Dense(2)])
        found = ours.recommend_recipe(model)
        assert found.rows[0].activation == expected
        assert found.unknown == ()
    ours.init_(model, found.recipe, 0)
    assert array(model.layers[1].alpha).min() == 0.25  # the learned slope
    convolutions = keras.Sequential(
        [
            keras.Input((2, 4, 4, 3)),
            layers.ConvLSTM2D(4, 2),
            layers.SeparableConv2D(4, 2),
            layers.Flatten(),
            layers.SpectralNormalization(layers.Dense(3)),
        ]
    )
    found = ours.recommend_recipe(convolutions)
    assert found.unknown == ()
    ours.init_(convolutions, found.recipe, 0)
    drawn = ours.plan(convolutions, found.recipe, 0)["spectral_normalization/vector_u"].initializer
    assert drawn == fastinit.TruncatedNormal(std=0.02)
    recurrent = keras.Sequential([keras.Input((5, 4)), layers.LSTM(8), layers.Dense(3)])
    rows = {row.layer: row for row in ours.recommend_recipe(recurrent).rows}
    gates = (fastinit.Orthogonal(layout="*io"),) * 4
    assert rows["recurrent"].initializer == fastinit.Split(gates, axis=1)
    assert "forget_bias" in rows
