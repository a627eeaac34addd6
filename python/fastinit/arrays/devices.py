"""Devices: what fills memory, this machine's processors or a GPU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from fastinit.native import cpu, cuda
from fastinit.native.request import as_array

_NAME = re.compile(r"cpu|cuda(:\d+)?")


@dataclass(frozen=True, slots=True)
class Cpu:
    """This machine's processors."""

    kind: ClassVar[str] = "cpu"

    def fill(self, requests: list[bytes]) -> None:
        """Draw all requests, and return when they are drawn."""
        if requests:
            cpu.fill(as_array(requests))

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True)
class Cuda:
    """A GPU by CUDA's number, and the stream, by CUDA's handle, on which its memory is used."""

    kind: ClassVar[str] = "cuda"

    number: int
    stream: int

    def fill(self, requests: list[bytes]) -> None:
        """Enqueue the drawing of all requests on the stream, and return without waiting for it."""
        if requests:
            cuda.fill(as_array(requests), self.number, self.stream)

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}"


Device = Cpu | Cuda
CPU = Cpu()


def name_of(device: Any) -> str | None:
    """Return ``"cpu"``, ``"cuda"`` (the current GPU) or ``"cuda:1"``; None for None.

    Args:
        device: such a name, a torch, CuPy or JAX device, or None.

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
