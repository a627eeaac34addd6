"""Stand-ins for a GPU's software, so that the Python side runs anywhere: ``_cuda`` and CuPy.

The GPU's memory is the host's here, and the extension module draws on the CPU: so what is tested is
which memory, device and stream a call ends at. That the kernels draw the same is another matter.
"""

import ctypes
import importlib.machinery
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastinit import _cpu, cuda


class CudaError(RuntimeError):
    """In the place of ``_cuda``'s."""

    def __init__(self, call: str, code: int) -> None:
        """Of a function of CUDA and its result."""
        super().__init__(f"{call}: failed ({code})")
        self.call, self.code = call, code


class Extension(ModuleType):
    """In the place of ``fastinit._cuda``: two GPUs, whose drawing is written down."""

    CudaError = CudaError

    def __init__(self, **changes: Any) -> None:
        """With attributes or results other than the usual ones."""
        super().__init__("fastinit._cuda")
        self.calls: list[tuple[int, int, int]] = []  # requests, device, stream
        self.driver, self.runtime, self.capabilities = 13000, 13000, [(9, 0), (8, 6)]
        self.error: CudaError | None = None
        self.architectures: tuple[str, ...] = ("75", "80", "90", "90-virtual")
        self.on_host: set[int] = set()  # addresses that are no GPU's
        vars(self).update(changes)

    def driver_version(self) -> int:
        """0: no driver."""
        return self.driver

    def runtime_version(self) -> int:
        """That the module was built with."""
        return self.runtime

    def device_count(self) -> int:
        """How many GPUs are visible."""
        if self.error is not None:
            raise self.error
        return len(self.capabilities)

    def device_properties(self, number: int) -> dict[str, Any]:
        """Of a GPU."""
        return {"name": f"Card {number}", "compute_capability": self.capabilities[number]}

    def pointer_device(self, address: int) -> int:
        """Where an address lies."""
        return -1 if address in self.on_host else 1

    def fill(self, requests: NDArray[np.void], device: int, stream: int) -> None:
        """Draw, on the CPU."""
        self.calls.append((len(requests), device, stream))
        _cpu.fill(requests)


class CupyArray:
    """In the place of ``cupy.ndarray``."""

    def __init__(self, memory: NDArray[Any], number: int = 0) -> None:
        """Over a NumPy array, as if it lay on GPU ``number``."""
        self.memory = memory
        self.shape, self.dtype, self.flags = memory.shape, memory.dtype, memory.flags
        self.nbytes = memory.nbytes
        self.device = SimpleNamespace(id=number)
        self.data = SimpleNamespace(ptr=memory.ctypes.data)

    def get(self) -> NDArray[Any]:
        """A copy on the host."""
        return self.memory.copy()


class OutOfMemoryError(MemoryError):
    """In the place of CuPy's."""


class CupyDevice:
    """In the place of ``cupy.cuda.Device``; number 0 is the current one."""

    current = 0

    def __init__(self, number: int | None = None) -> None:
        """A GPU, or the current one."""
        self.id = self.current if number is None else number

    def __enter__(self) -> "CupyDevice":
        """Make it current."""
        self.before, CupyDevice.current = CupyDevice.current, self.id
        return self

    def __exit__(self, *_: object) -> None:
        """Put the one from before back."""
        CupyDevice.current = self.before

    def synchronize(self) -> None:
        """Nothing is ever under way."""


CupyDevice.__module__ = "cupy.cuda.device"


class Cupy(ModuleType):
    """In the place of ``cupy``: at most ``room`` bytes an array; GPU n's stream is 70 + n."""

    room = 1 << 20

    def __init__(self) -> None:
        """With nothing allocated."""
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
        """A pool that keeps nothing."""
        return SimpleNamespace(free_all_blocks=lambda: None)

    def empty(self, shape: tuple[int, ...], kind: Any) -> CupyArray:
        """An array on the current GPU."""
        dtype = np.dtype(kind)
        if dtype.name.startswith("float8"):
            raise ValueError(f"Unsupported dtype {dtype.name}")
        if math.prod(shape) * dtype.itemsize > self.room:
            raise OutOfMemoryError("Out of memory allocating")
        return CupyArray(np.zeros(shape, dtype), CupyDevice.current)


@contextmanager
def machine(patch: pytest.MonkeyPatch, extension: ModuleType | None) -> Iterator[None]:
    """A machine whose ``fastinit._cuda`` is this, or that has none."""
    with patch.context() as now:
        now.setitem(sys.modules, "fastinit._cuda", extension)
        cuda.extension.cache_clear()
        yield
    cuda.extension.cache_clear()
