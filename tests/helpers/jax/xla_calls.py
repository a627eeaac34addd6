"""Calls of the handlers for GPUs without XLA, over the emulated device (``xla_stand_in.c``)."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit.native import xla
from helpers.cuda.devices import Emulated

STREAM, DEVICE = 0x7157, 0
GUARD = 64  # bytes after a result that must stay as they were
_INT32, _UINTS = 4, {1: 6, 2: 7, 4: 8, 8: 9}  # of XLA_FFI_DataType, by size


class _Buffer(ctypes.Structure):
    _fields_ = (
        ("dtype", ctypes.c_int32),
        ("data", ctypes.c_void_p),
        ("rank", ctypes.c_int64),
        ("sizes", ctypes.POINTER(ctypes.c_int64)),
    )


class _Attribute(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("text", ctypes.c_char_p),
        ("numbers", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
    )


@functools.cache
def _library() -> ctypes.CDLL:
    import jaxlib

    source = Path(__file__).with_name("xla_stand_in.c")
    include = Path(jaxlib.__path__[0]) / "include"
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/stand_in.so"
        compiler = shutil.which(os.environ.get("CC", "cc"))
        assert compiler is not None
        command = [compiler, "-shared", "-fPIC", "-o", path, str(source), "-I", str(include)]
        subprocess.run(command, check=True)
        return ctypes.CDLL(path)


def _handler(name: str) -> ctypes.c_void_p:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return ctypes.c_void_p(get(getattr(xla.extension(), name), None))


def is_capturable(name: str) -> bool:
    """Whether XLA may capture a handler's calls into a graph."""
    return bool(_library().is_capturable(_handler(name)))


@contextmanager
def used(machine: Emulated) -> Iterator[None]:
    """Let the handlers draw on an emulated device, and afterwards on GPUs again."""
    native = xla.extension()
    assert native is not None
    native.use_cuda(machine.module.functions)
    try:
        yield
    finally:
        xla.connect()


class Call:
    """A call of a handler: its operands and results in the memory of the device."""

    def __init__(self, machine: Emulated, keys: Any, starts: Sequence[int]) -> None:
        self.machine = machine
        words, first = np.asarray(keys, np.uint32), np.asarray(starts, np.int32)
        self.operands = [self._buffer(words, _UINTS[4]), self._buffer(first, _INT32)]
        self.arrays = words.size // words.shape[-1]

    def run(
        self,
        handler: str,
        part: tuple[int, ...],
        dtype: np.dtype[Any],
        tables: int | None,
        **attributes: Any,
    ) -> NDArray[Any]:
        """Draw a batch of parts by a handler with some bytes for tables, or none; return them.

        Raises:
            RuntimeError: the handler returns an error.
        """
        shape = (self.arrays, *part)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        memory = np.full(size + GUARD, 7, np.uint8)
        result = self._buffer(memory, _UINTS[dtype.itemsize], shape)
        results = [result]
        if tables is not None:
            results.append(self._buffer(np.zeros(tables, np.uint8), _UINTS[1]))
        message = self._called(handler, results, attributes)
        if message:
            raise RuntimeError(message)
        found = self.machine.get(result.data, memory.size)
        assert (found[size:] == 7).all(), "the handler wrote beyond its result"
        return found[:size].view(dtype).reshape(shape)

    def _called(self, handler: str, results: list[_Buffer], attributes: dict[str, Any]) -> str:
        given, kept = [], []
        for name in sorted(attributes):
            value = attributes[name]
            if isinstance(value, str):
                given.append(_Attribute(name.encode(), value.encode(), None, len(value)))
            else:
                numbers = np.ascontiguousarray(value, np.int64)
                kept.append(numbers)
                data = numbers.ctypes.data
                given.append(_Attribute(name.encode(), None, data, numbers.size))
        message = ctypes.create_string_buffer(4096)
        _library().call_handler(
            _handler(handler), ctypes.c_void_p(STREAM), DEVICE,
            (_Buffer * 2)(*self.operands), 2, (_Buffer * len(results))(*results), len(results),
            (_Attribute * len(given))(*given), len(given), message, ctypes.c_size_t(len(message)),
        )  # fmt: skip
        return message.value.decode()

    def _buffer(
        self, data: NDArray[Any], dtype: int, shape: tuple[int, ...] | None = None
    ) -> _Buffer:
        sizes = data.shape if shape is None else shape
        address = self.machine.put(np.frombuffer(data.tobytes(), np.uint8)) if data.size else 1
        return _Buffer(dtype, address, len(sizes), (ctypes.c_int64 * len(sizes))(*sizes))
