"""The base of JAX's initializers: objects that are called with a key and a shape."""

from __future__ import annotations

import abc
import functools
from typing import Any

import jax
import numpy as np

from fastinit import initializers
from fastinit.jax.drawing import Drawing, drawing_of
from fastinit.jax.dtypes import dtype_meant
from fastinit.jax.keys import stream_of, words_of
from fastinit.jax.sharding import draw_sharded, sharding_meant
from fastinit.jax.staged import draw_staged
from fastinit.native.box import Shape, shape_of
from fastinit.other_frameworks import explained


class Initializer(abc.ABC):
    """An initializer as ``jax.nn.initializers.Initializer`` describes it; equal ones draw the same.

    Called eagerly, it fills the memory that the array then has. Traced by ``jax.jit``,
    ``jax.vmap``, ``jax.lax.scan`` and the like, it puts a call into the program.
    """

    @property
    @abc.abstractmethod
    def dtype(self) -> Any:
        """The dtype of calls that give none."""

    @abc.abstractmethod
    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the initializer of NumPy's arrays that draws the same for a shape.

        Raises:
            ValueError: the initializer does not fit the shape.
        """

    def drawing(self, shape: Shape, dtype: Any = None) -> Drawing:
        """Return what is drawn for a shape."""
        meant = dtype_meant(self.dtype if dtype is None else dtype)
        sizes = shape_of(shape)
        return drawing_of(_resolved(self, sizes), sizes, meant)

    @explained("jax")
    def __call__(
        self, key: Any, shape: Shape, dtype: Any = None, out_sharding: Any = None
    ) -> jax.Array:
        """Draw an array.

        Args:
            key: one key of any implementation, typed or raw.
            shape: the array's.
            dtype: None for that of the initializer, else JAX's default float.
            out_sharding: a ``NamedSharding``, or the ``PartitionSpec`` of one on the current mesh:
                each device draws its own part.

        Raises:
            TypeError: ``key`` is not a key.
            ValueError: the initializer does not fit the shape or the dtype.
        """
        drawing = self.drawing(shape, dtype)
        words = words_of(key)
        if isinstance(words, jax.core.Tracer) or len(words.sharding.device_set) > 1:
            return draw_staged(drawing, words, out_sharding)
        given = np.asarray(words)
        if out_sharding is not None:
            return draw_sharded(drawing, stream_of(given), sharding_meant(out_sharding))
        return jax.device_put(drawing.draw(given), words.sharding if words.committed else None)


@functools.lru_cache(maxsize=1024)
def _resolved(initializer: Initializer, shape: tuple[int, ...]) -> initializers.Initializer:
    return initializer.resolve(shape)
