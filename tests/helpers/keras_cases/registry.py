"""Cases by name, how they are run, and what several of them need."""

import json
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers

import fastinit
from fastinit import repeated_streams

Case = Callable[[], None]
CASES: dict[str, Case] = {}
ONCE: dict[str, Case] = {}
"""Cases for one backend, since they compare with Keras at length, or depend on no backend."""


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def once(function: Case) -> Case:
    ONCE[function.__name__] = function
    return function


def array(tensor: Any) -> Any:
    return np.array(keras.ops.convert_to_numpy(tensor))  # a copy


def arrays(model: Any) -> list[Any]:
    return [array(each) for each in model.weights]


def same(model: Any, other: Any) -> bool:
    pairs = zip(arrays(model), arrays(other), strict=True)
    return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


@contextmanager
def repeating() -> Iterator[None]:
    """Seeds may repeat here, as in Keras's own tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastinit.RepeatedStreamWarning)
        yield


def again(initializer: Any) -> Any:
    """What Keras makes of an initializer's config after JSON."""
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(initializer)))
    return keras.saving.deserialize_keras_object(config)


def small_model(**options: Any) -> Any:
    """A model without names of its own, whose layers have Keras's defaults."""
    return keras.Sequential(
        [
            keras.Input((5, 8)),
            layers.LSTM(6, return_sequences=True),
            layers.EinsumDense("abc,cde->abde", (None, 2, 3)),
            layers.Reshape((5, 6)),
            layers.BatchNormalization(),
            layers.Dense(4, **options),
            layers.Dense(4),
        ]
    )


def failures(names: Iterable[str]) -> dict[str, str]:
    """The cases that fail, with their tracebacks."""
    found = {}
    for name in names:
        repeated_streams.forget()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", fastinit.RepeatedStreamWarning)
                warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
                (CASES | ONCE)[name]()
        except Exception:
            found[name] = traceback.format_exc()
    return found
