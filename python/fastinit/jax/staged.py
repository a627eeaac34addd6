"""Draws inside of a program that JAX traces: a call of native code, or of Python.

The words of the key are an operand, so that one program draws for any key. Where XLA divides the
result of native code among devices, each device draws its own part: it reads where the part begins
from arrays of indices, one per axis, that are divided as the axes are.
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
    by_native_code = _divided(drawing, batch)
    by_python = functools.partial(_by_python, drawing)

    @custom_vmap  # type: ignore[untyped-decorator]
    def drawn(words: Any) -> Any:
        if 0 in drawing.shape:
            return jnp.zeros((*batch, *drawing.shape), drawing.dtype)
        if not (drawing.is_uniform and _is_registered()):
            return by_python(words)
        return jax.lax.platform_dependent(words, cpu=by_native_code, default=by_python)

    @drawn.def_vmap  # type: ignore[untyped-decorator]
    def _(size: int, _: list[bool], words: Any) -> tuple[Any, bool]:
        return _of_batch(drawing, (size, *batch))(words), True

    function: _Drawn = drawn
    return function


def _by_python(drawing: Drawing, words: Any) -> Any:
    """Draw the whole by Python, for every key of a batch."""

    def draw(words: Any) -> Any:
        keys = np.asarray(words).reshape(-1, words.shape[-1])
        drawn = [drawing.draw(each) for each in keys]
        return drawn[0] if words.ndim == 1 else np.reshape(drawn, result.shape)

    result = jax.ShapeDtypeStruct((*words.shape[:-1], *drawing.shape), drawing.dtype)
    return jax.pure_callback(draw, result, words)


def _divided(drawing: Drawing, batch: tuple[int, ...]) -> _Drawn:
    """Return the call of native code, which XLA divides as the result, along batches and axes."""
    batches = [f"batch{k}" for k in range(len(batch))]
    axes = [f"axis{k}" for k in range(len(drawing.shape))]
    operands = ", ".join([" ".join([*batches, "word"]), *axes])

    def call(words: Any, *indices: Any) -> Any:
        return _by_native_code(drawing, words, indices)

    divided = custom_partitioning(call)
    divided.def_partition(
        lambda mesh, given, result: (mesh, call, result.sharding, tuple(g.sharding for g in given)),
        sharding_rule=f"{operands} -> {' '.join(batches + axes)}",
        need_replication_factors=("word",),
    )

    def drawn(words: Any) -> Any:
        # The partitioner before Shardy asks for more than the rule, and ends the process.
        function = divided if jax.config.jax_use_shardy_partitioner else call
        return function(words, *(jax.lax.iota(np.int32, size) for size in drawing.shape))

    return drawn


def _by_native_code(drawing: Drawing, words: Any, indices: tuple[Any, ...]) -> Any:
    """Draw the part that the indices name, for every key of a batch."""
    extents = tuple(len(each) for each in indices)
    first = [each[:1] for each in indices]
    starts = jnp.concatenate(first) if first else jnp.zeros(0, np.int32)
    strides = [math.prod(drawing.shape[axis + 1 :]) for axis in range(len(extents))]
    options = {"requests": drawing.packed(extents), "strides": np.array(strides, np.int64)}
    result = jax.ShapeDtypeStruct((*words.shape[:-1], *extents), drawing.dtype)
    return jax.ffi.ffi_call(FFI_TARGET, result)(words, starts, **options)


@functools.cache
def _is_registered() -> bool:
    """Register the native code with JAX, and return whether there is any."""
    native = xla.extension()
    if native is None:
        return False
    jax.ffi.register_ffi_target(FFI_TARGET, native.draw_on_cpu, platform="cpu")
    return True
