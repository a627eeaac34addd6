"""Arrays: where values go. New NumPy or CuPy arrays, or the memory of somebody's ``out=``."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit import _cpu, cuda
from fastinit.devices import CPU, Device, check, name_of
from fastinit.dtypes import DTYPES, dtype_of
from fastinit.outputs import Output, adopt

_ALIGNMENT = 64  # a cache line, and the widest vector
# An array of whole huge pages lies in huge pages alone only if it starts with one; else hundreds of
# small pages at its ends are faulted in one by one, which took as long as half of the drawing.
_HUGE_PAGE = 2 << 20
_LARGE = 2 * _HUGE_PAGE  # bytes, from which NumPy asks the kernel for huge pages


def destination(shape: tuple[int, ...], dtype: Any | None, out: Any | None, device: Any) -> Output:
    """A new array of ``shape``, or the memory of ``out`` once it is known to fit.

    Its ``device.fill(records)`` draws there, its ``finish()`` then gives the array.

    Raises:
        MemoryError: there is not enough memory.
        RuntimeError: CUDA cannot be used here, or CuPy is missing for a new array.
        TypeError: ``out`` is no array.
        ValueError: the device or dtype is unknown, or ``out`` has another shape, dtype or device,
            is not C-contiguous or read-only.
    """
    place = name_of(device)
    wanted = None if dtype is None else dtype_of(dtype)
    if out is None:
        return _new(shape, wanted or DTYPES["float32"], place or CPU.kind)
    found = adopt(out)
    check(found.device, place)
    if wanted is not None and wanted != found.dtype:
        raise ValueError(
            f"dtype={wanted.name} but out= is {found.dtype.name}; leave dtype out, or make them "
            "agree"
        )
    if found.shape != shape:
        raise ValueError(
            f"out= has shape {found.shape}, but {shape} is drawn; pass out= of that shape"
        )
    return found


def fill(placed: Iterable[tuple[Output, list[bytes]]]) -> None:
    """Draw records into the outputs for which they were placed, in one call for each device."""
    by_device: dict[Device, list[bytes]] = {}
    for where, records in placed:
        by_device.setdefault(where.device, []).extend(records)
    for device, records in by_device.items():
        device.fill(records)


def _new(shape: tuple[int, ...], dtype: np.dtype[Any], place: str) -> Output:
    if place == CPU.kind:
        array, address = empty(shape, dtype)
        return Output(address, shape, dtype, lambda: array, CPU)
    return adopt(cuda.empty(shape, dtype, place))


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """An uninitialized C-contiguous array, and its address.

    It starts at a cache line, a large one at a huge page.
    """
    size = math.prod(shape) * dtype.itemsize
    alignment = _HUGE_PAGE if size >= _LARGE else _ALIGNMENT
    buffer = np.empty(size + alignment - 1, np.uint8)
    start = _cpu.address(buffer)
    skipped = -start % alignment
    return np.ndarray(shape, dtype, buffer, skipped), start + skipped


def to_numpy(array: Any) -> NDArray[Any]:
    """``array`` as a NumPy array on the CPU, whatever its device and dtype."""
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array, cupy.ndarray):
        copy: NDArray[Any] = array.get()
        return copy
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(array, torch.Tensor):
        return np.asarray(array)
    flat: NDArray[Any] = array.detach().cpu().reshape(-1).view(torch.uint8).numpy()
    return flat.view(dtype_of(array.dtype)).reshape(tuple(array.shape))
