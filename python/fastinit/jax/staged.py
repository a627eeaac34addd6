"""Draws inside of a program that JAX traces: a call of native code, or of Python.

The words of the key are an operand, so that one program draws for any key. Where XLA divides the
result among devices, each device draws its own part: it reads where the part begins from arrays of
indices, one per axis, that are divided as the axes are.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jax.experimental.custom_partitioning import custom_partitioning

from fastinit.jax.drawing import Drawing
from fastinit.native import xla
from fastinit.native.request import REQUEST

FFI_TARGET = f"fastinit_draw_{REQUEST.itemsize}"
"""The name of the native code in programs, which other versions of a request do not have."""

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

    def call(words: Any, *indices: Any) -> Any:
        return _call(drawing, words, indices)

    divided = _divided(call, batch, drawing) if drawing.is_uniform else call

    @custom_vmap  # type: ignore[untyped-decorator]
    def drawn(words: Any) -> Any:
        # The partitioner before Shardy asks for more than the rule that divides.
        draw = divided if jax.config.jax_use_shardy_partitioner else call
        return draw(words, *(jax.lax.iota(np.int32, size) for size in drawing.shape))

    @drawn.def_vmap  # type: ignore[untyped-decorator]
    def _(size: int, _: list[bool], words: Any) -> tuple[Any, bool]:
        return _of_batch(drawing, (size, *batch))(words), True

    function: _Drawn = drawn
    return function


def _divided(call: _Drawn, batch: tuple[int, ...], drawing: Drawing) -> _Drawn:
    """Return a call that XLA divides among devices as the result, along batches and axes."""
    batches = [f"batch{k}" for k in range(len(batch))]
    axes = [f"axis{k}" for k in range(len(drawing.shape))]
    operands = ", ".join([" ".join([*batches, "word"]), *axes])
    divided = custom_partitioning(call)
    divided.def_partition(
        lambda mesh, given, result: (mesh, call, result.sharding, tuple(g.sharding for g in given)),
        sharding_rule=f"{operands} -> {' '.join(batches + axes)}",
        need_replication_factors=("word",),
    )
    function: _Drawn = divided
    return function


def _call(drawing: Drawing, words: Any, indices: tuple[Any, ...]) -> Any:
    """Draw the part that the indices name, for every key of a batch."""
    extents = tuple(len(each) for each in indices)
    result = jax.ShapeDtypeStruct((*words.shape[:-1], *extents), drawing.dtype)
    if 0 in extents:
        return jnp.zeros(result.shape, result.dtype)
    first = [each[:1] for each in indices]
    starts = jnp.concatenate(first) if first else jnp.zeros(0, np.int32)

    def by_python(words: Any, starts: Any) -> Any:
        draw = functools.partial(_draw_batch, drawing, extents)
        return jax.pure_callback(draw, result, words, starts)

    if not (drawing.is_uniform and _is_registered()):
        return by_python(words, starts)

    def by_native_code(words: Any, starts: Any) -> Any:
        strides = [math.prod(drawing.shape[axis + 1 :]) for axis in range(len(extents))]
        function = jax.ffi.ffi_call(FFI_TARGET, result)
        options = {"requests": drawing.packed(extents), "strides": np.array(strides, np.int64)}
        return function(words, starts, **options)

    return jax.lax.platform_dependent(words, starts, cpu=by_native_code, default=by_python)


def _draw_batch(drawing: Drawing, extents: tuple[int, ...], words: Any, starts: Any) -> Any:
    words, starts = np.asarray(words), np.asarray(starts).tolist()
    index = tuple(slice(at, at + extent) for at, extent in zip(starts, extents, strict=True))
    keys = words.reshape(-1, words.shape[-1])
    if words.ndim == 1:
        return drawing.draw(keys[0], index)
    drawn = [drawing.draw(each, index) for each in keys]
    return np.array(drawn, drawing.dtype).reshape(*words.shape[:-1], *extents)


@functools.cache
def _is_registered() -> bool:
    """Register the native code with JAX, and return whether there is any."""
    native = xla.extension()
    if native is None:
        return False
    jax.ffi.register_ffi_target(FFI_TARGET, native.draw_on_cpu, platform="cpu")
    return True
