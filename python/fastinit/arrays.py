"""Arrays: where values go. New NumPy arrays, or the memory of somebody's ``out=``."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit import _cpu
from fastinit.dtypes import DTYPES, dtype_of
from fastinit.outputs import Output, adopt

_ALIGNMENT = 64  # a cache line, and the widest vector


def check_device(device: object) -> None:
    """Raise unless ``device`` is the CPU."""
    name = str(device)
    if name.startswith("cuda"):
        raise ValueError(f"device={device!r}: CUDA is not built yet; use device='cpu'")
    if name not in ("cpu", "cpu:0"):  # torch.device("cpu") among them
        raise ValueError(f"device={device!r} is not known; use device='cpu'")


def destination(
    shape: tuple[int, ...], dtype: Any | None, out: Any | None, device: object
) -> Output:
    """A new array of ``shape``, or the memory of ``out`` once it is known to fit.

    Raises:
        TypeError: ``out`` is no array.
        ValueError: the device or dtype is unknown, or ``out`` has another shape or dtype, is not
            C-contiguous, read-only or not on the CPU.
    """
    check_device(device)
    wanted = None if dtype is None else dtype_of(dtype)
    if out is None:
        array, address = empty(shape, wanted or DTYPES["float32"])
        return Output(address, shape, array.dtype, lambda: array)
    found = adopt(out)
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


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """An uninitialized C-contiguous array that starts at a cache line, and its address."""
    buffer = np.empty(math.prod(shape) * dtype.itemsize + _ALIGNMENT - 1, np.uint8)
    start = _cpu.address(buffer)
    skipped = -start % _ALIGNMENT
    return np.ndarray(shape, dtype, buffer, skipped), start + skipped


def to_numpy(array: Any) -> NDArray[Any]:
    """``array`` as a NumPy array, also a torch tensor of a dtype that torch cannot convert."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(array, torch.Tensor):
        return np.asarray(array)
    flat: NDArray[Any] = array.detach().cpu().reshape(-1).view(torch.uint8).numpy()
    return flat.view(dtype_of(array.dtype)).reshape(tuple(array.shape))
