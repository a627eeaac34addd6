"""``accelerate`` and ``get``: Keras's names of initializers mean those of this package."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from fastinit.keras.initializer import CLASSES, Initializer

_ALIASES = {
    "IdentityInitializer": "identity",
    "OrthogonalInitializer": "orthogonal",
    "normal": "random_normal",
    "one": "ones",
    "uniform": "random_uniform",
    "zero": "zeros",
}


@contextlib.contextmanager
def accelerate() -> Iterator[None]:
    """A context, or decorator, in which Keras's names of initializers mean those of this package.

    It is for code that names them by strings, as all layers do by default
    (``kernel_initializer="glorot_uniform"``), so a model that is built in the context is drawn by
    fastinit. Objects such as ``keras.initializers.HeNormal()`` stay Keras's, as do names in a
    config that was saved. The layers keep the initializers, so a file of the model needs
    ``import fastinit.keras`` when it is loaded.

    ``keras.utils.set_random_seed`` makes the weights reproducible, as without the context.

    Like all scopes of Keras (``keras.saving.custom_object_scope``), it holds in its thread, and
    hides the custom objects of a scope around it.

    Example:
        >>> import fastinit.keras, keras
        >>> with fastinit.keras.accelerate():
        ...     layer = keras.layers.Dense(4, kernel_initializer="he_uniform")
        >>> layer.kernel_initializer
        HeUniform()
    """
    with keras.saving.custom_object_scope(by_names_of_keras()):
        yield


def get(identifier: Any) -> Any:
    """Return an initializer as ``keras.initializers.get`` does; its names mean this package's.

    Args:
        identifier: A name, a config, an initializer, a class of one, a function, an array, or None.

    Raises:
        ValueError: It is none of these, or the name is not known.

    Example:
        >>> import fastinit.keras
        >>> fastinit.keras.get("he_uniform")
        HeUniform()
    """
    found = by_names_of_keras().get(identifier) if isinstance(identifier, str) else None
    return keras.initializers.get(identifier) if found is None else found()


def by_names_of_keras() -> dict[str, type[Initializer]]:
    """Return the classes of this package by all names that Keras has for its own."""
    ours = {name: cls for name, cls in CLASSES.items() if hasattr(keras.initializers, name)}
    by_class = {cls.__name__: cls for cls in ours.values()}
    return ours | by_class | {alias: CLASSES[name] for alias, name in _ALIASES.items()}
