"""The threads of a batch: their places in the grid, and the barriers that they have passed."""

from __future__ import annotations

import numpy as np

from cuda_emulator.execution.launch import SHARED_START, Launch
from cuda_emulator.memory.races import Moment
from cuda_emulator.ptx_types import Array, i4, i8, u4, u8

FULL_WARP = 0xFFFFFFFF


class Threads:
    """``count`` threads of ``blocks`` blocks; a mask or an index is in the order of the threads."""

    def __init__(self, launch: Launch, first: int, blocks: int) -> None:
        per_block = launch.threads
        self.launch, self.blocks, self.per_block = launch, blocks, per_block
        self.count = blocks * per_block
        self.warps_per_block = -(-per_block // 32)
        self.indices = np.arange(self.count)
        self.linear = (self.indices % per_block).astype(i8)
        """The index of each thread in its block."""
        self.block = self.indices // per_block
        """The index of each thread's block in the batch."""
        self.warp = self.block * self.warps_per_block + self.linear // 32
        self.block_in_grid = first + self.block
        self.number = self.block_in_grid * per_block + self.linear
        """The index of each thread in the grid."""
        self.alive = np.ones(self.count, np.bool_)
        self.lane_bit = (u8(1) << (self.linear % 32).astype(u8)).astype(u4)
        self._set_epochs(np.zeros(blocks, i4), np.zeros(blocks * self.warps_per_block, i4))

    @property
    def warps(self) -> int:
        return self.blocks * self.warps_per_block

    def _set_epochs(self, of_blocks: Array, of_warps: Array) -> None:
        """Begin a new moment with new arrays, since reads that were put off keep the old ones."""
        numbers = self.number, self.block, self.warp
        self.moment = Moment(*numbers, of_blocks, of_warps, self.per_block)

    def pass_block_barrier(self, passing: Array) -> None:
        """Note that these threads' blocks are past a barrier."""
        done = passing.reshape(self.blocks, self.per_block).any(1)
        of_warps = self.moment.warp_epochs + np.repeat(done, self.warps_per_block)
        self._set_epochs(self.moment.block_epochs + done, of_warps)
        self.launch.statistics["barriers"] += int(done.sum())

    def pass_warp_barrier(self, passing: Array) -> None:
        of_warps = self.moment.warp_epochs.copy()
        of_warps[np.unique(self.warp[passing])] += 1
        self._set_epochs(self.moment.block_epochs, of_warps)

    def special_registers(self) -> dict[str, Array]:
        launch = self.launch
        grid, block = launch.grid, launch.block
        found: dict[str, Array] = {}
        places = (("%tid", self.linear, block), ("%ctaid", self.block_in_grid, grid))
        for name, place, sizes in places:
            for axis, below in zip("xyz", (1, sizes[0], sizes[0] * sizes[1]), strict=True):
                along = place // below
                size = sizes["xyz".index(axis)]
                found[f"{name}.{axis}"] = (along if axis == "z" else along % size).astype(u4)
        if block[1] * block[2] == 1:
            found["%tid.y"] = found["%tid.z"] = _one(0)
        for axis, blocks, threads in zip("xyz", grid, block, strict=True):
            if self.blocks == 1:
                found["%ctaid." + axis] = found["%ctaid." + axis][:1]
            found["%nctaid." + axis], found["%ntid." + axis] = _one(blocks), _one(threads)
        lane = (self.linear % 32).astype(u4)
        found["%laneid"], found["%warpid"] = lane, (self.linear // 32).astype(u4)
        found["%nwarpid"] = _one(self.warps_per_block)
        found["%dynamic_smem_size"] = _one(launch.dynamic_shared)
        found["%total_smem_size"] = _one(launch.shared_end - SHARED_START)
        return found | self._lane_masks(lane.astype(u8))

    def _lane_masks(self, lane: Array) -> dict[str, Array]:
        less = ((u8(1) << lane) - u8(1)).astype(u4)
        up_to = ((u8(2) << lane) - u8(1)).astype(u4)
        return {
            "%lanemask_eq": self.lane_bit,
            "%lanemask_lt": less,
            "%lanemask_le": up_to,
            "%lanemask_gt": ~up_to,
            "%lanemask_ge": ~less,
        }


def _one(number: int) -> Array:
    return np.array([number], u4)
