"""Devices: who fills memory, this machine's processors or a GPU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from fastinit import cuda, native
from fastinit.requests import requests_of

_NAME = re.compile(r"cpu|cuda(:\d+)?")


@dataclass(frozen=True, slots=True)
class Cpu:
    """This machine's processors."""

    kind: ClassVar[str] = "cpu"

    def fill(self, records: list[bytes]) -> None:
        """Draw all records, and return when they are drawn."""
        if records:
            native.fill(requests_of(records))

    def __str__(self) -> str:
        """As ``device=`` takes it."""
        return self.kind


@dataclass(frozen=True, slots=True)
class Cuda:
    """A GPU by CUDA's number, and the stream, by CUDA's handle, on which its memory is used."""

    kind: ClassVar[str] = "cuda"

    number: int
    stream: int

    def fill(self, records: list[bytes]) -> None:
        """Enqueue the drawing of all records on the stream, and return without waiting for it."""
        if records:
            cuda.fill(requests_of(records), self.number, self.stream)

    def __str__(self) -> str:
        """As ``device=`` takes it."""
        return f"{self.kind}:{self.number}"


Device = Cpu | Cuda
CPU = Cpu()


def name_of(device: Any) -> str | None:
    """``"cpu"``, ``"cuda"`` (the current one), ``"cuda:1"``, or None for None.

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
    """Raise where ``out=`` lies on another device than the one that was asked for."""
    if wanted not in (None, found.kind, str(found)):
        raise ValueError(
            f"device='{wanted}' but out= lies on {found}; leave device out, or make them agree"
        )
