"""Outputs: the memory of a given ``out=``, found through the array protocols.

No framework is imported: its arrays can exist only after the caller has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.arrays import dlpack
from fastinit.arrays.devices import CPU, Cuda, Device
from fastinit.checks import type_of
from fastinit.native import _cpu, cuda
from fastinit.native.dtypes import dtype_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALLOWED = (
    "pass a writeable C-contiguous array on the CPU or a CUDA GPU: NumPy, CuPy, torch, or one with "
    "DLPack, an array interface or a buffer"
)
_BYTES = ("B", "b", "c")  # the formats of buffers that are bytes


@dataclass(slots=True)
class Output:
    """Memory to draw into, which ``device`` fills.

    Attributes:
        address: of the first element.
        shape: the array's.
        dtype: the array's.
        array: the array itself, as its owner passed it.
        device: where it lies.
        notify: tells the array's library that it changed, if the library wants to know.
        owner: an object that keeps the memory alive, if the array alone does not.
    """

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    array: Any
    device: Device
    notify: Callable[[Any], None] | None = None
    owner: object = None

    def finish(self) -> Any:
        """Return the array after it is filled (on a GPU: after that is enqueued)."""
        if self.notify is not None:
            self.notify(self.array)
        return self.array


def adopt(out: Any) -> Output:
    """Return the memory of ``out``, once it is known to be one writeable C-contiguous piece.

    Raises:
        TypeError: ``out`` is not an array.
        RuntimeError: it lies on a GPU, and CUDA cannot be used here.
        ValueError: it lies elsewhere, is read-only, not C-contiguous, on a GPU not aligned, or of
            an unknown dtype.
    """
    found = _adopted(out)
    if found.device is not CPU and found.address % found.dtype.alignment and 0 not in found.shape:
        raise _refused(
            f"begins at an address that is not a multiple of {found.dtype.alignment} bytes, as "
            f"{found.dtype.name} needs it on a GPU"
        )
    return found


def _adopted(out: Any) -> Output:
    if isinstance(out, np.ndarray):
        return _of_numpy(out, out)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(out, torch.Tensor):
        return _of_torch(out, torch)
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(out, jax.Array):
        raise _refused("is a JAX array, which is immutable")
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(out, cupy.ndarray):
        return _of_cupy(out, cupy)
    interface = getattr(out, "__array_interface__", None)
    if isinstance(interface, dict):
        array = np.asarray(out)
        if isinstance(out, np.generic) or array.__array_interface__["data"] != interface["data"]:
            raise _refused("is a scalar or a copy, which is immutable")
        return _of_numpy(array, out)
    on_gpu = getattr(out, "__cuda_array_interface__", None)
    if isinstance(on_gpu, dict) and not (_is_nameless(on_gpu) and hasattr(out, "__dlpack__")):
        return _of_cuda_interface(on_gpu, out)
    if hasattr(out, "__dlpack__"):
        return _of_dlpack(out)
    try:
        buffer = memoryview(out)
    except TypeError:
        pass
    else:
        return _of_buffer(buffer, out)
    raise TypeError(f"out= is {type_of(out)}, which is not an array; {_ALLOWED}")


def _refused(why: str) -> ValueError:
    return ValueError(f"out= {why}; {_ALLOWED}")


def _known(dtype: Any) -> np.dtype[Any]:
    try:
        return dtype_of(dtype)
    except ValueError as error:
        raise ValueError(f"out= cannot be filled: {error}") from None


def _of_buffer(buffer: memoryview, out: Any) -> Output:
    if buffer.readonly:
        raise _refused("is read-only")
    if not buffer.c_contiguous:
        raise _refused("is not C-contiguous")
    if buffer.ndim == 1 and buffer.format in _BYTES:
        raise ValueError(
            f"out= is {type_of(out)}, which is bytes without a dtype and a shape; pass "
            "np.ndarray(shape, dtype, out)"
        )
    try:
        array = np.asarray(buffer)
    except (NotImplementedError, ValueError):
        raise _refused(f"is a buffer of format {buffer.format!r}, which is not known") from None
    found = _of_numpy(array, out)
    found.owner = array  # it holds the buffer, so that its owner cannot move it
    return found


def _of_numpy(array: NDArray[Any], out: Any) -> Output:
    if type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray):
        raise _refused("is masked")
    if not array.flags.writeable:
        raise _refused("is read-only")
    if not array.flags.c_contiguous:
        raise _refused("is not C-contiguous")
    return Output(_cpu.address(array), array.shape, _known(array.dtype), out, CPU)


def _of_torch(out: Any, torch: Any) -> Output:
    if type(out).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        raise _refused(f"is {type_of(out)}, whose memory is not its own")
    if out.device.type not in (CPU.kind, Cuda.kind):
        raise _refused(f"lies on {out.device}")
    if out.layout != torch.strided:
        raise _refused(f"has layout {out.layout}")
    if not out.is_contiguous():
        raise _refused("is not C-contiguous")
    if out.is_conj() or out.is_neg():
        raise _refused("is a lazily conjugated or negated view")
    device: Device = CPU
    if out.device.type == Cuda.kind:
        device = Cuda(out.device.index, torch.cuda.current_stream(out.device).cuda_stream)
    changed = torch.autograd.graph.increment_version  # autograd must see that it changed
    return Output(out.data_ptr(), tuple(out.shape), _known(out.dtype), out, device, notify=changed)


def _of_cupy(out: Any, cupy: Any) -> Output:
    if not out.flags.c_contiguous:
        raise _refused("is not C-contiguous")
    device = Cuda(out.device.id, cupy.cuda.get_current_stream(out.device.id).ptr)
    return Output(out.data.ptr, out.shape, _known(out.dtype), out, device)


# Version 3 of https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html, which includes
# the earlier ones. Its type strings have no names for bfloat16 and float8.
_LEGACY_STREAM = 1  # CUDA's handle of the default stream, with which every blocking one is in order


def _is_nameless(interface: dict[str, Any]) -> bool:
    return bool(np.dtype(interface["typestr"]).kind == "V")


def _of_cuda_interface(interface: dict[str, Any], out: Any) -> Output:
    address, is_read_only = interface["data"]
    shape, strides = tuple(interface["shape"]), interface.get("strides")
    dtype = _known(np.dtype(interface["typestr"]))
    if is_read_only:
        raise _refused("is read-only")
    if interface.get("mask") is not None:
        raise _refused("is masked")
    if strides is not None and not _is_contiguous(shape, strides, dtype.itemsize):
        raise _refused("is not C-contiguous")
    number = 0
    if 0 not in shape:
        number = cuda.extension().pointer_device(address)
        if number < 0:
            raise _refused("says that it lies on a GPU, but its address is the host's")
    stream = interface.get("stream")
    device = Cuda(number, _LEGACY_STREAM if stream is None else stream)
    return Output(address, shape, dtype, out, device)


def _of_dlpack(out: Any) -> Output:
    kind, number = map(int, out.__dlpack_device__())
    if kind not in dlpack.CPU_DEVICES + dlpack.CUDA_DEVICES:
        raise _refused(f"lies on DLPack device {(kind, number)}")
    is_cuda = kind in dlpack.CUDA_DEVICES
    options = {"stream": _LEGACY_STREAM} if is_cuda else {}
    try:
        capsule = out.__dlpack__(max_version=dlpack.VERSION, **options)
    except TypeError:  # an exporter from before DLPack 1.0
        capsule = out.__dlpack__(**options)
    view = _cpu.dlpack(capsule)
    shape, strides = view["shape"], view["strides"]
    if view["type"] not in dlpack.TYPES:
        name = dlpack.NOT_DRAWN.get(view["type"][:2])
        if name is not None:
            _known(name)  # raises an error with what to use instead
        raise _refused(
            f"has the DLPack type (code, bits, lanes) {view['type']}, which is not known"
        )
    if view["read_only"]:
        raise _refused("is read-only")
    if view["copied"]:
        raise _refused("is exported as a copy")
    if strides is not None and not _is_contiguous(shape, strides):
        raise _refused("is not C-contiguous")
    device: Device = Cuda(number, _LEGACY_STREAM) if is_cuda else CPU
    dtype = dlpack.TYPES[view["type"]]
    return Output(view["address"], shape, dtype, out, device, owner=capsule)


def _is_contiguous(shape: tuple[int, ...], strides: tuple[int, ...], item_size: int = 1) -> bool:
    expected = item_size
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1 and stride != expected:
            return 0 in shape
        expected *= size
    return True
