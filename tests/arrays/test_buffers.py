"""``out=`` that only the buffer protocol or shared memory describes, and the standard of arrays."""

import array as arrays
import ctypes
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinit
from helpers.bits import check_bits
from helpers.dtypes import DTYPES, dtype_of
from helpers.processes import child

SHAPE = (6, 4)
REMEDY = "pass a writeable C-contiguous array"


def floats() -> Any:
    return arrays.array("f", bytes(96))


# What makes an `out` of 24 float32, and its shape.
MAKERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "memoryview": (lambda: np.zeros(SHAPE, np.float32).data, SHAPE),
    "memoryview of bytes": (lambda: memoryview(bytearray(96)).cast("f"), (24,)),
    "memoryview with a shape": (lambda: memoryview(bytearray(96)).cast("f", SHAPE), SHAPE),
    "array": (floats, (24,)),
    "ctypes": (lambda: (ctypes.c_float * 24)(), (24,)),
    "ctypes of two axes": (lambda: ((ctypes.c_float * 4) * 6)(), SHAPE),
    "part": (lambda: memoryview(arrays.array("f", bytes(200)))[7:31], (24,)),
    "double": (lambda: arrays.array("d", bytes(192)), (24,)),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_buffers(kind: str) -> None:
    make, shape = MAKERS[kind]
    out = make()
    assert fastinit.normal(shape, seed=3, out=out) is out
    filled = np.asarray(memoryview(out))
    expected = fastinit.normal(shape, seed=3, name=0, dtype=filled.dtype)
    check_bits(filled, expected)


def test_nothing_beside_a_part_is_written() -> None:
    memory = arrays.array("f", bytes(200))
    fastinit.ones(24, out=memoryview(memory)[7:31])
    assert memory.tolist() == [0] * 7 + [1] * 24 + [0] * 19


BYTES = r"bytes without a dtype.*pass np\.ndarray\(shape, dtype, out\)"
# What is refused as an `out` of 24 float32, and what the error says.
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "bytes": (lambda: bytes(96), "read-only"),
    "memoryview of a constant": (lambda: memoryview(bytes(96)).cast("f"), "read-only"),
    "memoryview that is closed": (lambda: floats_view().toreadonly(), "read-only"),
    "steps": (lambda: memoryview(arrays.array("f", bytes(192)))[::2], "not C-contiguous"),
    "backwards": (lambda: floats_view()[::-1], "not C-contiguous"),
    "bytearray": (
        lambda: bytearray(96),
        BYTES,
    ),
    "mmap": (lambda: mmap.mmap(-1, 96), BYTES),
    "integers": (lambda: arrays.array("i", bytes(96)), "dtype=int32 does not hold normal values"),
    "pointers": (lambda: memoryview(bytearray(192)).cast("P"), "format 'P'"),
    "structure": (lambda: (Pair * 12)(), "is not known"),
    "another length": (lambda: arrays.array("f", bytes(100)), r"out= has shape \(25,\)"),
    "big-endian": (
        lambda: (ctypes.c_float.__ctype_be__ * 24)(),
        "byte order",
    ),
}


class Pair(ctypes.Structure):
    _fields_ = (("a", ctypes.c_float), ("b", ctypes.c_float))


def floats_view() -> memoryview:
    return memoryview(floats())


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_buffers(kind: str) -> None:
    """The error comes before a byte is written."""
    make, message = REFUSED[kind]
    out = make()
    with pytest.raises(ValueError, match=message):
        fastinit.normal(24, out=out)
    assert not any(memoryview(out).tobytes())


def test_masked_arrays_are_refused() -> None:
    out = np.ma.zeros(24, np.float32)
    with pytest.raises(ValueError, match=f"is masked; {REMEDY}"):
        fastinit.normal(24, out=out)
    assert not out.any()


def test_a_bytearray_keeps_its_size_while_it_is_filled() -> None:
    """Its buffer is held, so another thread cannot move the memory; it is released afterwards."""
    memory = bytearray(96)
    fastinit.normal(24, out=np.ndarray(24, np.float32, memory))
    values = memoryview(memory).cast("f")
    fastinit.normal(24, out=values)
    values.release()
    memory.extend(b"more")


@pytest.mark.parametrize("dtype", DTYPES)
def test_memmap(dtype: str, tmp_path: Path) -> None:
    expected = fastinit.normal(SHAPE, seed=4, dtype=dtype)
    out = np.memmap(tmp_path / "weights", dtype_of(dtype), "w+", shape=SHAPE)
    assert fastinit.normal(SHAPE, seed=4, name=0, out=out) is out
    out.flush()
    content = np.fromfile(tmp_path / "weights", np.uint8)
    check_bits(content.view(dtype_of(dtype)).reshape(SHAPE), expected)
    closed = np.memmap(tmp_path / "weights", dtype_of(dtype), "r", shape=SHAPE)
    with pytest.raises(ValueError, match="read-only"):
        fastinit.normal(SHAPE, seed=5, out=closed)


@contextmanager
def shared(size: int) -> Iterator[shared_memory.SharedMemory]:
    memory = shared_memory.SharedMemory(create=True, size=size)
    try:
        yield memory
    finally:
        memory.close()
        memory.unlink()


READ = """
import numpy as np, fastinit
from multiprocessing import resource_tracker, shared_memory
memory = shared_memory.SharedMemory(NAME)
resource_tracker.unregister(memory._name, "shared_memory")  # the parent's
array = np.ndarray((6, 4), fastinit.zeros(0, dtype="bfloat16").dtype, memory.buf)
print(fastinit.digest(array))
del array
memory.close()
"""


def test_shared_memory() -> None:
    """Another process sees what was drawn."""
    with shared(48) as memory:
        out = np.ndarray(SHAPE, dtype_of("bfloat16"), memory.buf)
        fastinit.normal(SHAPE, seed=6, out=out)
        found = child(READ.replace("NAME", repr(memory.name)))
        assert found.strip() == fastinit.digest(out)
        with pytest.raises(ValueError, match="bytes without a dtype"):
            fastinit.normal(48, out=memory.buf)
        del out


@pytest.mark.parametrize("name", ["float64", "float32"])
def test_the_standard_of_array_apis(name: str) -> None:
    """Its strict implementation has DLPack, and neither an array interface nor a buffer."""
    strict = pytest.importorskip("array_api_strict")
    out = strict.zeros(SHAPE, dtype=getattr(strict, name))
    assert fastinit.normal(SHAPE, seed=7, out=out) is out
    check_bits(np.from_dlpack(out), fastinit.normal(SHAPE, seed=7, name=0, dtype=name))
    part = strict.zeros((6, 8), dtype=getattr(strict, name))[:, :4]
    with pytest.raises(ValueError, match="not C-contiguous"):
        fastinit.normal(SHAPE, out=part)
