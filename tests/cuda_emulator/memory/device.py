"""Global memory: one arena with guard gaps between the buffers."""

from __future__ import annotations

import bisect
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from cuda_emulator.errors import EmuError
from cuda_emulator.ptx_types import UNSIGNED, Array, u1

GLOBAL_BASE = 0x7F3000000000  # where device buffers start (generic addresses are global ones)
SHARED_BASE = 0x7E0000000000  # generic window of shared memory
LOCAL_BASE = 0x7D0000000000  # generic window of local memory

_UNWRITTEN = 0xCB  # never rely on zeroed memory


class Device:
    """The global memory of a device. Addresses are integers from ``GLOBAL_BASE`` on."""

    def __init__(self, capacity: int = 1 << 20, gap: int = 4096) -> None:
        self.gap, self.top = gap, gap
        self.octets = np.zeros(capacity, u1)
        self.written = np.zeros(capacity, u1)
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.variables: dict[tuple[int, str], int] = {}
        """The addresses of modules' variables, by the module's identity and the name."""
        self._views()

    def _views(self) -> None:
        self.view = {size: self.octets.view(dtype) for size, dtype in UNSIGNED.items()}

    def alloc(self, nbytes: int, align: int = 256) -> int:
        """Reserve memory and return its address."""
        o = -(-self.top // align) * align
        self.top = o + int(nbytes) + self.gap
        while self.top + 16 > len(self.octets):
            self.octets = np.concatenate([self.octets, np.zeros(len(self.octets), u1)])
            self.written = np.concatenate([self.written, np.zeros(len(self.written), u1)])
            self._views()
        self.octets[o : o + nbytes] = _UNWRITTEN
        self.starts.append(o)
        self.ends.append(o + int(nbytes))
        return GLOBAL_BASE + o

    def free(self, address: int) -> None:
        k = self.starts.index(address - GLOBAL_BASE)
        del self.starts[k], self.ends[k]

    def put(self, array: Array) -> int:
        """Copy an array into new memory and return its address."""
        array = np.ascontiguousarray(array)
        address = self.alloc(array.nbytes)
        self.write(address, array)
        return address

    def write(self, address: int, array: Array) -> None:
        octets = np.ascontiguousarray(array).reshape(-1).view(u1)
        o = address - GLOBAL_BASE
        self.check_bounds(np.array([o]), len(octets), "host write", 0)
        self.octets[o : o + len(octets)] = octets
        self.written[o : o + len(octets)] = 1

    def read(self, address: int, dtype: DTypeLike, count: int) -> Array:
        n = np.dtype(dtype).itemsize * count
        o = address - GLOBAL_BASE
        if n:
            self.check_bounds(np.array([o]), n, "host read", 0)
        return self.octets[o : o + n].view(dtype).copy()

    def variable(self, module: Any, name: str, data: Array) -> int:
        """Return the address of a module's variable, which is copied to the device once."""
        key = id(module), name
        if key not in self.variables:
            self.variables[key] = self.put(data)
        return self.variables[key]

    def check_bounds(self, o: Array, size: int, what: str, line: int) -> None:
        """Fail unless ``size`` bytes at each offset lie in a buffer: fast where that is one."""
        low, high = int(o.min()), int(o.max())
        k = bisect.bisect_right(self.starts, low) - 1
        if k >= 0 and high + size <= self.ends[k]:
            return
        starts, ends = np.array(self.starts or [1 << 60]), np.array(self.ends or [0])
        buffers = np.searchsorted(starts, o, "right") - 1
        bad = (buffers < 0) | (o + size > ends[np.maximum(buffers, 0)])
        if bad.any():
            lane = int(np.flatnonzero(bad)[0])
            near = int(buffers[lane])
            past = f", {o[lane] + size - ends[near]} bytes past the end of a "
            past += f"{ends[near] - starts[near]}-byte buffer"
            raise EmuError(
                f"line {line}: {what} of {size} bytes out of bounds at "
                f"0x{GLOBAL_BASE + int(o[lane]):x} (lane {lane}){past if near >= 0 else ''}"
            )

    def buffer(self, o: Array, size: int) -> int | None:
        """Return the number of the one buffer that all these accesses lie in, or None."""
        k = bisect.bisect_right(self.starts, int(o.min())) - 1
        return k if int(o.max()) + size <= self.ends[k] else None

    def buffers(self, o: Array) -> list[int]:
        """Return the numbers of the buffers at these offsets."""
        return np.unique(np.searchsorted(self.starts, o, "right") - 1).tolist()
