"""New arrays, not initialized: NumPy's on the CPU, CuPy's on a GPU."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.native import _cpu, cuda

if TYPE_CHECKING:
    from numpy.typing import NDArray


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """Return an uninitialized C-contiguous NumPy array, and its address.

    It starts at a cache line, a large one at a huge page.
    """
    return _cpu.empty(shape, dtype)


def empty_on_gpu(shape: tuple[int, ...], dtype: np.dtype[Any], device_name: str) -> Any:
    """Return an uninitialized CuPy array from CuPy's pool.

    Args:
        shape: the array's.
        dtype: the array's.
        device_name: ``"cuda"`` for CuPy's current GPU, or a GPU as ``"cuda:1"``.

    Raises:
        MemoryError: the GPU has not enough memory.
        RuntimeError: CUDA or this GPU cannot be used, or CuPy is missing.
        ValueError: there is no such GPU, or CuPy lacks the dtype.
    """
    number = int(device_name[5:]) if ":" in device_name else None
    cuda.extension(number)
    cupy = _cupy()
    try:
        with cupy.cuda.Device(number) as device:
            return cupy.empty(shape, dtype)
    except cupy.cuda.memory.OutOfMemoryError as error:
        size = math.prod(shape) * dtype.itemsize
        raise MemoryError(
            f"{shape} of {dtype.name} takes {size} bytes on cuda:{device.id}: {error}; free some, "
            "or draw a part with index="
        ) from None
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"CuPy makes no array of {dtype.name} ({error}); pass out=, a torch tensor for example"
        ) from None


def view_on_gpu(address: int, count: int, dtype: np.dtype[Any], number: int) -> Any:
    """Return memory of a GPU as a CuPy array; CuPy's integers stand for dtypes that it lacks."""
    cupy = _cupy()
    owner = cupy.cuda.UnownedMemory(address, count * dtype.itemsize, None, number)
    known = dtype if dtype.isbuiltin == 1 else np.dtype(f"u{dtype.itemsize}")
    return cupy.ndarray((count,), known, cupy.cuda.MemoryPointer(owner, 0))


@contextlib.contextmanager
def on_stream(number: int, stream: int) -> Iterator[None]:
    """Let CuPy use a stream of a GPU, by CUDA's handle."""
    cupy = _cupy()
    with cupy.cuda.Device(number), cupy.cuda.ExternalStream(stream, number):
        yield


def _cupy() -> Any:
    try:
        return importlib.import_module("cupy")
    except ImportError as error:
        raise RuntimeError(
            f"new arrays on a GPU are CuPy's, which cannot be imported ({error}); "
            f"{cuda.INSTALL_CUPY}, or pass out=, a torch tensor for example"
        ) from error
