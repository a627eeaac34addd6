"""Models that are built with strings, saved, loaded and cloned."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

import fastinit.keras as ours
from helpers.keras_cases.registry import array, case, same, small_model


@case
def accelerate_changes_strings_only() -> None:
    with ours.accelerate():
        model = small_model(kernel_initializer="he_uniform")
        kept = layers.Dense(3, kernel_initializer=keras.initializers.HeNormal())
        again_in_scope = layers.Dense.from_config(kept.get_config())
        aliases = [keras.initializers.get(name) for name in ("normal", "uniform", "zero", "one")]
    classes = [type(each) for each in aliases]
    assert classes == [ours.RandomNormal, ours.RandomUniform, ours.Zeros, ours.Ones]
    assert isinstance(model.layers[-2].kernel_initializer, ours.HeUniform)
    assert isinstance(model.layers[-1].kernel_initializer, ours.GlorotUniform)
    for layer in (kept, again_in_scope):
        assert type(layer.kernel_initializer) is keras.initializers.HeNormal
    outside = layers.Dense(3).kernel_initializer
    assert type(outside) is keras.initializers.GlorotUniform


@case
def models_are_saved_and_loaded() -> None:
    with ours.accelerate():
        model = small_model(kernel_initializer=ours.Sparse(0.5, base=ours.HeNormal()))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.keras")
        model.save(path)
        loaded = keras.models.load_model(path)
        assert same(model, loaded)
        weights = str(Path(folder) / "model.weights.h5")
        model.save_weights(weights)
        other = small_model()
        other.load_weights(weights)
        assert same(model, other)
    assert repr(loaded.layers[-2].kernel_initializer) == repr(model.layers[-2].kernel_initializer)
    cloned = keras.models.clone_model(model)
    assert isinstance(cloned.layers[-1].kernel_initializer, ours.GlorotUniform)
    assert not np.array_equal(array(cloned.layers[-1].kernel), array(model.layers[-1].kernel))
