"""A kernel: its translation, and its launches."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from cuda_emulator.errors import EmuError, PtxError
from cuda_emulator.execution.batch import Batch
from cuda_emulator.execution.launch import Dim3, Launch
from cuda_emulator.execution.options import Options
from cuda_emulator.execution.scheduler import Scheduler
from cuda_emulator.memory.device import Device
from cuda_emulator.program.instruction import Function, Variable
from cuda_emulator.program.lint import Finding, lint
from cuda_emulator.ptx_types import Array, u1
from cuda_emulator.translation.inlining import Inlined
from cuda_emulator.translation.translate import translate


class Program(Protocol):
    """What a kernel needs of its module."""

    @property
    def functions(self) -> Mapping[str, Function | None]: ...
    @property
    def globals(self) -> Mapping[str, Variable]: ...
    @property
    def shared(self) -> int: ...


class Kernel:
    """A translated kernel, which counts how often each of its blocks ran."""

    def __init__(self, module: Program, function: Function) -> None:
        self.name = function.name
        self.globals = module.globals
        self.params, self.param_bytes = _laid_out(function)
        """Offset and size of each parameter."""
        inlined = Inlined(function, module.functions, module.shared)
        self.code, self.registers, self.variables = (
            inlined.code,
            inlined.registers,
            inlined.variables,
        )
        self.local, self.shared = inlined.local, inlined.shared
        offsets = {name: offset for name, (offset, _) in self.params.items()}
        symbols = {*self.variables, *self.globals}
        self.blocks = translate(self.name, inlined, symbols, offsets)

    def launch(
        self,
        grid: int | Sequence[int],
        block: int | Sequence[int],
        args: Sequence[Any],
        device: Device,
        shared: int = 0,
        **options: Any,
    ) -> dict[str, Any]:
        """Run the kernel and return statistics.

        Args:
            grid, block: their sizes.
            args: bytes, integers, NumPy numbers or arrays, each of its parameter's size.
            device: the memory that it runs on.
            shared: bytes of dynamic shared memory.
            options: those of ``Options``.
        """
        chosen = Options(**options)
        self._check_lint(chosen.allow)
        arguments = self._packed(args)
        launch = Launch(self, _dim3(grid), _dim3(block), arguments, device, shared, chosen)
        blocks = launch.grid[0] * launch.grid[1] * launch.grid[2]
        per_batch = max(1, chosen.max_threads // launch.threads)
        start = time.perf_counter()
        with np.errstate(all="ignore"):
            for first in range(0, blocks, per_batch):
                Scheduler(Batch(launch, first, min(per_batch, blocks - first))).run()
        seconds = time.perf_counter() - start
        return launch.statistics | {"undefined_reads": launch.undefined, "seconds": seconds}

    @functools.cached_property
    def _lint(self) -> list[Finding]:
        return list(lint(self.code, self.name))

    def _check_lint(self, allow: tuple[str, ...]) -> None:
        """Refuse instructions whose results PTX does not fix, also in called functions."""
        for kind, _, line, op in self._lint:
            if kind not in allow and op not in allow:
                raise PtxError(
                    f"line {line}: {op} is {kind}: its result is not fixed to the bit "
                    f"(allow={kind!r} to run it)"
                )

    def _packed(self, args: Sequence[Any]) -> Array:
        if len(args) != len(self.params):
            raise EmuError(
                f"kernel {self.name} takes {len(self.params)} arguments, got {len(args)}"
            )
        packed = np.zeros(self.param_bytes + 8, u1)
        for (name, (offset, size)), arg in zip(self.params.items(), args, strict=True):
            raw = _bytes(arg, size)
            if len(raw) != size:
                raise EmuError(f"argument {name} has {size} bytes, got {len(raw)}")
            packed[offset : offset + size] = np.frombuffer(raw, u1)
        return packed

    def coverage(self) -> tuple[list[int], list[int]]:
        """Return the lines that never ran, and the blocks whose branch always went one way."""
        unrun = [block for block in self.blocks if not block.hits]
        never = sorted({each.line for block in unrun for each in block.instructions})
        conditional = [block for block in self.blocks if block.branch.guard and block.hits]
        return never, [block.number for block in conditional if not all(block.taken)]


def _laid_out(function: Function) -> tuple[dict[str, tuple[int, int]], int]:
    """Return the offset and size of each parameter, and the size of all."""
    found: dict[str, tuple[int, int]] = {}
    offset = 0
    for name, _, align, size in function.params:
        offset = -(-offset // align) * align
        found[name] = offset, size
        offset += size
    return found, offset


def _dim3(sizes: int | Sequence[int]) -> Dim3:
    x, y, z = (*np.atleast_1d(sizes).tolist(), 1, 1)[:3]
    return x, y, z


def _bytes(arg: Any, size: int) -> bytes:
    if isinstance(arg, bytes | bytearray):
        return bytes(arg)
    if isinstance(arg, int):
        return arg.to_bytes(8, "little", signed=arg < 0)[:size]
    return bytes(np.asarray(arg).tobytes())
