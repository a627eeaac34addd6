"""Fakes of a GPU's software, so that its Python side runs anywhere: ``_cuda`` and CuPy.

The GPU's memory is the host's here, and the extension module draws on the CPU: this tests which
memory, device and stream a call ends at, and not that the kernels draw the same.
"""

import ctypes
import importlib.machinery
import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastinit.native import _cpu, cuda


class CudaError(RuntimeError):
    def __init__(self, call: str, code: int) -> None:
        super().__init__(f"{call}: failed ({code})")
        self.call, self.code = call, code


class Extension(ModuleType):
    """Fake ``fastinit.native._cuda`` with two GPUs, which records its calls."""

    CudaError = CudaError

    def __init__(self, **changes: Any) -> None:
        super().__init__("fastinit.native._cuda")
        self.calls: list[tuple[int, int, int]] = []  # requests, device, stream
        self.driver, self.runtime, self.capabilities = 13000, 13000, [(9, 0), (8, 6)]
        self.error: CudaError | None = None
        self.architectures: tuple[str, ...] = ("75", "80", "90", "90-virtual")
        self.on_host: set[int] = set()  # addresses outside the GPUs
        vars(self).update(changes)

    def driver_version(self) -> int:
        return self.driver

    def runtime_version(self) -> int:
        return self.runtime

    def device_count(self) -> int:
        if self.error is not None:
            raise self.error
        return len(self.capabilities)

    def device_properties(self, number: int) -> dict[str, Any]:
        return {"name": f"Card {number}", "compute_capability": self.capabilities[number]}

    def pointer_device(self, address: int) -> int:
        return -1 if address in self.on_host else 1

    def fill(self, requests: NDArray[np.void], device: int, stream: int) -> None:
        self.calls.append((len(requests), device, stream))
        _cpu.fill(requests)


class CupyArray:
    """Fake ``cupy.ndarray``."""

    def __init__(self, memory: NDArray[Any], number: int = 0) -> None:
        self.memory = memory
        self.shape, self.dtype, self.flags = memory.shape, memory.dtype, memory.flags
        self.nbytes = memory.nbytes
        self.device = SimpleNamespace(id=number)
        self.data = SimpleNamespace(ptr=memory.ctypes.data)

    def get(self) -> NDArray[Any]:
        return self.memory.copy()


class OutOfMemoryError(MemoryError): ...


class _OfThreads(type):
    """The class of ``CupyDevice``: each thread has a current device of its own, as CUDA has it."""

    _local = threading.local()

    @property
    def current(cls) -> int:
        return getattr(cls._local, "number", 0)

    @current.setter
    def current(cls, number: int) -> None:
        cls._local.number = number


class CupyDevice(metaclass=_OfThreads):
    """Fake ``cupy.cuda.Device``; number 0 is the current one."""

    def __init__(self, number: int | None = None) -> None:
        self.id = CupyDevice.current if number is None else number

    def __enter__(self) -> "CupyDevice":
        self.before, CupyDevice.current = CupyDevice.current, self.id
        return self

    def __exit__(self, *_: object) -> None:
        CupyDevice.current = self.before

    def synchronize(self) -> None: ...


CupyDevice.__module__ = "cupy.cuda.device"


class Cupy(ModuleType):
    """Fake ``cupy``: at most ``room`` bytes per array; GPU n's stream is 70 + n."""

    room = 1 << 20

    def __init__(self) -> None:
        super().__init__("cupy")
        self.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
        self.ndarray = CupyArray
        self.cuda = SimpleNamespace(
            Device=CupyDevice,
            get_current_stream=lambda number: SimpleNamespace(ptr=70 + number),
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            runtime=SimpleNamespace(
                memsetAsync=lambda address, value, size, _: ctypes.memset(address, value, size)
            ),
        )

    def get_default_memory_pool(self) -> SimpleNamespace:
        return SimpleNamespace(free_all_blocks=lambda: None)

    def empty(self, shape: tuple[int, ...], kind: Any) -> CupyArray:
        dtype = np.dtype(kind)
        if dtype.name.startswith("float8"):
            raise ValueError(f"Unsupported dtype {dtype.name}")
        if math.prod(shape) * dtype.itemsize > self.room:
            raise OutOfMemoryError("Out of memory allocating")
        return CupyArray(np.zeros(shape, dtype), CupyDevice.current)


@contextmanager
def machine(patch: pytest.MonkeyPatch, extension: ModuleType | None) -> Iterator[None]:
    """A machine whose ``fastinit.native._cuda`` is this, or that has none."""
    with patch.context() as now:
        now.setitem(sys.modules, "fastinit.native._cuda", extension)
        cuda.extension.cache_clear()
        yield
    cuda.extension.cache_clear()
