"""Arrays: where values go. New NumPy arrays, or the memory of somebody's ``out=``."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit import _cpu
from fastinit.dtypes import DTYPES, dtype_of

_ALIGNMENT = 64  # a cache line, and the widest vector
_ALLOWED = (
    "pass a writeable C-contiguous CPU array: NumPy, torch, or one with DLPack or the array "
    "interface"
)


@dataclass(slots=True)
class Destination:
    """Memory for a part: ``finish`` is called once it is filled and gives what the user gets."""

    address: int
    dtype: np.dtype[Any]
    finish: Callable[[], Any]


def check_device(device: object) -> None:
    """Raise unless ``device`` is the CPU."""
    if isinstance(device, str) and device == "cpu":
        return
    if str(device).startswith("cuda"):
        raise ValueError(f"device={device!r}: CUDA is not built yet; use device='cpu'")
    raise ValueError(f"device={device!r} is not known; use device='cpu'")


def destination(
    shape: tuple[int, ...], dtype: Any | None, out: Any | None, device: object
) -> Destination:
    """A new array of ``shape``, or the memory of ``out`` once it is known to fit.

    Raises:
        TypeError: ``out`` is no array.
        ValueError: the device or dtype is unknown, or ``out`` has another shape or dtype, is not
            C-contiguous, read-only or not on the CPU.
    """
    check_device(device)
    wanted = None if dtype is None else dtype_of(dtype)
    if out is not None:
        return _adopted(out, shape, wanted)
    array, address = empty(shape, wanted or DTYPES["float32"])
    return Destination(address, array.dtype, lambda: array)


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


@dataclass(slots=True)
class _Found:
    """What an ``out`` turned out to be."""

    address: int
    shape: tuple[int, ...]
    dtype: Any
    contiguous: bool
    writeable: bool
    device: str
    finish: Callable[[], Any]


def _adopted(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any] | None) -> Destination:
    found = _find(out)
    if found.device != "cpu":
        raise ValueError(f"out= lies on {found.device}, device='cpu' was asked for; {_ALLOWED}")
    actual = dtype_of(found.dtype)
    if dtype is not None and dtype != actual:
        raise ValueError(
            f"dtype={dtype.name} but out= is {actual.name}; leave dtype out, or make them agree"
        )
    if found.shape != shape:
        raise ValueError(
            f"out= has shape {found.shape}, but {shape} is drawn; pass out= of that shape"
        )
    if not found.writeable:
        raise ValueError(f"out= is read-only; {_ALLOWED}")
    if not found.contiguous:
        raise ValueError(f"out= is not C-contiguous; {_ALLOWED}")
    return Destination(found.address, actual, found.finish)


def _find(out: Any) -> _Found:
    if isinstance(out, np.ndarray):
        return _of_numpy(out, out)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(out, torch.Tensor):
        return _of_torch(out, torch)
    if isinstance(getattr(out, "__array_interface__", None), dict):
        return _of_numpy(np.asarray(out), out)
    if hasattr(out, "__dlpack__"):
        return _of_dlpack(out)
    raise TypeError(f"out= is a {type(out).__name__}, which is no array; {_ALLOWED}")


def _of_numpy(array: NDArray[Any], out: Any) -> _Found:
    flags = array.flags
    return _Found(
        _cpu.address(array),
        array.shape,
        array.dtype,
        flags.c_contiguous,
        flags.writeable,
        "cpu",
        lambda: out,
    )


def _of_torch(out: Any, torch: Any) -> _Found:
    def finish() -> Any:
        torch.autograd.graph.increment_version(out)  # autograd must see that it changed
        return out

    if out.layout != torch.strided:
        raise ValueError(f"out= has layout {out.layout}; {_ALLOWED}")
    return _Found(
        out.data_ptr() if out.device.type == "cpu" else 0,
        tuple(out.shape),
        out.dtype,
        out.is_contiguous(),
        not (out.is_conj() or out.is_neg()),
        str(out.device),
        finish,
    )


_DLPACK_CPU = 1
_DLPACK_TYPES = {
    (code, bits): np.dtype(f"{kind}{bits}")
    for code, kind, widths in (
        (0, "int", (8, 16, 32, 64)),
        (1, "uint", (8, 16, 32, 64)),
        (2, "float", (16, 32, 64)),
    )
    for bits in widths
} | {
    (6, 8): np.dtype(bool),
    (4, 16): DTYPES["bfloat16"],
    (10, 8): DTYPES["float8_e4m3fn"],
    (12, 8): DTYPES["float8_e5m2"],
}


def _of_dlpack(out: Any) -> _Found:
    device_type, number = out.__dlpack_device__()
    if device_type != _DLPACK_CPU:
        return _Found(
            0, (), None, False, False, f"DLPack device ({device_type}, {number})", lambda: out
        )
    try:
        capsule = out.__dlpack__(max_version=(1, 1))
    except TypeError:  # an exporter from before DLPack 1.0
        capsule = out.__dlpack__()
    view = _cpu.dlpack(capsule)
    code, bits, lanes = view["type"]
    shape, strides = view["shape"], view["strides"]
    return _Found(
        view["address"],
        shape,
        _DLPACK_TYPES.get((code, bits)) if lanes == 1 else None,
        strides is None or _is_contiguous(shape, strides),
        not view["read_only"],
        "cpu",
        lambda: out,
    )


def _is_contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1 and stride != expected:
            return 0 in shape
        expected *= size
    return True
