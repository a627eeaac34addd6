"""Which threads may pass an instruction at which threads wait for each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cuda_emulator.errors import EmuError, PtxError
from cuda_emulator.execution.threads import FULL_WARP, Threads
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.ptx_types import Array, u1, u4

_BARRIERS = ("bar", "barrier")


def passing(
    c: Instruction, arrived: Array, threads: Threads, registers: Mapping[str, Array], strict: bool
) -> Array:
    """Return which of the threads that have arrived may pass now."""
    if c.guard:
        raise PtxError(f"predicated {c!r}")
    if c.name in _BARRIERS and c.parts[1] != "warp":
        through = _past_block_barrier(c, arrived, threads, strict)
        threads.pass_block_barrier(through)
        return through
    members = c.operands[-1]
    if members[0] == "imm":
        mask: Array = np.array([members[1] & FULL_WARP], u4)
    else:
        mask = registers[members[1]]
    if _are_whole_warps(mask, arrived, threads):
        through = arrived
    else:
        through = _past_warp_barrier(
            c, np.broadcast_to(mask, arrived.shape), arrived, threads, strict
        )
    if c.name in _BARRIERS:
        threads.pass_warp_barrier(through)
    return through


def _past_block_barrier(c: Instruction, arrived: Array, threads: Threads, strict: bool) -> Array:
    if len(c.operands) > (3 if "red" in c.parts else 1):
        raise PtxError(f"barrier with a thread count {c!r}")
    if arrived.all():
        return arrived
    shape = threads.blocks, threads.per_block
    here = arrived.reshape(shape).sum(1)
    alive = threads.alive.reshape(shape).sum(1)
    complete = (here == alive) & (here > 0)
    if strict and (complete & (alive < threads.per_block)).any():
        raise EmuError(f"{c!r}: barrier reached after threads of the block have exited")
    return arrived & np.repeat(complete, threads.per_block)


def _are_whole_warps(mask: Array, arrived: Array, threads: Threads) -> bool:
    """Return whether all lanes of whole warps wait for each other: the common case."""
    if threads.per_block % 32 or mask.shape[0] != 1 or mask[0] != FULL_WARP:
        return False
    lanes = np.add.reduce(arrived.view(u1).reshape(-1, 32), 1)
    return bool((lanes % 32 == 0).all())


def _past_warp_barrier(
    c: Instruction, mask: Array, arrived: Array, threads: Threads, strict: bool
) -> Array:
    """Let threads pass for which every lane named in the member mask has arrived."""
    warp, bit = threads.warp, threads.lane_bit
    need = mask & _lanes(np.ones_like(arrived), threads)[warp]
    existing = _lanes(threads.alive, threads)[warp]
    if strict and (arrived & ((need & ~existing) != 0)).any():
        raise EmuError(f"{c!r}: member mask names lanes that have exited")
    if strict and (arrived & ((mask & bit) == 0)).any():
        raise EmuError(f"{c!r}: executing lane is not in its member mask")
    need = need & existing
    through = arrived & ((_lanes(arrived, threads)[warp] & need) == need)
    if through.any():
        # lanes with different masks at one instruction must be disjoint sets
        low, high = np.full(threads.warps, FULL_WARP, u4), np.zeros(threads.warps, u4)
        np.minimum.at(low, warp[through], mask[through])
        np.maximum.at(high, warp[through], mask[through])
        if (through & (low[warp] != high[warp])).any():
            raise PtxError(f"{c!r}: differing member masks in one warp")
    return through


def _lanes(chosen: Array, threads: Threads) -> Array:
    """Return the bits of the chosen lanes of each warp."""
    found = np.zeros(threads.warps, u4)
    np.bitwise_or.at(found, threads.warp, np.where(chosen, threads.lane_bit, u4(0)))
    return found
