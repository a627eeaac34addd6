"""Exchanges between the threads of a warp, and reductions over a block."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_emulator.errors import EmuError
from cuda_emulator.execution.threads import Threads
from cuda_emulator.ptx_types import Array, i8, u4, u8


class Collectives:
    """Those of one batch. ``thr`` are the indices of the threads that take part."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    def shuffle(
        self, mode: str, a: Array, b: Array, c: Array, line: int, thr: Array
    ) -> tuple[Array, Array]:
        """Return another lane's value, and whether that lane is in range."""
        threads, n = self._threads, len(thr)
        a = np.broadcast_to(a, (n,))
        if b.shape[0] == 1 and c.shape[0] == 1 and self._are_whole_warps(thr):
            lanes = np.arange(32)  # one permutation for all
            j, valid = _source(mode, lanes, b, c)
            exchanged = np.ascontiguousarray(a).reshape(-1, 32)[:, j].reshape(-1)
            return exchanged, np.tile(valid, n // 32)
        lane = threads.linear[thr] & 31
        j, valid = _source(mode, lane, b, c)
        position = np.full(threads.count + 32, -1, i8)
        position[thr] = np.arange(n)
        inside = (threads.linear[thr] - lane + j) < threads.per_block
        last = threads.count + 31
        source = np.where(inside, position[np.minimum(thr - lane + j, last)], -1)
        if (source < 0).any():
            raise EmuError(f"line {line}: shuffle reads a lane that does not take part")
        return a[source], valid

    def _are_whole_warps(self, thr: Array) -> bool:
        threads = self._threads
        if len(thr) % 32 or threads.per_block % 32:
            return False
        ends = thr.reshape(-1, 32)[:, ::31]
        return len(thr) == threads.count or bool((np.diff(ends, axis=1) == 31).all())

    def vote(self, mode: str, p: Array, thr: Array) -> Array:
        threads = self._threads
        p = np.broadcast_to(p, thr.shape)
        warp, bit = threads.warp[thr], threads.lane_bit[thr]
        ballot = np.zeros(threads.warps, u4)
        np.bitwise_or.at(ballot, warp, np.where(p, bit, u4(0)))
        if mode == "ballot":
            return ballot[warp]
        part = np.zeros(threads.warps, u4)
        np.bitwise_or.at(part, warp, bit)
        if mode == "all":
            return (ballot == part)[warp]
        return (ballot != 0 if mode == "any" else (ballot == part) | (ballot == 0))[warp]

    def match(self, a: Array, thr: Array) -> Array:
        """Return the lanes of the warp that have the same value."""
        threads = self._threads
        a = np.broadcast_to(a, thr.shape)
        pairs = np.stack([threads.warp[thr].astype(u8), a.astype(u8)])
        key = np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)
        same = np.zeros(int(key.max()) + 1, u4)
        np.bitwise_or.at(same, key, threads.lane_bit[thr])
        return same[key]

    def reduce(self, kind: str, a: Array, thr: Array) -> Array:
        """Return the reduction over the warp."""
        threads = self._threads
        a = np.broadcast_to(a, thr.shape)
        info = np.iinfo(a.dtype)
        functions: dict[str, tuple[Any, int]] = {
            **{"add": (np.add, 0), "or": (np.bitwise_or, 0), "xor": (np.bitwise_xor, 0)},
            **{"and": (np.bitwise_and, -1), "min": (np.minimum, info.max)},
            "max": (np.maximum, info.min),
        }
        function, start = functions[kind]
        found = np.full(threads.warps, start).astype(a.dtype)
        function.at(found, threads.warp[thr], a)
        return found[threads.warp[thr]]

    def reduce_block(self, kind: str, p: Array, thr: Array) -> Array:
        """Return the reduction of a predicate over the block (bar.red)."""
        threads = self._threads
        block = threads.block[thr]
        holding = np.bincount(block, np.broadcast_to(p, thr.shape), threads.blocks)
        if kind == "popc":
            return holding.astype(u4)[block]
        if kind == "or":
            return (holding > 0)[block]
        return (holding == np.bincount(block, minlength=threads.blocks))[block]


def _source(mode: str, lane: Array, b: Array, c: Array) -> tuple[Array, Array]:
    """Return each lane's source, and whether it is in range."""
    by, clamp = (b & u4(31)).astype(i8), (c & u4(31)).astype(i8)
    segment = ((c >> u4(8)) & u4(31)).astype(i8)
    limit = (lane & segment) | (clamp & ~segment & 31)
    if mode == "up":
        j = lane - by
    elif mode == "down":
        j = lane + by
    elif mode == "bfly":
        j = lane ^ by
    else:
        j = (lane & segment) | (by & ~segment & 31)
    valid = j >= limit if mode == "up" else j <= limit
    return np.where(valid, j, lane), valid
