"""Destinations: where drawn values go, a new array or the memory of a given ``out=``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastinit.arrays.devices import CPU, Device, check, name_of
from fastinit.arrays.memory import empty, empty_on_gpu
from fastinit.arrays.outputs import Output, adopt
from fastinit.native.dtypes import DTYPES, dtype_of
from fastinit.native.request import Request

_FLOAT32 = DTYPES["float32"]


def destination(shape: tuple[int, ...], dtype: Any | None, out: Any | None, device: Any) -> Output:
    """Return a new array of ``shape``, or the memory of ``out`` once it is known to fit.

    Its ``device.fill(requests)`` draws there; its ``array()`` then gives the array.

    Raises:
        MemoryError: there is not enough memory.
        RuntimeError: CUDA cannot be used here, or CuPy is missing for a new array.
        TypeError: ``out`` is not an array.
        ValueError: the device or dtype is unknown, or ``out`` has another shape, dtype or device,
            is not C-contiguous or read-only.
    """
    device_name = None if device is None else name_of(device)
    wanted = None if dtype is None else dtype_of(dtype)
    if out is None:
        wanted = wanted or _FLOAT32
        if device_name is None or device_name == CPU.kind:
            array, address = empty(shape, wanted)
            return Output(address, shape, wanted, array, CPU)
        return adopt(empty_on_gpu(shape, wanted, device_name))
    found = adopt(out)
    check(found.device, device_name)
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


def fill(requests_for: Iterable[tuple[Output, Sequence[Request]]]) -> None:
    """Draw each output's requests, in one call for each device."""
    by_device: dict[Device, list[Request]] = {}
    for output, requests in requests_for:
        by_device.setdefault(output.device, []).extend(requests)
    fill_devices(by_device)


def fill_devices(by_device: Mapping[Device, Sequence[Request]]) -> None:
    """Draw the requests of each device, once those of all are known to have values."""
    for device, every in by_device.items():
        device.prepare(every)
    for device, every in by_device.items():
        device.run(every)
