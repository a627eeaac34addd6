"""Keras's own tests, written anew, and comparisons with Keras's own initializers."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import fastinit.keras as ours
from fastinit import repeated_streams
from fastinit.keras.initializer import CLASSES, Random
from helpers.keras_cases.registry import again, array, arrays, case, once, repeating


@case
@repeating()
def random_classes_as_keras_tests_them() -> None:
    for made in (
        lambda seed: ours.RandomNormal(mean=0.0, stddev=1.0, seed=seed),
        lambda seed: ours.RandomUniform(minval=-1.0, maxval=1.0, seed=seed),
        lambda seed: ours.TruncatedNormal(mean=0.0, stddev=1.0, seed=seed),
        lambda seed: ours.VarianceScaling(scale=2.0, mode="fan_out", seed=seed),
        lambda seed: ours.Orthogonal(gain=2.0, seed=seed),
    ):
        initializer = made(1234)
        assert initializer.seed == 1234
        values = array(initializer(shape=(25, 20)))
        assert values.shape == (25, 20)
        assert np.array_equal(values, array(initializer(shape=(25, 20))))
        assert np.array_equal(values, array(again(initializer)((25, 20))))
        generator = made(keras.random.SeedGenerator(1337))
        first, second = array(generator((25, 20))), array(generator((25, 20)))
        assert not np.allclose(first, second)
        assert isinstance(again(generator).seed, keras.random.SeedGenerator)
        unseeded = made(None)
        values = array(unseeded((25, 20)))
        assert not np.allclose(values, array(again(unseeded)((25, 20))))


@case
@repeating()
def moments_as_keras_tests_them() -> None:
    def std(initializer: Any, shape: tuple[int, ...]) -> float:
        return float(array(initializer(shape=shape)).std())

    assert std(ours.RandomNormal(stddev=1.0, seed=1), (250, 200)) == pytest.approx(1, abs=0.02)
    for mode, fan in (("fan_in", 250), ("fan_out", 200), ("fan_avg", 225)):
        scaled = ours.VarianceScaling(scale=2.0, seed=2, mode=mode)
        assert std(scaled, (250, 200)) == pytest.approx((2 / fan) ** 0.5, rel=0.02)
    axes = ours.VarianceScaling(scale=2.0, seed=3, input_axes=[0], output_axes=[1, 2])
    assert std(axes, (32, 40, 16)) == pytest.approx((2 / 32) ** 0.5, rel=0.02)
    plain = ours.VarianceScaling(scale=2.0, seed=4)
    assert std(plain, (32, 40, 16)) == pytest.approx((2 / 1280) ** 0.5, rel=0.02)
    uniform = array(ours.RandomUniform(-1.0, 1.0, seed=5)((50, 50)))
    assert -1 < uniform.min() < -0.99
    assert 0.99 < uniform.max() < 1


@case
def orthogonal_as_keras_tests_it() -> None:
    values = array(ours.Orthogonal(gain=2.0, seed=1234)((5, 5))).astype(np.float64)
    np.testing.assert_allclose(values.T @ values, 4 * np.eye(5), atol=1e-5)
    kernel = array(ours.Orthogonal(seed=1)((3, 3, 4, 8))).reshape(36, 8).astype(np.float64)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(8), atol=1e-5)
    with pytest.raises(ValueError, match="has 1 axis"):
        ours.Orthogonal()((5,))


@case
def constants_as_keras_tests_them() -> None:
    values = np.arange(9, dtype=np.float32).reshape(3, 3)
    assert np.array_equal(array(ours.Constant(value=6.0)(shape=(3, 3))), np.full((3, 3), 6))
    assert np.array_equal(array(ours.Constant(value=values)(shape=(3, 3))), values)
    assert np.array_equal(array(again(ours.Constant(values))((3, 3))), values)
    assert np.array_equal(array(ours.Identity(gain=2.0)(shape=(3, 3))), 2 * np.eye(3))
    with pytest.raises(ValueError, match=r"value has shape \(3, 3\)"):
        ours.Constant(values)((2, 3))


SHARED = {
    name: cls
    for name, cls in CLASSES.items()
    if hasattr(keras.initializers, name) and issubclass(cls, Random)
}


@once
def distributions_are_those_of_keras() -> None:
    """Equal quantiles of 60,000 values, for all fans; the largest differ only by chance."""
    probabilities = np.linspace(0.01, 0.99, 99)
    for name, cls in SHARED.items():
        theirs = getattr(keras.initializers, cls.__name__)
        for shape in ((200, 300), (3, 5, 40, 100)):
            mine = array(cls(seed=11)(shape)).ravel()
            other = array(theirs(seed=12)(shape)).ravel()
            scale = other.std()
            apart = np.abs(np.quantile(mine, probabilities) - np.quantile(other, probabilities))
            assert apart.max() < 0.05 * scale, name
            if name not in ("orthogonal", "random_normal"):
                assert np.abs(mine).max() == pytest.approx(np.abs(other).max(), rel=2e-3), name
            repeated_streams.forget()


@once
def vectors_have_the_fans_of_keras() -> None:
    for name in ("he_uniform", "glorot_uniform", "lecun_uniform"):
        cls = CLASSES[name]
        mine, theirs = cls(seed=1), getattr(keras.initializers, cls.__name__)(seed=1)
        largest = [np.abs(array(each((3000,)))).max() for each in (mine, theirs)]
        assert largest[0] == pytest.approx(largest[1], rel=1e-2)
        repeated_streams.forget()


@case
def attention_gives_its_axes() -> None:
    """Layers tell an initializer that scales by a fan which axes of their kernels are inputs."""
    layer = layers.MultiHeadAttention(8, 64, kernel_initializer=ours.LecunNormal())
    layer.build((None, 10, 32), (None, 10, 32))
    values = array(layer.query_dense.kernel)
    assert values.shape == (32, 8, 64)
    assert values.std() == pytest.approx(32**-0.5, rel=0.03)
    kernels = [array(each.kernel) for each in (layer.query_dense, layer.key_dense)]
    assert not np.array_equal(*kernels)  # though both are clones of one initializer


@once
def the_code_of_tutorials() -> None:
    """It runs with these initializers in the place of Keras's, and trains."""

    def tutorial(initializers: Any) -> Any:
        return keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(64, activation="relu", kernel_initializer=initializers.HeUniform()),
                layers.Dense(
                    64, kernel_initializer=initializers.RandomUniform(minval=-0.1, maxval=0.1)
                ),
                layers.Dense(1, kernel_initializer="glorot_uniform", bias_initializer="zeros"),
            ]
        )

    theirs = tutorial(keras.initializers)
    with ours.accelerate():
        mine = tutorial(ours)
    decorated: Any = ours.accelerate()(lambda: keras.layers.Dense(4).kernel_initializer)
    assert isinstance(decorated(), ours.GlorotUniform)
    assert not isinstance(keras.layers.Dense(4).kernel_initializer, ours.GlorotUniform)
    for a, b in zip(arrays(mine), arrays(theirs), strict=True):
        assert a.dtype == b.dtype
        assert np.abs(a).max() == pytest.approx(np.abs(b).max(), rel=0.1)
    mine.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    first, *_, last = mine.fit(x, x[:, :1], epochs=4, verbose=0).history["loss"]
    assert last < first
