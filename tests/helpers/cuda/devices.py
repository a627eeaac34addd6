"""The devices that CUDA tests run on: an emulated one, or a card where there is one."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cuda_emulator.standin import StandIn
from helpers.cuda.build import build, building
from helpers.requests import joined

# Architectures whose PTX is the same except for the target; tests assert that.
CLASSES = (("75",), ("80", "90"), ("100", "110", "120"))
VIRTUAL = tuple(each[0] for each in CLASSES)
# Operations allowed although PTX does not fix their bits; csrc/lanes/cuda.h says why.
ALLOWED = ("rsqrt.approx.ftz.f32", "rsqrt.approx.ftz.f64")


class Machine(Protocol):
    """A device with memory of bytes and the module's fill."""

    def put(self, data: NDArray[np.uint8]) -> int:
        """The address of a copy of the bytes, which no other memory touches."""

    def get(self, address: int, size: int) -> NDArray[np.uint8]:
        """The bytes that are there now."""

    def fill(self, records: Sequence[bytes]) -> None:
        """Draw."""

    def clear(self) -> None:
        """Free all memory."""


class Emulated:
    """The emulated device."""

    def __init__(self, module: ModuleType, stand_in: StandIn) -> None:
        self.module = module
        self.stand_in = stand_in
        self._addresses: list[int] = []

    def put(self, data: NDArray[np.uint8]) -> int:
        address: int = self.stand_in.device.put(data)
        self._addresses.append(address)
        return address

    def get(self, address: int, size: int) -> NDArray[np.uint8]:
        data: NDArray[np.uint8] = self.stand_in.device.read(address, np.uint8, size)
        return data

    def fill(self, records: Sequence[bytes]) -> None:
        try:
            self.module.fill(joined(records), 0, 0)
        except self.module.CudaError as error:
            raise self.stand_in.error or error from None

    def clear(self) -> None:
        while self._addresses:
            self.stand_in.device.free(self._addresses.pop())


class Card:
    """A GPU, with memory from torch."""

    def __init__(self) -> None:
        from fastinit.native import _cuda

        self.module = _cuda
        self._arrays: dict[int, Any] = {}

    def put(self, data: NDArray[np.uint8]) -> int:
        import torch

        array = torch.from_numpy(data).cuda()
        address: int = array.data_ptr()
        self._arrays[address] = array
        return address

    def get(self, address: int, size: int) -> NDArray[np.uint8]:
        data: NDArray[np.uint8] = self._arrays[address].cpu().numpy()
        assert data.size == size
        return data

    def fill(self, records: Sequence[bytes]) -> None:
        import torch

        stream = torch.cuda.current_stream().cuda_stream
        self.module.fill(joined(records), torch.cuda.current_device(), stream)

    def clear(self) -> None:
        self._arrays.clear()


def card_is_missing() -> str | None:
    """The reason why there is no card, or None."""
    import torch

    import fastinit

    if not torch.cuda.is_available():
        return "torch finds no GPU"
    status = fastinit.cuda_status()
    return None if status.startswith("usable") else status


@functools.cache
def emulated() -> Emulated:
    """The module built for emulation, loaded beside the installed one."""
    building().wait()
    path = build()  # again if that failed, to see the error
    stand_in = StandIn(path, allow=ALLOWED)
    # A name of its own is needed: pybind11 returns a loaded module again for the same name.
    spec = importlib.util.spec_from_file_location("emulated._cuda", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Emulated(module, stand_in)
