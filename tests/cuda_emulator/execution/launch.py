"""What the batches of one launch share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cuda_emulator.errors import EmuError
from cuda_emulator.execution.options import Options
from cuda_emulator.memory.device import Device
from cuda_emulator.memory.races import PutOffReads, Shadow
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.ptx_types import SIZES, UNSIGNED, Array, u8

if TYPE_CHECKING:
    from cuda_emulator.kernel import Kernel

Dim3 = tuple[int, int, int]
SHARED_START = 1024  # first byte of shared memory that a kernel may use
_ACCESSING = ("ld", "st", "atom", "red")


class Launch:
    """A kernel's arguments, sizes, options, statistics and memory."""

    def __init__(
        self,
        kernel: Kernel,
        grid: Dim3,
        block: Dim3,
        arguments: Array,
        device: Device,
        shared: int,
        options: Options,
    ) -> None:
        self.kernel, self.grid, self.block, self.device = kernel, grid, block, device
        self.options, self.arguments = options, arguments
        self.threads = block[0] * block[1] * block[2]
        if not self._is_valid():
            raise EmuError(f"invalid launch configuration {grid} {block}")
        self.generator = np.random.default_rng(options.seed)
        self.dynamic_shared = shared
        self.dynamic_start = SHARED_START + up_to_16(kernel.shared)
        self.shared_end = self.dynamic_start + shared
        self.shared_size = up_to_16(self.shared_end)
        self.statistics = {"thread_instructions": 0, "blocks_run": 0, "barriers": 0}
        self.undefined: set[str] = set()
        """Registers that were read before anything was assigned to them."""
        self._addresses: dict[str, Array] = {}
        for name, (space, _) in kernel.globals.items():
            if space == "global":
                self.address(name)
        self.granules = self._granules()
        self.shadow: Shadow | None = None
        self.put_off: PutOffReads | None = None
        if options.racecheck:
            granule = self.granules["global"]
            self.shadow = Shadow(device.top // granule, granule, "global")
            self.put_off = PutOffReads(device, self.shadow)

    def _is_valid(self) -> bool:
        (x, y, z), depth = self.grid, self.block[2]
        is_grid = min(x, y, z) >= 1 and x < 2**31 and max(y, z) < 2**16
        return is_grid and 1 <= self.threads <= 1024 and depth <= 64

    def _granules(self) -> dict[str, int]:
        """Return the smallest access to each space, at most 4 bytes."""
        granules = {"shared": 4, "global": 4}
        for block in self.kernel.blocks:
            for each in block.instructions:
                if each.name in _ACCESSING and each.type in SIZES:
                    for space in _spaces(each):
                        granules[space] = min(granules[space], SIZES[each.type])
        return granules

    # ---- for generated code

    def address(self, name: str) -> Array:
        """Return the address of a variable in its own space."""
        if name not in self._addresses:
            variables = self.kernel.variables
            found = variables[name] if name in variables else self.kernel.globals[name]
            space, offset = found
            if isinstance(offset, np.ndarray):
                number = self.device.variable(self.kernel.globals, name, offset)
            elif space == "shared":
                number = self.dynamic_start if offset is None else SHARED_START + offset
            else:
                assert offset is not None
                number = offset
            self._addresses[name] = np.array([number], u8)
        return self._addresses[name]

    def parameter(self, offset: int, size: int) -> Array:
        return self.arguments[offset : offset + size].view(UNSIGNED[size])

    def parameter_at(self, offsets: Array, size: int) -> Array:
        """Return what is read at an offset per thread."""
        places = offsets.astype(np.int64)[:, np.newaxis] + np.arange(size)
        return self.arguments[places].view(UNSIGNED[size])[:, 0]


def _spaces(c: Instruction) -> list[str]:
    """Return which of shared and global memory an access may reach."""
    named = {part.split("::")[0] for part in c.parts}
    if not named & {"shared", "global", "param", "local"}:
        return ["shared", "global"]
    return [space for space in ("shared", "global") if space in named]


def up_to_16(size: int) -> int:
    return -(-size // 16) * 16
