"""Draws inside of a program that JAX traces: a call of native code, or of Python.

The words of the key are an operand, so that one program draws for any key. Where XLA divides the
result among devices, each device draws its own part: it reads where the part begins from arrays of
indices, one per axis, that are divided as the axes are.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jax.experimental.custom_partitioning import custom_partitioning

from fastinit.jax import targets
from fastinit.jax.drawing import Drawing
from fastinit.jax.targets import NATIVE_TARGET, PYTHON_TARGET, description_of, size_of_tables
from fastinit.native.box import c_strides
from fastinit.native.request import REQUEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Drawn = Callable[..., Any]


def draw_staged(drawing: Drawing, words: Any, out_sharding: Any = None) -> Any:
    """Draw by the words of a key, which may be traced."""
    draw = _of_batch(drawing, ())
    if out_sharding is None:
        return draw(words)
    if jax.sharding.AxisType.Explicit in jax.sharding.get_abstract_mesh().axis_types:
        return jax.sharding.auto_axes(draw, out_sharding=out_sharding)(words)
    return jax.lax.with_sharding_constraint(draw(words), out_sharding)


@functools.lru_cache(maxsize=1024)
def _of_batch(drawing: Drawing, batch: tuple[int, ...]) -> _Drawn:
    """Return the function of the words of a batch of keys."""

    @custom_vmap  # type: ignore[untyped-decorator]
    def drawn(words: Any) -> Any:
        if 0 in drawing.shape:
            return jnp.zeros((*batch, *drawing.shape), drawing.dtype)
        by_callback = functools.partial(_by_callback, drawing)
        divided = {
            platform: _divided(functools.partial(call, drawing), drawing.shape, len(batch))
            for platform, call in _calls(drawing).items()
        }
        if not divided:
            return by_callback(words)
        return jax.lax.platform_dependent(words, **divided, default=by_callback)

    @drawn.def_vmap  # type: ignore[untyped-decorator]
    def _(size: int, _: list[bool], words: Any) -> tuple[Any, bool]:
        return _of_batch(drawing, (size, *batch))(words), True

    function: _Drawn = drawn
    return function


def _calls(drawing: Drawing) -> dict[str, _Drawn]:
    """Return the function that draws a part on each platform that has one."""
    calls: dict[str, _Drawn] = {}
    is_described = description_of(drawing) is not None
    if drawing.is_uniform:
        calls["cpu"] = _by_native_code
    elif is_described:
        calls["cpu"] = _by_python
    # There the key is not known to the host, and arithmetic would need CuPy.
    if drawing.has_fills_alone:
        calls["cuda"] = _by_kernels
    elif is_described and not drawing.has_operations:
        calls["cuda"] = _by_python
    return {platform: calls[platform] for platform in targets.registered() & calls.keys()}


def _by_callback(drawing: Drawing, words: Any) -> Any:
    """Draw the whole by a callback of JAX, for every key of a batch."""

    def draw(words: Any) -> Any:
        keys = np.asarray(words).reshape(-1, words.shape[-1])
        drawn = [drawing.draw(each) for each in keys]
        return drawn[0] if words.ndim == 1 else np.reshape(drawn, result.shape)

    result = jax.ShapeDtypeStruct((*words.shape[:-1], *drawing.shape), drawing.dtype)
    return jax.pure_callback(draw, result, words)


def _divided(call: _Drawn, shape: tuple[int, ...], batch_rank: int) -> _Drawn:
    """Return a call that XLA divides as its result, along batches and axes."""
    batches = [f"batch{k}" for k in range(batch_rank)]
    axes = [f"axis{k}" for k in range(len(shape))]
    operands = ", ".join([" ".join([*batches, "word"]), *axes])
    divided = custom_partitioning(call)

    def part_of_a_device(*operands: Any) -> Any:
        # On a mesh whose axes are explicit, JAX 0.11 and later would divide the part again.
        with jax.sharding.use_abstract_mesh(jax.sharding.AbstractMesh((), ())):
            return call(*operands)

    def partition(mesh: Any, given: Any, result: Any) -> Any:
        return mesh, part_of_a_device, result.sharding, tuple(each.sharding for each in given)

    divided.def_partition(
        partition,
        sharding_rule=f"{operands} -> {' '.join(batches + axes)}",
        need_replication_factors=("word",),
    )

    def drawn(words: Any) -> Any:
        # The partitioner before Shardy asks for more than the rule, and ends the process.
        function = divided if jax.config.jax_use_shardy_partitioner else call
        return function(words, *(jax.lax.iota(np.int32, size) for size in shape))

    return drawn


def _by_native_code(drawing: Drawing, words: Any, *indices: Any) -> Any:
    """Draw the part that the indices name, for every key of a batch."""
    extents = tuple(map(len, indices))
    call = jax.ffi.ffi_call(NATIVE_TARGET, _part(drawing, words, extents))
    return call(words, _starts(indices), **_requests(drawing, extents))


def _by_kernels(drawing: Drawing, words: Any, *indices: Any) -> Any:
    """Draw the same on a GPU, which reads the key, in memory that XLA gives for the tables."""
    extents = tuple(map(len, indices))
    options = _requests(drawing, extents)
    count = options["requests"].nbytes // REQUEST.itemsize
    size = size_of_tables(count, math.prod(words.shape[:-1]))
    results = (_part(drawing, words, extents), jax.ShapeDtypeStruct((size,), np.uint8))
    return jax.ffi.ffi_call(NATIVE_TARGET, results)(words, _starts(indices), **options)[0]


def _by_python(drawing: Drawing, words: Any, *indices: Any) -> Any:
    """Draw the same by requests of Python, which may depend on the seed and the part."""
    call = jax.ffi.ffi_call(PYTHON_TARGET, _part(drawing, words, tuple(map(len, indices))))
    return call(words, _starts(indices), drawing=description_of(drawing))


def _requests(drawing: Drawing, extents: tuple[int, ...]) -> dict[str, NDArray[np.int64]]:
    """Return the requests of a part, and how far a step along each axis of the whole leads."""
    strides = np.array(c_strides(drawing.shape), np.int64)
    return {"requests": drawing.packed(extents), "strides": strides}


def _part(drawing: Drawing, words: Any, extents: tuple[int, ...]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((*words.shape[:-1], *extents), drawing.dtype)


def _starts(indices: tuple[Any, ...]) -> Any:
    first = [each[:1] for each in indices]
    return jnp.concatenate(first) if first else jnp.zeros(0, np.int32)
