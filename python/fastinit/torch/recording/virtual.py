"""Virtual tensors: addresses without memory, for weights that a recording never reads."""

from __future__ import annotations

import mmap

import torch

from fastinit.native.box import c_strides

_NO_RESERVE = 0x4000  # MAP_NORESERVE, which Python's mmap names from 3.13 on


def virtual(
    shape: tuple[int, ...],
    dtype: torch.dtype,
    strides: tuple[int, ...] | None = None,
    *,
    reserved: int = 0,
) -> torch.Tensor:
    """Return a CPU tensor whose pages the system provides when they are first touched.

    Args:
        shape: The shape.
        dtype: The dtype.
        strides: The strides; None means C order.
        reserved: Bytes up to which the memory is torch's own. The system counts no memory for
            larger tensors, which may be larger than the machine's.
    """
    steps = c_strides(shape) if strides is None else strides
    last = sum((size - 1) * step for size, step in zip(shape, steps, strict=True))
    size = (last + 1) * dtype.itemsize
    if size <= reserved:
        storage = torch.UntypedStorage(size)  # type: ignore[no-untyped-call]
    else:
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        memory = torch.frombuffer(mmap.mmap(-1, size, private), dtype=torch.uint8)
        storage = memory.untyped_storage()
    return torch.empty(0, dtype=dtype, device="cpu").set_(storage, 0, shape, steps)
