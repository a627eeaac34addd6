"""The devices that can fill a torch tensor in place."""

from __future__ import annotations

import functools

import torch

from fastinit.arrays.devices import CPU, Cuda, Device
from fastinit.native import cuda


def device_of(tensor: torch.Tensor) -> Device | None:
    """Return the device that fills a tensor in place, or None where a buffer is needed."""
    if tensor.is_conj() or tensor.is_neg():  # its memory does not hold its values
        return None
    if tensor.is_cpu:
        return CPU
    number = tensor.device.index
    if tensor.is_cuda and _has_extension(number):
        return Cuda(number, torch.cuda.current_stream(number).cuda_stream)
    return None


@functools.cache
def _has_extension(number: int) -> bool:
    try:
        cuda.extension(number)
    except (RuntimeError, ValueError):
        return False
    return True
