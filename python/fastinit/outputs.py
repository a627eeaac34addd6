"""Outputs: the memory of somebody's ``out=``, found through the array protocols.

No framework is imported: a framework's arrays can only be there once it has been.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit import _cpu
from fastinit.dtypes import DTYPES, dtype_of

_ALLOWED = (
    "pass a writeable C-contiguous CPU array: NumPy, torch, or one with DLPack or the array "
    "interface"
)


@dataclass(slots=True)
class Output:
    """An array of somebody's; ``finish`` is called once it is filled and gives it back."""

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    finish: Callable[[], Any]


def adopt(out: Any) -> Output:
    """The memory of ``out``, once it is known that it can be written as one C-contiguous piece.

    Raises:
        TypeError: ``out`` is no array.
        ValueError: it is not on the CPU, read-only, not C-contiguous, or of an unknown dtype.
    """
    if isinstance(out, np.ndarray):
        return _of_numpy(out, out)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(out, torch.Tensor):
        return _of_torch(out, torch)
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(out, jax.Array):
        raise _refused("is a JAX array, which is immutable")
    interface = getattr(out, "__array_interface__", None)
    if isinstance(interface, dict):
        array = np.asarray(out)
        if isinstance(out, np.generic) or array.__array_interface__["data"] != interface["data"]:
            raise _refused("is a scalar or a copy, which is immutable")
        return _of_numpy(array, out)
    if hasattr(out, "__dlpack__"):
        return _of_dlpack(out)
    raise TypeError(f"out= is a {type(out).__name__}, which is no array; {_ALLOWED}")


def _refused(why: str) -> ValueError:
    return ValueError(f"out= {why}; {_ALLOWED}")


def _known(dtype: Any) -> np.dtype[Any]:
    try:
        return dtype_of(dtype)
    except ValueError as error:
        raise ValueError(f"out= cannot be filled: {error}") from None


def _of_numpy(array: NDArray[Any], out: Any) -> Output:
    if not array.flags.writeable:
        raise _refused("is read-only")
    if not array.flags.c_contiguous:
        raise _refused("is not C-contiguous")
    return Output(_cpu.address(array), array.shape, _known(array.dtype), lambda: out)


def _of_torch(out: Any, torch: Any) -> Output:
    def finish() -> Any:
        torch.autograd.graph.increment_version(out)  # autograd must see that it changed
        return out

    if type(out).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        raise _refused(f"is a {type(out).__name__}, whose memory is not its own")
    if out.device.type != "cpu":
        raise _refused(f"lies on {out.device}, device='cpu' was asked for")
    if out.layout != torch.strided:
        raise _refused(f"has layout {out.layout}")
    if not out.is_contiguous():
        raise _refused("is not C-contiguous")
    if out.is_conj() or out.is_neg():
        raise _refused("is a lazily conjugated or negated view")
    return Output(out.data_ptr(), tuple(out.shape), _known(out.dtype), finish)


_DLPACK_CPU = 1
_DLPACK_TYPES = {
    (code, bits, 1): np.dtype(f"{kind}{bits}")
    for code, kind, widths in (
        (0, "int", (8, 16, 32, 64)),
        (1, "uint", (8, 16, 32, 64)),
        (2, "float", (16, 32, 64)),
    )
    for bits in widths
} | {
    (6, 8, 1): np.dtype(bool),
    (4, 16, 1): DTYPES["bfloat16"],
    (10, 8, 1): DTYPES["float8_e4m3fn"],
    (12, 8, 1): DTYPES["float8_e5m2"],
}


def _of_dlpack(out: Any) -> Output:
    device = tuple(out.__dlpack_device__())
    if device[0] != _DLPACK_CPU:
        raise _refused(f"lies on DLPack device {device}, device='cpu' was asked for")
    try:
        capsule = out.__dlpack__(max_version=(1, 1))
    except TypeError:  # an exporter from before DLPack 1.0
        capsule = out.__dlpack__()
    view = _cpu.dlpack(capsule)
    shape, strides = view["shape"], view["strides"]
    if view["type"] not in _DLPACK_TYPES:
        raise _refused(
            f"has the DLPack type (code, bits, lanes) {view['type']}, which is not known"
        )
    if view["read_only"]:
        raise _refused("is read-only")
    if view["copied"]:
        raise _refused("is exported as a copy")
    if strides is not None and not _is_contiguous(shape, strides):
        raise _refused("is not C-contiguous")

    def finish(_owner: object = capsule) -> Any:  # the capsule may be all that keeps the memory
        return out

    return Output(view["address"], shape, _DLPACK_TYPES[view["type"]], finish)


def _is_contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1 and stride != expected:
            return 0 in shape
        expected *= size
    return True
