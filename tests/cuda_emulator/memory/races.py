"""The detector of races: happens-before over barriers of blocks and of warps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cuda_emulator.errors import EmuError
from cuda_emulator.memory.device import Device
from cuda_emulator.ptx_types import Array, i4

Who = tuple[Array, Array, Array, Array, Array]
"""Of accessing threads: thread, warp and block in the grid from 1 on, and both their epochs."""

Places = Array | slice
_CONFLICTS = {
    "read": ("write", "atomic"),
    "write": ("write", "atomic", "read"),
    "atomic": ("write", "read"),
}
_MOST_KEPT = 1 << 22  # of offsets and threads of reads put off per buffer


class Moment(NamedTuple):
    """The threads of a batch between two barriers. An epoch is the number of barriers passed."""

    numbers: Array
    """Of the threads in the grid."""
    blocks: Array
    """Of each thread's block in the batch."""
    warps: Array
    block_epochs: Array
    warp_epochs: Array
    per_block: int

    def who(self, thr: Array) -> Who:
        """Return some of the threads, by their indices in the batch."""
        number = self.numbers[thr]
        block = number // self.per_block
        warp = block * -(-self.per_block // 32) + number % self.per_block // 32
        return (
            (number + 1).astype(i4),
            (warp + 1).astype(i4),
            (block + 1).astype(i4),
            self.block_epochs[self.blocks[thr]],
            self.warp_epochs[self.warps[thr]],
        )


class Accessors:
    """Who touched each granule last: a thread, or several (-1), with epochs. 0 is nobody."""

    def __init__(self, n: int) -> None:
        self.tid, self.warp, self.cta, self.ep, self.we = (np.zeros(n, i4) for _ in range(5))

    def unordered(self, g: Array, me: Who) -> Array:
        """Return the lanes whose access is not ordered after the recorded ones."""
        tid, warp, cta, ep, we = me
        t, c = self.tid[g], self.cta[g]
        bad = (t != 0) & (t != tid)
        if bad.any():
            bad &= (c != cta) | (self.ep[g] == ep)  # bar.sync orders the block
            bad &= ~((self.warp[g] == warp) & (self.we[g] < we))  # bar.warp.sync orders the warp
        return bad

    def set(self, g: Places, me: Who) -> None:
        self.tid[g], self.warp[g], self.cta[g], self.ep[g], self.we[g] = me

    def add(self, g: Array, me: Who) -> None:
        tid, warp, cta, ep, we = me
        old_tid, old_warp, old_cta = self.tid[g], self.warp[g], self.cta[g]
        fresh = (old_tid == 0) | ((old_cta == cta) & (self.ep[g] != ep))
        several = -1
        self.tid[g] = np.where(fresh | (old_tid == tid), tid, several)
        self.warp[g] = np.where(fresh | (old_warp == warp), warp, several)
        self.cta[g] = np.where(fresh | (old_cta == cta), cta, several)
        self.ep[g], self.we[g] = ep, we
        for array, mine in ((self.tid, tid), (self.warp, warp), (self.cta, cta)):
            m = array[g] != mine  # several lanes in this instruction
            if m.any():
                array[g[m]] = several

    def add_all(self, g: slice, me: Who) -> None:
        """Do as ``add`` of two or more threads that all touch the same granules, a slice."""
        _, warp, cta, ep, we = me
        one_cta = bool((cta == cta[0]).all())
        fresh: Array | bool = False
        if one_cta:
            fresh = (self.tid[g] == 0) | ((self.cta[g] == cta[0]) & (self.ep[g] != ep[0]))
        w = warp[0] if (warp == warp[0]).all() else -1
        c = cta[0] if one_cta else -1
        self.tid[g], self.ep[g], self.we[g] = -1, ep[-1], we[-1]
        self.warp[g] = np.where(fresh | (self.warp[g] == w), w, -1)
        self.cta[g] = np.where(fresh | (self.cta[g] == c), c, -1)


class Shadow:
    """The accesses of one memory, in granules of some bytes."""

    def __init__(self, granules: int, granule: int, what: str) -> None:
        self.granules, self.granule, self.what = granules, granule, what
        self.sets: dict[str, Accessors] = {}

    def _set(self, kind: str) -> Accessors:
        if kind not in self.sets:
            self.sets[kind] = Accessors(self.granules)
        return self.sets[kind]

    def note(self, o: Array, size: int, me: Who, kind: str, line: int) -> None:
        """Note accesses of ``size`` bytes at o: a "read", "write" or "atomic"."""
        if kind == "read" and self._all_read(o, size, me):
            return
        g = np.broadcast_to(o, me[0].shape) // self.granule
        if size > self.granule:  # one row of granules for each part of the access
            g = g + np.arange(size // self.granule)[:, None]
        self._access(g, me, kind, line)

    def _all_read(self, o: Array, size: int, me: Who) -> bool:
        """Note reads of a few places by many threads each.

        Returns False, and notes nothing, for others or where anybody wrote.
        """
        if len(o) > 1:
            places, counts = np.unique(np.broadcast_to(o, me[0].shape), return_counts=True)
        else:
            places, counts = o, np.array([len(me[0])])
        if len(places) > 4 or min(counts) < 2:
            return False
        granule = self.granule
        parts = [slice(int(p) // granule, -(-(int(p) + size) // granule)) for p in places]
        written = [self.sets[kind] for kind in _CONFLICTS["read"] if kind in self.sets]
        if any(each.tid[g].any() for each in written for g in parts):
            return False
        for p, g in zip(places, parts, strict=True):
            if len(places) > 1:
                here = o == p
                tid, warp, cta, ep, we = me
                self._set("read").add_all(g, (tid[here], warp[here], cta[here], ep[here], we[here]))
            else:
                self._set("read").add_all(g, me)
        return True

    def _access(self, g: Array, me: Who, kind: str, line: int) -> None:
        """Check and note accesses to granules: one row or several, a column for each thread."""
        for other in _CONFLICTS[kind]:
            if other in self.sets:
                bad = self.sets[other].unordered(g, me)
                if bad.any():
                    raise EmuError(self._race(g, me, bad, kind, other, line))
        if kind != "write":
            self._set(kind).add(g, me)
            return
        writers = self._set("write")
        writers.set(g, me)
        overwritten = writers.tid[g] != me[0]
        if overwritten.any():
            thread, place = _first(overwritten, g, me)
            raise EmuError(
                f"line {line}: data race in {self.what} memory: threads {thread} and "
                f"{writers.tid[place] - 1} write the same place in one instruction"
            )

    def _race(self, g: Array, me: Who, bad: Array, kind: str, other: str, line: int) -> str:
        thread, place = _first(bad, g, me)
        before = int(self.sets[other].tid[place]) - 1
        by = f"thread {before}" if before >= 0 else "several threads"
        return (
            f"line {line}: data race in {self.what} memory: {kind} by thread {thread}, "
            f"not ordered after the {other} by {by}"
        )


def _first(bad: Array, g: Array, me: Who) -> tuple[int, int]:
    """Return the thread and the granule of the first bad access."""
    k = int(np.flatnonzero(bad)[0])
    return int(me[0][k % len(me[0])]) - 1, int(g.reshape(-1)[k])


class _Read(NamedTuple):
    o: Array
    size: int
    thr: Array
    line: int
    moment: Moment


class PutOffReads:
    """Reads of global memory that the detector has not seen.

    Reads of a buffer race only once somebody writes it: until then they are kept, and most often
    never needed.
    """

    def __init__(self, device: Device, shadow: Shadow) -> None:
        self._device, self._shadow = device, shadow
        self._kept: dict[int | None, list[_Read] | None] = {}  # by buffer; None after a write
        self._sizes: dict[int | None, int] = {}

    def put_off(self, read: tuple[Array, int, Array, int], moment: Moment) -> bool:
        """Keep a read (offsets, size, threads, line); False means that it must be noted now."""
        o, size, thr, line = read
        k = self._device.buffer(o, size)
        kept = self._kept.setdefault(k, [])
        if k is None or kept is None or self._sizes.get(k, 0) > _MOST_KEPT:
            self.catch_up(o, size)
            return False
        self._sizes[k] = self._sizes.get(k, 0) + len(o) + len(thr)
        kept.append(_Read(o, size, thr, line, moment))
        return True

    def catch_up(self, o: Array, size: int) -> None:
        """Note what was put off of the buffers of these accesses, and put off no more of them."""
        k = self._device.buffer(o, size)
        for each in [k] if k is not None else self._device.buffers(o):
            kept, self._kept[each] = self._kept.get(each), None
            for read in kept or ():
                who = read.moment.who(read.thr)
                self._shadow.note(read.o, read.size, who, "read", read.line)
