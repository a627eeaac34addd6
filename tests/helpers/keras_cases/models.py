"""Whole models: the names of weights, and what ``init_`` draws and keeps."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import fastinit
import fastinit.keras as ours
from fastinit.keras.variables import weights_of
from helpers.bits import check_bits
from helpers.keras_cases.registry import array, arrays, case, once, same, small_model


@once
def names_depend_on_the_model_alone() -> None:
    """Other models of the process, which count Keras's automatic names on, change nothing."""
    names = [[each.name for each in weights_of(small_model())] for _ in range(2)]
    assert names[0] == names[1]
    assert names[0][:2] == ["lstm/lstm_cell/kernel", "lstm/lstm_cell/recurrent_kernel"]
    assert names[0][-4:] == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
    model = keras.Sequential([layers.Bidirectional(layers.LSTM(2)), layers.Dense(2, name="dense")])
    model.build((None, 3, 4))
    expected = ["bidirectional/forward_lstm/lstm_cell/kernel", "dense/bias"]
    found = [each.name for each in weights_of(model)]
    assert [found[0], found[-1]] == expected


@once
def names_of_shared_and_nested_layers() -> None:
    shared = layers.Dense(8)
    inputs = keras.Input((8,))
    inner = keras.Sequential([keras.Input((8,)), layers.Dense(8), layers.Dense(8)], name="inner")
    model = keras.Model(inputs, inner(shared(shared(inputs))))
    found = {each.name: each.variable for each in weights_of(model)}
    kernels = ["dense/kernel", "inner/dense/kernel", "inner/dense_1/kernel"]
    assert [name for name in found if name.endswith("kernel")] == kernels
    assert len(found) == len(model.weights)
    assert found["dense/kernel"] is shared.kernel


@case
def init_draws_by_name() -> None:
    """One digest for the tree that NumPy draws and the weights of the model."""
    models = small_model(), small_model()
    for model in models:
        assert ours.init_(model, seed=7) is model
    assert same(*models)
    drawn = ours.plan(models[0], seed=7).init()
    for each in weights_of(models[0]):
        assert fastinit.digest(array(each.variable)) == fastinit.digest(drawn[each.name])
    expected = fastinit.glorot_uniform((4, 4), layout="*io", seed=7, name="dense_1/kernel")
    check_bits(drawn["dense_1/kernel"], expected)
    assert not same(ours.init_(small_model(), seed=8), models[0])


@once
def init_draws_what_layers_draw() -> None:
    """Constants are equal, and random values have the spread that the layers give them."""
    for name, (layer, shape) in LAYERS.items():
        model = keras.Sequential([layer()])
        model.build(shape)
        before = arrays(model)
        for variable in model.weights:
            variable.assign(keras.ops.full(variable.shape, 3, variable.dtype))
        ours.init_(model, seed=1)
        for each, start in zip(weights_of(model), before, strict=True):
            now = array(each.variable)
            if np.unique(start).size <= 2:
                assert np.array_equal(now, start), (name, each.name)
                continue
            allowed = 5 / np.sqrt(now.size)
            assert now.std() == pytest.approx(start.std(), rel=allowed), (name, each.name)
            assert not np.array_equal(now, start)


IMAGE, SEQUENCE = (None, 8, 8, 16), (None, 6, 32)
LAYERS: dict[str, tuple[Callable[[], Any], tuple[int | None, ...]]] = {
    "BatchNormalization": (layers.BatchNormalization, (None, 4)),
    "Conv1D": (lambda: layers.Conv1D(16, 3), SEQUENCE),
    "Conv2D": (lambda: layers.Conv2D(16, 3, kernel_initializer="he_normal"), IMAGE),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(16, 3), IMAGE),
    "ConvLSTM2D": (lambda: layers.ConvLSTM2D(8, 3), (None, 3, 8, 8, 4)),
    "Dense": (lambda: layers.Dense(32, kernel_initializer="lecun_normal"), (None, 16)),
    "DepthwiseConv2D": (lambda: layers.DepthwiseConv2D(5, depth_multiplier=2), IMAGE),
    "EinsumDense": (lambda: layers.EinsumDense("abc,cde->abde", (None, 8, 4)), SEQUENCE),
    "Embedding": (lambda: layers.Embedding(50, 16), (None, 6)),
    "GRU": (lambda: layers.GRU(16), SEQUENCE),
    "GroupNormalization": (lambda: layers.GroupNormalization(4), IMAGE),
    "LSTM": (lambda: layers.LSTM(16), SEQUENCE),
    "LSTM without": (lambda: layers.LSTM(16, unit_forget_bias=False), SEQUENCE),
    "LayerNormalization": (layers.LayerNormalization, (None, 4)),
    "PReLU": (layers.PReLU, (None, 4)),
    "RMSNormalization": (layers.RMSNormalization, (None, 4)),
    "SeparableConv2D": (lambda: layers.SeparableConv2D(16, 3), IMAGE),
    "SimpleRNN": (lambda: layers.SimpleRNN(16), SEQUENCE),
}


@once
def init_draws_the_vector_of_a_spectral_norm() -> None:
    """Building the layer changes its weights already, so they cannot be compared."""
    model = keras.Sequential([layers.SpectralNormalization(layers.Dense(64))])
    model.build((None, 32))
    drawn = ours.plan(model, seed=0)["spectral_normalization/vector_u"].initializer
    assert drawn == fastinit.TruncatedNormal(std=0.02)


@case
def statistics_that_layers_learned_stay() -> None:
    statistics = layers.Normalization()
    statistics.adapt(np.random.default_rng(0).normal(3, 2, (100, 4)))
    model = keras.Sequential([keras.Input((4,)), statistics, layers.Dense(2)])
    before = array(statistics.adapt_mean)
    ours.init_(model, seed=0)
    ours.init_(model, "he_normal", 0)
    check_bits(array(statistics.adapt_mean), before)
