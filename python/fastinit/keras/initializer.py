"""The base of all initializers for Keras: calls, configs, names and seeds."""

from __future__ import annotations

import abc
import inspect
import random
from pathlib import Path
from typing import Any

import keras

from fastinit import callers, initializers, repeated_streams
from fastinit.checks import shown
from fastinit.initializers.distributions.presets import PRESETS
from fastinit.initializers.named import function_name
from fastinit.keras import drawing
from fastinit.native.box import Shape, shape_of
from fastinit.other_frameworks import explained
from fastinit.streams import NamedStream, Stream

SeedLike = int | Any
"""An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None."""

CLASSES: dict[str, type[Initializer]] = {}
"""The classes of this package by the names of their functions: "he_normal"."""

_PACKAGE = "fastinit"
_FIXED = NamedStream(0, 0)  # what draws no numbers has the same stream as any
_REMEDY = (
    "leave seed= out and call keras.utils.set_random_seed({seed}) first, pass a "
    "keras.random.SeedGenerator, or call fastinit.keras.init_(model, seed={seed}) once the model "
    "is built"
)

callers.pass_over(str(Path(keras.__file__).parent))


class Initializer(keras.initializers.Initializer, abc.ABC):
    """An initializer of Keras whose values are those of an initializer of fastinit."""

    def __init_subclass__(cls, *, is_base: bool = False) -> None:
        """Register a class with Keras, by its own name and by that of its function.

        A class of the user's is not registered, as its name may be that of one of these.
        """
        super().__init_subclass__()
        if is_base or cls.__module__.partition(".")[0] != _PACKAGE:
            return
        keras.saving.register_keras_serializable(_PACKAGE)(cls)
        name = function_name(cls.__name__)
        keras.saving.get_custom_objects()[f"{_PACKAGE}>{name}"] = cls
        CLASSES[name] = cls

    @abc.abstractmethod
    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the initializer of fastinit that draws a tensor of this shape.

        Example:
            >>> import fastinit.keras
            >>> fastinit.keras.HeNormal().resolve((3, 3, 16, 32))
            HeNormal(truncated=True, layout='*io')
        """

    @explained("keras")
    def __call__(self, shape: Shape, dtype: Any = None, layout: Any = None) -> Any:
        """Draw a tensor of Keras's backend.

        Args:
            shape: The shape of the whole tensor.
            dtype: The dtype of the tensor; None means ``keras.config.floatx()``.
            layout: A ``keras.distribution.TensorLayout`` or a sharding of JAX, on the JAX backend:
                each device draws its own part.
        """
        sizes = shape_of(shape)
        initializer = self.resolve(sizes)
        kind = keras.backend.standardize_dtype(dtype)
        stream = self._next() if initializer.is_random else _FIXED
        tensor = drawing.draw(initializer, sizes, kind, layout, stream)
        if initializer.is_random:
            self._note(initializer, sizes, stream, tensor)
        return tensor

    def _next(self) -> drawing.Stream:
        """Return the stream of the next call."""
        return _FIXED

    def _note(
        self,
        initializer: initializers.Initializer,
        shape: tuple[int, ...],
        stream: drawing.Stream,
        tensor: Any,
    ) -> None:
        """Warn if the numbers of a seed are in use already."""
        if not isinstance(stream, NamedStream) or stream.name != 0 or drawing.is_tracer(tensor):
            return
        if getattr(tensor, "is_meta", False):
            return
        repeated_streams.note(
            stream.seed,
            None,
            tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor,
            initializer,
            shape,
            is_new=False,
            remedy=_REMEDY.format(seed=stream.seed),
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the class by name, as data that JSON can hold.

        Example:
            >>> import fastinit.keras
            >>> fastinit.keras.RandomNormal(stddev=0.02).get_config()
            {'mean': 0.0, 'stddev': 0.02, 'seed': None}
        """
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: _serialized(getattr(self, name)) for name in names}

    def __repr__(self) -> str:
        parameters = list(inspect.signature(type(self).__init__).parameters.values())[1:]
        given = [(each, getattr(self, each.name)) for each in parameters]
        changed = [
            f"{each.name}={value!r}" for each, value in given if repr(value) != repr(each.default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


class Random(Initializer, is_base=True):
    """An initializer that takes a seed.

    Without one, each initializer has a seed of its own from Python's ``random``, which
    ``keras.utils.set_random_seed`` sets, and each call draws other numbers.
    """

    seed: SeedLike | None

    def __init__(self, seed: SeedLike | None = None) -> None:
        if isinstance(seed, dict):  # of a config
            seed = keras.saving.deserialize_keras_object(seed)
        if isinstance(seed, keras.random.SeedGenerator):
            self._stream = None
        elif seed is None:
            self._stream = Stream(random.getrandbits(64))
        elif isinstance(seed, (Stream, NamedStream)):
            raise TypeError(
                f"seed={seed!r} cannot be saved with a model; pass an integer, or name the streams "
                "with fastinit.keras.init_"
            )
        else:
            self._stream = None
            seed = Stream(seed).seed  # which checks it
        self.seed = seed

    def _next(self) -> drawing.Stream:
        if self._stream is not None:
            return self._stream.at(None)
        if isinstance(self.seed, int):
            return NamedStream(self.seed, 0)
        generator: Any = self.seed
        state = generator.next()
        return state if drawing.is_tracer(state) else drawing.named_stream(state)

    def __copy__(self) -> Random:
        return self.clone()

    def __deepcopy__(self, _: Any) -> Random:
        return self.clone()

    def clone(self) -> Random:
        """Return an initializer with the same arguments; without a seed, it draws other numbers.

        Example:
            >>> import fastinit.keras
            >>> fastinit.keras.HeNormal(seed=7).clone()
            HeNormal(seed=7)
        """
        return type(self).from_config(self.get_config())  # type: ignore[no-any-return]


def _serialized(value: Any) -> Any:
    if isinstance(value, initializers.Initializer):
        return value.to_dict()
    return keras.saving.serialize_keras_object(value)


def _class_of(name: Any) -> type[Initializer] | None:
    """Return the class of a name: "he_normal", "HeNormal", "fastinit>HeNormal"."""
    if not isinstance(name, str):
        return None
    plain = function_name(name.removeprefix(f"{_PACKAGE}>"))
    row = PRESETS.get(plain)
    return CLASSES.get(plain if row is None else function_name(row.__name__))


def is_known(name: Any) -> bool:
    """Return whether something is the name of a class of this package."""
    return _class_of(name) is not None


def made(given: Any, what: str) -> Initializer:
    """Return the initializer of this package that an object stands for.

    Args:
        given: An initializer of this package, its config, its name ("he_normal", "HeNormal"), or an
            initializer of Keras that this package has, too.
        what: The argument that holds it, for the error.

    Raises:
        TypeError: It is none of these.
        ValueError: The name is not known.
    """
    if isinstance(given, dict):
        given = keras.saving.deserialize_keras_object(given)
    if isinstance(given, Initializer):
        return given
    if isinstance(given, str):
        found = _class_of(given)
        if found is None:
            raise ValueError(
                f"{what}={shown(given)} is not known; use one of {', '.join(CLASSES)}, or an "
                "initializer of fastinit.keras"
            )
        return found()
    kind = type(given)
    own = CLASSES.get(function_name(kind.__name__))
    if kind.__module__.partition(".")[0] == "keras" and own is not None:
        config = given.get_config()
        return own.from_config({key: config[key] for key in config if key != "seed"})  # type: ignore[no-any-return]
    raise TypeError(
        f"{what}={shown(given)} is a {kind.__name__}; pass an initializer of fastinit.keras, or a "
        "name such as 'he_normal'"
    )
