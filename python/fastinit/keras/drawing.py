"""Drawing in the tensors of Keras's backend."""

from __future__ import annotations

import sys
from typing import Any

import keras
import numpy as np

from fastinit import streams
from fastinit.initializers import Initializer
from fastinit.native.box import Index
from fastinit.native.dtypes import dtype_of
from fastinit.streams import NamedStream

Stream = NamedStream | Any
"""One stream, or the state of a ``SeedGenerator`` that JAX traces."""


def draw(
    initializer: Initializer, shape: tuple[int, ...], dtype: str, layout: Any, stream: Stream
) -> Any:
    """Return a new tensor of Keras's backend.

    Args:
        initializer: The initializer to draw from.
        shape: The shape of the whole tensor.
        dtype: A dtype as Keras names it.
        layout: A ``keras.distribution.TensorLayout`` or a sharding of JAX, or None.
        stream: The stream of the random numbers.
    """
    backend = keras.backend.backend()
    if layout is not None and backend != "jax":
        raise ValueError(
            f"layout={layout!r} is for the JAX backend, and this one is {backend!r}; leave layout "
            "out"
        )
    if backend == "torch":
        return _in_torch(initializer, shape, dtype, stream)
    if layout is not None:
        return _sharded(initializer, shape, dtype, layout, stream)
    if backend == "jax" and _is_traced():
        return _at_run_time(initializer, shape, dtype, stream)
    return as_tensor(initializer(shape, seed=stream, dtype=dtype), dtype)


def as_tensor(array: Any, dtype: str) -> Any:
    """Return an array as a tensor of Keras's backend."""
    if array.dtype.isbuiltin != 1 and keras.backend.backend() != "jax":
        array = array.astype(np.float32)  # exact; not all backends know the narrow dtypes of NumPy
    return keras.ops.convert_to_tensor(array, dtype=dtype)


def named_stream(state: Any) -> NamedStream:
    """Return the stream of the state of a ``SeedGenerator``: its seed, and how often it was used.

    The first one is the stream that the seed has without a name, as for Keras's own initializers.
    """
    seed, count = (int(each) & 0xFFFFFFFF for each in keras.ops.convert_to_numpy(state))
    return NamedStream(seed, count)


def is_tracer(tensor: Any) -> bool:
    """Return whether JAX traces a tensor, so that it has no values yet."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(tensor, jax.core.Tracer)


def _in_torch(
    initializer: Initializer, shape: tuple[int, ...], dtype: str, stream: NamedStream
) -> Any:
    from fastinit.torch.memory.batch import FillBatch  # only where torch is the backend

    tensor = keras.ops.empty(shape, dtype=dtype)  # on the device of Keras's scope
    if tensor.is_meta or 0 in shape:
        return tensor
    batch = FillBatch()
    templates = initializer.templates(shape, dtype_of(tensor.dtype))
    batch.add(tensor, templates, streams.resolve(stream, None))
    batch.run()
    return tensor


def _is_traced() -> bool:
    """Return whether JAX traces the caller: whatever is computed then is traced, too."""
    return is_tracer(keras.ops.zeros(()))


def _at_run_time(
    initializer: Initializer, shape: tuple[int, ...], dtype: str, stream: Stream
) -> Any:
    """Return a tensor of the program that JAX traces, which is drawn when the program runs.

    Keras traces layers for their shapes alone, and nothing is drawn then.
    """
    import jax
    import jax.numpy as jnp

    from fastinit.jax.drawing import drawing_of  # only where JAX is the backend
    from fastinit.jax.staged import draw_staged

    kind = jax.dtypes.canonicalize_dtype(dtype_of(dtype))
    if isinstance(stream, NamedStream):
        words = np.array(streams.resolve(stream, None), ">u8").view(">u4").astype(np.uint32)
    else:
        seed, count = stream
        words = jnp.stack([0 * seed, seed, 0 * count, count]).astype(jnp.uint32)
    return draw_staged(drawing_of(initializer, shape, kind), jnp.asarray(words))


def _sharded(
    initializer: Initializer, shape: tuple[int, ...], dtype: str, layout: Any, stream: NamedStream
) -> Any:
    """Return an array of JAX of which each device draws its own part."""
    import jax

    kind = jax.dtypes.canonicalize_dtype(dtype_of(dtype))

    def part(index: Index) -> Any:
        return initializer(shape, seed=stream, dtype=kind, index=index)

    return jax.make_array_from_callback(shape, sharding_of(layout), part)


def sharding_of(layout: Any) -> Any:
    """Return the sharding of a layout, over the devices of the mesh that is in use."""
    import jax

    sharding = getattr(layout, "backend_layout", layout)  # a TensorLayout of Keras has one
    mesh = getattr(sharding, "mesh", None)
    if not isinstance(mesh, jax.sharding.AbstractMesh):
        return sharding
    devices = jax.sharding.get_mesh().devices  # Keras sets it around the call
    concrete = jax.sharding.Mesh(devices, mesh.axis_names, axis_types=mesh.axis_types)
    return jax.sharding.NamedSharding(concrete, sharding.spec)
