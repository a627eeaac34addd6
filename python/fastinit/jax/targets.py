"""The custom calls of compiled programs: their names, and what draws when XLA makes them."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence

import jax

from fastinit.arrays.devices import CPU, Cuda, Device
from fastinit.initializers import Initializer
from fastinit.jax.drawing import Drawing, drawing_of
from fastinit.jax.keys import stream_of
from fastinit.native import xla
from fastinit.native.box import part
from fastinit.native.dtypes import dtype_of
from fastinit.native.request import REQUEST, Request

NATIVE_TARGET = f"fastinit_draw_{REQUEST.itemsize}"
PYTHON_TARGET = "fastinit_draw_by_python"
FFI_TARGETS = (NATIVE_TARGET, PYTHON_TARGET)
"""The names of the calls in programs: of native code, which other versions of a request do not
have, and of native code that asks Python for the requests."""

_LONGEST = 1 << 16  # characters that describe an initializer in a program


@functools.cache
def registered() -> frozenset[str]:
    """Register the calls with JAX, and return the platforms that have them."""
    native = xla.extension()
    if native is None:
        return frozenset()
    native.draw_parts_by(_draw_part)
    xla.connect()
    platforms = ("cpu", "cuda") if xla.has_cuda() else ("cpu",)
    for platform in platforms:
        by_native, by_python = (f"draw{by}_on_{platform}" for by in ("", "_by_python"))
        name = {"cpu": "cpu", "cuda": "CUDA"}[platform]  # as XLA has them
        jax.ffi.register_ffi_target(NATIVE_TARGET, getattr(native, by_native), platform=name)
        jax.ffi.register_ffi_target(PYTHON_TARGET, getattr(native, by_python), platform=name)
    return frozenset(platforms)


def size_of_tables(requests: int, arrays: int) -> int:
    """Return the bytes of memory that a call of native code on a GPU needs beside its result."""
    native = xla.extension()
    assert native is not None
    size: int = native.size_of_tables(requests, arrays)
    return size


@functools.lru_cache(maxsize=1024)
def description_of(drawing: Drawing) -> str | None:
    """Return text from which any process makes the drawing again; None if there is none.

    It is part of the program, which may be written to a file or found in JAX's cache of them.
    """
    try:
        initializer = drawing.initializer.to_dict()
        whole = {"shape": drawing.shape, "dtype": drawing.dtype.name, "initializer": initializer}
        text = json.dumps(whole)
        is_whole = len(text) <= _LONGEST and _described(text) == drawing
    except (TypeError, ValueError):  # a function, or a class of the user's
        return None
    return text if is_whole else None


@functools.lru_cache(maxsize=1024)
def _described(text: str) -> Drawing:
    found = json.loads(text)
    initializer = Initializer.from_dict(found["initializer"])
    return drawing_of(initializer, tuple(found["shape"]), dtype_of(found["dtype"]))


def _draw_part(
    text: str,
    words: Sequence[Sequence[int]],
    starts: Sequence[int],
    extents: Sequence[int],
    address: int,
    on_gpu: tuple[int, int] | None,
) -> None:
    """Draw a part of an array, for every key of a batch, into memory of the host or of a GPU."""
    device: Device = CPU if on_gpu is None else Cuda(*on_gpu)
    drawing = _described(text)
    ends = (start + extent for start, extent in zip(starts, extents, strict=True))
    box = part(drawing.shape, tuple(map(slice, starts, ends)))
    size = math.prod(extents) * drawing.dtype.itemsize
    requests: list[Request] = []
    for number, key in enumerate(words):
        requests += drawing.requests(box, address + number * size, *stream_of(key))
    device.fill(requests)
