"""The extension module ``_cuda`` without a GPU: the emulator runs its kernels.

The module must be linked with runtime.c in place of CUDA's runtime library, and hold its PTX as
text (``--compress-mode=none``). Device pointers are addresses inside ``StandIn.device``.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cuda_emulator.errors import EmuError, PtxError
from cuda_emulator.memory.device import GLOBAL_BASE, Device
from cuda_emulator.module import Module

_LAUNCH_FAILURE, _INVALID_VALUE = 719, 1
_MULTIPROCESSORS, _MAJOR, _MINOR = 16, 75, 76  # numbers of device attributes
_SHARED_MEMORY, _FREE_MEMORY = 97, -1
_ATTRIBUTES = {10: 32, 1: 1024, 8: 49152}


@dataclass
class Launch:
    """One launch: the kernel's mangled name, its grid, block and stream, and what it took."""

    name: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    stream: int
    thread_instructions: int


@dataclass
class StandIn:
    """The one device of an emulated module.

    ``architecture`` chooses the PTX (``"sm_80"``), ``multiprocessors`` the grid, ``order`` that
    of the threads; ``shared_memory`` is the most that a block may ask for, in bytes. ``log`` lists
    the launches, ``copies`` what was copied where, ``error`` is what a failed call found.
    """

    path: Path
    architecture: str = "sm_80"
    multiprocessors: int = 1
    shared_memory: int = 232448
    free_memory: int = 1 << 30
    order: str = "lockstep"
    racecheck: bool = True
    allow: tuple[str, ...] = ()
    device: Device = field(default_factory=Device)
    log: list[Launch] = field(default_factory=list)
    copies: list[tuple[int, int]] = field(default_factory=list)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._modules: dict[str, Module] = {}
        self._split: dict[str, dict[str, str]] = {}
        self._library = ctypes.CDLL(str(self.path))
        c_int, c_size, c_address = ctypes.c_int, ctypes.c_size_t, ctypes.c_uint64
        pointer, to = ctypes.c_void_p, ctypes.POINTER
        self._callbacks = [
            ctypes.CFUNCTYPE(c_int, c_size, to(c_address))(self._allocate),
            ctypes.CFUNCTYPE(c_int, c_address)(self._release),
            ctypes.CFUNCTYPE(c_int, c_address, c_address, c_size)(self._copy),
            ctypes.CFUNCTYPE(c_int, c_address, c_int, c_size)(self._set),
            ctypes.CFUNCTYPE(
                c_int, ctypes.c_char_p, to(ctypes.c_uint), to(pointer), c_size, c_address
            )(self._launch),
            ctypes.CFUNCTYPE(None, pointer)(self._image),
            ctypes.CFUNCTYPE(c_int, c_int)(self._attribute),
            ctypes.CFUNCTYPE(c_int, c_address)(self._is_device_memory),
        ]
        table = (pointer * len(self._callbacks))(
            *[ctypes.cast(callback, pointer) for callback in self._callbacks]
        )
        self._library.stand_in_hooks(table)

    # ---- for tests

    def architectures(self) -> list[str]:
        """The architectures whose PTX the module holds, oldest first."""
        return sorted(self._texts, key=lambda name: (len(name), name))

    def kernels(self) -> list[str]:
        """The names of all kernels."""
        return list(self._kernels(self.architectures()[0]))

    def classes(self, kernel: str) -> list[list[str]]:
        """Architectures for which a kernel's PTX is the same: one of them proves all."""
        found: dict[str, list[str]] = {}
        for architecture in self.architectures():
            found.setdefault(self._kernels(architecture)[kernel], []).append(architecture)
        return list(found.values())

    def _kernels(self, architecture: str) -> dict[str, str]:
        """Each kernel's PTX, followed by all PTX outside kernels except the name of the target."""
        if architecture not in self._split:
            text = re.sub(r"(?m)^\.target .*$|//.*$", "", self._texts[architecture])
            entry = re.compile(r"^(?:\.visible |\.weak )?\.entry (\w+)\(.*?^\}$", re.M | re.S)
            rest = entry.sub("", text)
            found = entry.finditer(text)
            self._split[architecture] = {match[1]: match[0] + rest for match in found}
        return self._split[architecture]

    def module(self) -> Module:
        """The parsed PTX of ``architecture``."""
        if self.architecture not in self._modules:
            self._modules[self.architecture] = Module(self._texts[self.architecture])
        return self._modules[self.architecture]

    def fail(self, call: str, code: int, after: int = 0) -> None:
        """Let the call of this name return an error code, after some more calls that succeed."""
        self._library.stand_in_fail(call.encode(), code, after)

    def machine(self, devices: int, driver: int = 13000) -> None:
        """Set the number of devices, of which one can draw, and the driver's version or 0."""
        self._library.stand_in_machine(devices, driver)

    def capturing(self, on: bool) -> None:
        """Say whether streams are being captured into a graph."""
        self._library.stand_in_capturing(int(on))

    def capturing_elsewhere(self, on: bool) -> None:
        """Say whether some other stream is being captured, which few calls may happen beside."""
        self._library.stand_in_capturing_elsewhere(int(on))

    def capture_mode(self) -> int:
        """What this thread does beside captures: 0 the default, 2 anything."""
        mode: int = self._library.stand_in_capture_mode()
        return mode

    def busy(self, on: bool) -> None:
        """Say whether streams have yet to reach the events that are recorded from now on."""
        self._library.stand_in_busy(int(on))

    def last_error(self) -> int:
        """The error that the next caller of ``cudaGetLastError`` would take for its own."""
        code: int = self._library.cudaPeekAtLastError()
        return code

    @contextmanager
    def fresh(self, **settings: Any) -> Iterator[StandIn]:
        """Use other settings, then those from before, without errors or a log."""
        before = {name: getattr(self, name) for name in settings}
        self._clear()
        for name, value in settings.items():
            setattr(self, name, value)
        try:
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)
            self._clear()

    def _clear(self) -> None:
        self.error = None
        self.log.clear()
        self.copies.clear()
        self._library.stand_in_reset()
        self.machine(1)

    # ---- what the library calls

    def _image(self, address: int) -> None:
        """A fat binary: magic, version, size of the header (u16 at 6), of the rest (u64 at 8)."""
        size = ctypes.c_uint64.from_address(address + 8).value
        size += ctypes.c_uint16.from_address(address + 6).value
        data = ctypes.string_at(address, size)
        for match in re.finditer(rb"\.version \d", data):
            text = data[match.start() : data.index(b"\0", match.start())].decode()
            target = re.search(r"\.target (\w+)", text)
            assert target is not None
            self._texts[target[1]] = self._texts.get(target[1], "") + text

    def _guard(self, work: Callable[[], None], code: int) -> int:
        try:
            work()
        except (EmuError, PtxError, ValueError) as error:
            self.error = error
            return code
        return 0

    def _allocate(self, size: int, out: Any) -> int:
        out[0] = self.device.alloc(size) if size else 0
        return 0

    def _release(self, address: int) -> int:
        return self._guard(lambda: self.device.free(address), _INVALID_VALUE)

    def _is_device_memory(self, address: int) -> int:
        return int(0 <= address - GLOBAL_BASE < len(self.device.octets))

    def _copy(self, to: int, source: int, size: int) -> int:
        self.copies.append((source, to))

        def work() -> None:
            data: NDArray[np.uint8]
            if self._is_device_memory(source):
                data = self.device.read(source, np.uint8, size)
            else:
                data = np.frombuffer(ctypes.string_at(source, size), np.uint8)
            if self._is_device_memory(to):
                self.device.write(to, data)
            else:
                ctypes.memmove(to, data.tobytes(), size)

        return self._guard(work, _INVALID_VALUE)

    def _set(self, address: int, value: int, size: int) -> int:
        filled = np.full(size, value & 255, np.uint8)
        return self._guard(lambda: self.device.write(address, filled), _INVALID_VALUE)

    def _attribute(self, number: int) -> int:
        major, minor = divmod(int(self.architecture.removeprefix("sm_")), 10)
        if number in (_MAJOR, _MINOR):
            return major if number == _MAJOR else minor
        own = {
            _MULTIPROCESSORS: self.multiprocessors,
            _SHARED_MEMORY: self.shared_memory,
            _FREE_MEMORY: self.free_memory,
        }
        return own[number] if number in own else _ATTRIBUTES[number]

    def _launch(self, name: bytes, sizes: Any, arguments: Any, shared: int, stream: int) -> int:
        grid, block = tuple(sizes[0:3]), tuple(sizes[3:6])

        def work() -> None:
            kernel = self.module().kernel(name.decode())
            values = [
                ctypes.string_at(arguments[k], size)
                for k, (_, size) in enumerate(kernel.params.values())
            ]
            done = kernel.launch(
                grid, block, values, self.device, shared,
                order=self.order, racecheck=self.racecheck, allow=self.allow,
            )  # fmt: skip
            instructions = done["thread_instructions"]
            self.log.append(Launch(name.decode(), grid, block, stream, instructions))

        return self._guard(work, _LAUNCH_FAILURE)
