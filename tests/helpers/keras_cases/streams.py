"""Seeds and clones: which calls repeat numbers, and which warn of it."""

import copy
import gc
from typing import Any

import keras
import pytest
from keras import layers

import fastinit
import fastinit.keras as ours
from fastinit import repeated_streams
from helpers.keras_cases.registry import (
    again,
    array,
    case,
    once,
    same,
    small_model,
)


@case
def unseeded_calls_never_repeat() -> None:
    shared = ours.HeNormal()
    drawn = [shared((4, 4)), shared((4, 4)), shared.clone()((4, 4)), copy.copy(shared)((4, 4))]
    drawn += [copy.deepcopy(shared)((4, 4)), ours.HeNormal()((4, 4)), again(shared)((4, 4))]
    assert len({array(each).tobytes() for each in drawn}) == len(drawn)


@case
def the_random_seed_of_keras_makes_models_equal() -> None:
    def build() -> Any:
        keras.utils.set_random_seed(3)
        return small_model()

    with ours.accelerate():
        models = build(), build()
    assert same(*models)
    with ours.accelerate():
        assert not same(models[0], small_model())


@case
def seeds_that_repeat_warn_with_a_remedy() -> None:
    initializer = ours.HeNormal(seed=5)
    kept = [initializer((4, 4))]
    with pytest.warns(fastinit.RepeatedStreamWarning, match="init_") as caught:
        kept.append(initializer((4, 2)))
    assert caught[0].filename == __file__
    with pytest.warns(fastinit.RepeatedStreamWarning, match="in use"):
        kept.append(initializer((4, 2)))


@case
def clones_with_a_seed_warn() -> None:
    """The layers of attention have clones of one initializer, so a seed gives them equal values."""
    for seed in (6, keras.random.SeedGenerator(6)):
        repeated_streams.forget()
        layer = layers.MultiHeadAttention(2, 4, kernel_initializer=ours.HeNormal(seed=seed))
        with pytest.warns(fastinit.RepeatedStreamWarning, match="in use") as caught:
            layer.build((None, 5, 8), (None, 5, 8))
        found = [each for each in caught if each.category is fastinit.RepeatedStreamWarning]
        assert found[0].filename == __file__  # and not a line of Keras


@once
def equal_models_one_after_the_other_do_not_warn() -> None:
    for _ in range(2):
        layers.Dense(4, kernel_initializer=ours.HeNormal(seed=8)).build((None, 3))
        gc.collect()  # layers are in cycles of references
