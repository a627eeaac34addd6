"""DLPack: its types, and the export of NumPy arrays of all dtypes, which NumPy itself lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.checks import shown, type_of
from fastinit.native import _cpu
from fastinit.native.dtypes import DTYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = (1, 1)  # the first one with names for float8
CPU = 1
CPU_DEVICES = (CPU, 3)  # the second is memory that CUDA has pinned
CUDA_DEVICES = (2, 13)  # the second is memory that CUDA moves about

# By (code, bits, lanes).
TYPES: dict[tuple[int, int, int], np.dtype[Any]] = {
    (code, bits, 1): np.dtype(f"{kind}{bits}")
    for code, kind, widths in (
        (0, "int", (8, 16, 32, 64)),
        (1, "uint", (8, 16, 32, 64)),
        (2, "float", (16, 32, 64)),
        (5, "complex", (64, 128)),
    )
    for bits in widths
} | {
    (6, 8, 1): np.dtype(bool),
    (4, 16, 1): DTYPES["bfloat16"],
    (10, 8, 1): DTYPES["float8_e4m3fn"],
    (12, 8, 1): DTYPES["float8_e5m2"],
}
# By (code, bits), for an error that names them.
NOT_DRAWN = {
    (5, 32): "complex32",
    (7, 8): "float8_e3m4",
    (8, 8): "float8_e4m3",
    (9, 8): "float8_e4m3b11fnuz",
    (11, 8): "float8_e4m3fnuz",
    (13, 8): "float8_e5m2fnuz",
    (14, 8): "float8_e8m0fnu",
    (15, 6): "float6_e2m3fn",
    (16, 6): "float6_e3m2fn",
    (17, 4): "float4_e2m1fn",
}
_CODES = {dtype: kind for kind, dtype in TYPES.items()}


class Exported:
    """A NumPy array as ``from_dlpack`` of any library takes it, without a copy.

    Attributes:
        array: the array.
    """

    __slots__ = ("array",)

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __repr__(self) -> str:
        return f"to_dlpack(array of {self.array.dtype.name} {self.array.shape})"

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU, 0

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        if stream is not None:
            raise BufferError(f"stream={stream!r}: memory of the CPU has no stream; pass None")
        if dl_device is not None and tuple(map(int, dl_device)) != (CPU, 0):
            raise BufferError(
                f"dl_device={dl_device!r}: the array lies on the CPU, {(CPU, 0)}; take it there, "
                "and move it afterwards"
            )
        array = self.array.copy() if copy else self.array
        latest = max_version or (0, 0)
        is_versioned = latest[0] >= VERSION[0]
        if not (is_versioned or array.flags.writeable):
            raise BufferError(
                "the array is read-only, which DLPack can say from version 1.0 on, and the "
                "consumer asks for an earlier one; pass copy=True, or a writeable array"
            )
        minor = min(VERSION, latest)[1] if is_versioned else None
        return _cpu.dlpack_capsule(
            array,
            _cpu.address(array),
            array.shape,
            tuple(step // array.itemsize for step in array.strides),
            _CODES[array.dtype],
            not array.flags.writeable,
            bool(copy),
            minor,
        )


def to_dlpack(array: Any) -> Any:
    """Return an object that ``from_dlpack`` of any library takes, also of bfloat16 and float8.

    NumPy arrays of the dtypes of ml_dtypes have no DLPack of their own, so that
    ``torch.from_dlpack(array)`` refuses them. The object exports the same memory, without a copy,
    as DLPack 1.1 describes it: read-only arrays are marked, and ``copy=`` and ``device=`` of the
    consumer are heeded.

    Args:
        array: a NumPy array of a dtype that fastinit knows, of any strides that are whole elements
            and not negative.
            An array of another library that has DLPack itself is returned as it is.

    Raises:
        TypeError: ``array`` is not an array.
        ValueError: a dtype that is not known, a masked array, or strides that are negative or not
            whole elements.

    Example:
        >>> import fastinit, torch
        >>> w = fastinit.he_normal((64, 32), seed=0, dtype="bfloat16")
        >>> torch.from_dlpack(fastinit.to_dlpack(w)).dtype
        torch.bfloat16
    """
    if not isinstance(array, np.ndarray):
        if hasattr(array, "__dlpack__"):
            return array
        raise TypeError(f"array={shown(array)} is {type_of(array)}; pass an array")
    if type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray):
        raise ValueError("the array is masked, and DLPack has no masks; pass array.filled()")
    if array.dtype not in _CODES:
        raise ValueError(
            f"dtype={array.dtype} is not exported; known are "
            f"{', '.join(each.name for each in _CODES)}"
        )
    if any(step < 0 for step in array.strides):
        raise ValueError(
            f"the array has strides of {array.strides} bytes, and not all libraries take negative "
            "ones: torch ends the process; pass a copy"
        )
    if any(step % array.itemsize for step in array.strides):
        raise ValueError(
            f"the array has strides of {array.strides} bytes, which are not whole elements of "
            f"{array.itemsize}; pass a copy"
        )
    return Exported(array)
