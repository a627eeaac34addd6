"""Devices: what fills memory, this machine's processors or a GPU."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastinit.arrays import memory
from fastinit.native import cpu, cuda
from fastinit.native.request import Barrier, Operation, Request, as_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAME = re.compile(r"cpu|cuda(:\d+)?")


@dataclass(frozen=True, slots=True)
class Cpu:
    """This machine's processors."""

    kind: ClassVar[str] = "cpu"

    def fill(self, requests: Sequence[Request], threads: int = 0) -> None:
        """Draw all requests by this many threads, or as many as are set; return when it is done."""
        if len(requests) == 1 and type(requests[0]) is bytes:  # a small call, which a scan slows
            cpu.fill(requests[0], threads)
            return
        self.prepare(requests)
        self.run(requests, threads)

    def prepare(self, requests: Sequence[Request]) -> None:
        """Do what may fail, and write nothing; ``run`` needs it."""
        for each in requests:
            if type(each) is not bytes and isinstance(each, Operation):
                each.prepare(self)

    def run(self, requests: Sequence[Request], threads: int = 0) -> None:
        """Draw all requests once they are prepared."""
        for each in _stages(requests):
            if isinstance(each, Operation):
                each.run(self)
            else:
                cpu.fill(b"".join(each), threads)

    def view(self, address: int, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return memory as an array."""
        content = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
        return np.ndarray((count,), dtype, memoryview(content))

    def empty(self, count: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
        """Return a new array that is not initialized, and its address."""
        return memory.empty((count,), dtype)

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True)
class Cuda:
    """A GPU by CUDA's number, and the stream, by CUDA's handle, on which its memory is used."""

    kind: ClassVar[str] = "cuda"

    number: int
    stream: int

    def fill(self, requests: Sequence[Request]) -> None:
        """Enqueue the drawing of all requests on the stream, and return without waiting for it."""
        self.prepare(requests)
        self.run(requests)

    def prepare(self, requests: Sequence[Request]) -> None:
        """Do what may fail, and write nothing; ``run`` needs it.

        Raises:
            RuntimeError: CuPy is missing, which operations need.
        """
        operations = [each for each in requests if isinstance(each, Operation)]
        if any(not isinstance(each, Barrier) for each in operations):
            with memory.on_stream(self.number, self.stream):
                for each in operations:
                    each.prepare(self)

    def run(self, requests: Sequence[Request]) -> None:
        """Enqueue all requests once they are prepared."""
        for each in _stages(requests):
            if isinstance(each, Operation):
                with memory.on_stream(self.number, self.stream):
                    each.run(self)
            else:
                cuda.fill(as_array(each), self.number, self.stream)

    def view(self, address: int, count: int, dtype: np.dtype[Any]) -> Any:
        """Return memory as a CuPy array."""
        return memory.view_on_gpu(address, count, dtype, self.number)

    def empty(self, count: int, dtype: np.dtype[Any]) -> tuple[Any, int]:
        """Return a new CuPy array that is not initialized, and its address."""
        array = memory.empty_on_gpu((count,), dtype, str(self))
        return array, array.data.ptr

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}"


Device = Cpu | Cuda
CPU = Cpu()


def _stages(requests: Sequence[Request]) -> Iterator[Sequence[bytes] | Operation]:
    """Yield the operations but for barriers, and the requests between them."""
    begin = 0
    for at, each in enumerate(requests):
        if type(each) is bytes:  # nearly all of them
            continue
        if at > begin:
            yield requests[begin:at]  # type: ignore[misc]
        if isinstance(each, Operation) and not isinstance(each, Barrier):
            yield each
        begin = at + 1
    if begin < len(requests):
        yield requests[begin:] if begin else requests  # type: ignore[misc]


def name_of(device: Any) -> str | None:
    """Return ``"cpu"``, ``"cuda"`` (the current GPU) or ``"cuda:1"``; None for None.

    Args:
        device: such a name, one with "gpu" in the place of "cuda", a torch, CuPy or JAX device, or
            None.

    Raises:
        ValueError: it is none of those.
    """
    if device is None:
        return None
    if hasattr(device, "local_hardware_id"):  # JAX's
        name = Cpu.kind if device.platform == "cpu" else f"{Cuda.kind}:{device.local_hardware_id}"
    elif type(device).__module__.partition(".")[0] == "cupy":
        name = f"{Cuda.kind}:{device.id}"
    else:
        name = str(device)
    if name == "cpu:0":  # torch.device("cpu", 0)
        return Cpu.kind
    name = re.sub(r"^gpu\b", Cuda.kind, name)  # JAX's word
    if name.partition(":")[0] == "mps":
        raise ValueError(
            f"device={name!r} is not drawn on: there are CPUs and CUDA only; draw on the CPU and "
            "move the array, as in torch.from_numpy(array).to('mps')"
        )
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"device={device!r} is not known; use device='cpu', 'cuda' or 'cuda:1', or leave it out"
        )
    return name


def check(found: Device, wanted: str | None) -> None:
    """Check that ``out=`` lies on the device that was asked for.

    Raises:
        ValueError: it does not.
    """
    if wanted not in (None, found.kind, str(found)):
        raise ValueError(
            f"device='{wanted}' but out= lies on {found}; leave device out, or make them agree"
        )
