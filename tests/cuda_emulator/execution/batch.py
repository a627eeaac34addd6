"""A batch: blocks of threads that run together, with their registers and memory."""

from __future__ import annotations

import numpy as np

from cuda_emulator.errors import EmuError
from cuda_emulator.execution.accesses import Accesses
from cuda_emulator.execution.atomics import Atomics
from cuda_emulator.execution.collectives import Collectives
from cuda_emulator.execution.launch import Launch
from cuda_emulator.execution.threads import Threads
from cuda_emulator.ptx_types import SIZES, UNSIGNED, Array
from cuda_emulator.translation.blocks import Block, Branch
from cuda_emulator.translation.writer import THREADS

_UNDEFINED = 0xDEADBEEF

Step = tuple[int, Array]
"""The number of a block, and which threads go there."""


class Batch:
    """What generated code sees as ``S``.

    A register is an array of one value per thread, or of one value for all of them.
    """

    def __init__(self, launch: Launch, first: int, blocks: int) -> None:
        self.launch = launch
        self.threads = Threads(launch, first, blocks)
        self.memory = Accesses(self.threads)
        self.atomics = Atomics(launch, self.memory)
        self.collectives = Collectives(self.threads)
        self.registers = self.threads.special_registers()
        self.registers[THREADS] = self.threads.indices
        self._owned: set[str] = set()
        """Registers whose arrays nothing else refers to."""

    def run(self, block: Block, mask: Array) -> list[Step]:
        """Run a basic block for some threads, and return where they go."""
        self.memory.begin_block()
        count = int(mask.sum())
        chosen = None if count == self.threads.count else np.flatnonzero(mask)
        arguments = []
        for register in block.uses:
            value = self._value(register)
            is_whole = chosen is None or value.shape[0] == 1
            arguments.append(value if is_whole else value[chosen])
        try:
            results = block.run(self, *arguments)
        except EmuError as error:
            raise EmuError(f"{self.launch.kernel.name}: {error}") from None
        for register, value in zip(block.outs, results, strict=True):
            if chosen is None:
                self.registers[register] = value
                self._owned.discard(register)
            else:
                self._own(register, value)[chosen] = value
        block.hits += count
        self.launch.statistics["thread_instructions"] += block.size * count
        self.launch.statistics["blocks_run"] += 1
        return self._next(block, mask, count)

    def _value(self, register: str) -> Array:
        """Return a register; one that is not defined holds the same nonsense in every run."""
        value = self.registers.get(register)
        if value is None:
            type_ = self.launch.kernel.registers[register]
            if type_ == "pred":
                value = np.zeros(1, np.bool_)
            else:
                size = SIZES[type_]
                value = np.array([_UNDEFINED & (2 ** (8 * size) - 1)], UNSIGNED[size])
            self.registers[register] = value
            self.launch.undefined.add(register)
        return value

    def _own(self, register: str, value: Array) -> Array:
        """Return a register's array of one value per thread, into which may be written."""
        old, count = self.registers.get(register), self.threads.count
        if old is None:
            new = np.zeros(count, value.dtype)
        elif old.shape[0] != count:
            new = np.repeat(old, count)
        elif register not in self._owned:
            new = old.copy()
        else:
            return old
        self._owned.add(register)
        self.registers[register] = new
        return new

    def _next(self, block: Block, mask: Array, count: int) -> list[Step]:
        branch = block.branch
        if branch.selector is not None:
            return self._by_index(branch, mask)
        if branch.guard is None:
            return [(branch.targets[0], mask)]
        register, is_negated = branch.guard
        value = self.registers[register]
        if value.shape[0] == 1:
            holds = bool(value[0]) != is_negated
            block.taken[0 if holds else 1] += count
            return [(branch.targets[0 if holds else 1], mask)]
        taken = mask & (~value if is_negated else value)
        taking = int(taken.sum())
        block.taken[0] += taking
        block.taken[1] += count - taking
        if taking in (0, count):
            return [(branch.targets[0 if taking else 1], mask)]
        return [(branch.targets[0], taken), (branch.targets[1], mask & ~taken)]

    def _by_index(self, branch: Branch, mask: Array) -> list[Step]:
        assert branch.selector is not None
        value = np.broadcast_to(self.registers[branch.selector], mask.shape)
        steps = [(target, mask & (value == k)) for k, target in enumerate(branch.targets)]
        return [(target, going) for target, going in steps if going.any()]
