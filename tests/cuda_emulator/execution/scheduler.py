"""The order in which the groups of threads of a batch step."""

from __future__ import annotations

import numpy as np

from cuda_emulator.errors import EmuError
from cuda_emulator.execution.barriers import passing
from cuda_emulator.execution.batch import Batch
from cuda_emulator.ptx_types import Array
from cuda_emulator.translation.blocks import Block


class Scheduler:
    """Runs a batch to its end.

    The threads are divided into units (all, warps, or single threads), of which one at a time
    steps. Threads of a unit that stand at the same block form a group, which runs it together.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch, self._launch, self._threads = batch, batch.launch, batch.threads
        self._options = batch.launch.options
        self._units = self._divided()
        self._groups: list[dict[int, Array]] = [{0: unit.copy()} for unit in self._units]
        self._waiting: dict[int, Array] = {}
        """The threads that wait at a block's barrier."""
        self._current = 0

    def _divided(self) -> list[Array]:
        order, threads = self._options.order, self._threads
        if order == "lockstep":
            return [np.ones(threads.count, np.bool_)]
        if order.startswith("threads"):
            units = [threads.linear == k for k in range(threads.per_block)]
        else:
            units = [threads.linear // 32 == k for k in range(threads.warps_per_block)]
        return units[::-1] if order.endswith("-rev") else units

    def run(self) -> None:
        steps = 0
        while True:
            steps += 1
            if steps > self._options.max_steps:
                standing = [sorted(group) for group in self._groups][:4]
                raise EmuError(f"step limit: livelock? blocks {standing}")
            unit = self._next_unit()
            if unit is None:
                if self._waiting:
                    self._deadlock()
                if self._threads.alive.any():
                    raise EmuError("internal: threads lost")
                return
            self._current = unit
            self._step(self._groups[unit])

    def _next_unit(self) -> int | None:
        """Return the unit that steps: the same one as long as it can, or any one at random."""
        count = len(self._groups)
        if self._options.order == "random":
            ready = [unit for unit in range(count) if self._groups[unit]]
            return ready[self._launch.generator.integers(len(ready))] if ready else None
        units = (*range(self._current, count), *range(self._current))
        return next((unit for unit in units if self._groups[unit]), None)

    def _step(self, group: dict[int, Array]) -> None:
        if self._options.order == "random":
            number = sorted(group)[self._launch.generator.integers(len(group))]
        else:
            number = min(group)
        mask = group.pop(number)
        block = self._launch.kernel.blocks[number]
        if block.synchronizing is not None:
            mask = self._synchronized(block, mask)
            if not mask.any():
                return
        for target, going in self._batch.run(block, mask):
            self._insert(target, going)

    def _synchronized(self, block: Block, mask: Array) -> Array:
        """Return the threads that may go on; the others wait."""
        assert block.synchronizing is not None
        waiting = self._waiting.pop(block.number, None)
        arrived = mask if waiting is None else mask | waiting
        registers, strict = self._batch.registers, self._options.strict
        through = passing(block.synchronizing, arrived, self._threads, registers, strict)
        rest = arrived & ~through
        if rest.any():
            self._waiting[block.number] = rest
        return through

    def _insert(self, number: int, mask: Array) -> None:
        """Let threads stand at a block, with those that stand there already."""
        if number == len(self._launch.kernel.blocks):
            self._threads.alive &= ~mask
            return
        for unit, group in zip(self._units, self._groups, strict=True):
            own = mask if len(self._units) == 1 else mask & unit
            if len(self._units) == 1 or own.any():
                group[number] = own if number not in group else group[number] | own

    def _deadlock(self) -> None:
        blocks = self._launch.kernel.blocks
        waiting = [
            f"{mask.sum()} threads at {blocks[number].synchronizing!r}"
            for number, mask in self._waiting.items()
        ]
        exited = int((~self._threads.alive).sum())
        raise EmuError(
            f"deadlock / barrier divergence: {'; '.join(waiting)}; {exited} threads have exited"
        )
