"""Loads and stores of a batch, with the checks of each."""

from __future__ import annotations

import numpy as np

from cuda_emulator.errors import EmuError
from cuda_emulator.execution.launch import SHARED_START, up_to_16
from cuda_emulator.execution.threads import Threads
from cuda_emulator.memory.device import GLOBAL_BASE, LOCAL_BASE, SHARED_BASE
from cuda_emulator.memory.races import Shadow, Who
from cuda_emulator.ptx_types import UNSIGNED, Array, i8, u1, u8

_UNWRITTEN = 0xCB


class Memory:
    """Bytes as words of each size, and which of them were written."""

    def __init__(self, size: int, fill: int) -> None:
        octets = np.full(size, fill, u1)
        self.view = {width: octets.view(dtype) for width, dtype in UNSIGNED.items()}
        self.written = np.zeros(size, u1)


class Accesses:
    """The memory of a batch. ``thr`` are the indices of the threads that access it."""

    def __init__(self, threads: Threads) -> None:
        launch = threads.launch
        self._threads, self._launch, self._options = threads, launch, launch.options
        self._device = launch.device
        self._shared = Memory(threads.blocks * launch.shared_size, _UNWRITTEN)
        self._local_size = up_to_16(max(launch.kernel.local, 16))
        self._local = Memory(threads.count * self._local_size, 0)
        self._is_checked = self._options.racecheck or self._options.initcheck
        self._shared_shadow: Shadow | None = None
        if self._options.racecheck and launch.shared_end > SHARED_START:
            granule = launch.granules["shared"]
            granules = threads.blocks * launch.shared_size // granule
            self._shared_shadow = Shadow(granules, granule, "shared")
        self._who: tuple[Array, Who] | None = None

    def begin_block(self) -> None:
        """Forget who accessed memory last: the threads may have passed a barrier."""
        self._who = None

    # ---- for generated code

    def load(
        self, space: str, a: Array, k: int, n: int, line: int, thr: Array, mask: Array | None
    ) -> list[Array]:
        """Return n words of k bytes from each address on, where the mask holds."""
        if mask is not None:
            chosen = np.flatnonzero(np.broadcast_to(mask, thr.shape))
            out = [np.zeros(len(thr), UNSIGNED[k]) for _ in range(n)]
            if len(chosen):
                own = np.broadcast_to(a, thr.shape)[chosen]
                found = self.load(space, own, k, n, line, thr[chosen], None)
                for x, y in zip(out, found, strict=True):
                    x[chosen] = y
            return out
        if space not in ("global", "const") and len(a) == 1 and len(thr) > 1:
            a = np.broadcast_to(a, thr.shape)
        space, o = self.locate(space, a, thr, k * n, line)
        if self._is_checked:
            self.note(space, o, thr, k * n, "read", line)
        words, w = self.words(space, k), o // k
        return [words[w + j] for j in range(n)]

    def store(
        self,
        space: str,
        a: Array,
        k: int,
        values: list[Array],
        line: int,
        thr: Array,
        mask: Array | None,
    ) -> None:
        """Write words of k bytes from each address on, where the mask holds."""
        if mask is not None:
            chosen = np.flatnonzero(np.broadcast_to(mask, thr.shape))
            if len(chosen):
                own = np.broadcast_to(a, thr.shape)[chosen]
                some = [np.broadcast_to(x, thr.shape)[chosen] for x in values]
                self.store(space, own, k, some, line, thr[chosen], None)
            return
        if len(a) != len(thr):
            a = np.broadcast_to(a, thr.shape)
        size = k * len(values)
        space, o = self.locate(space, a, thr, size, line)
        if self._is_checked:
            self.note(space, o, thr, size, "write", line)
        words, w = self.words(space, k), o // k
        for j, x in enumerate(values):
            words[w + j] = x

    # ---- parts of an access

    def words(self, space: str, size: int) -> Array:
        """Return a whole space as words."""
        if space == "global":
            return self._device.view[size]
        return (self._shared if space == "shared" else self._local).view[size]

    def locate(self, space: str, a: Array, thr: Array, size: int, line: int) -> tuple[str, Array]:
        """Return the space of whole accesses, and their offsets there in bytes."""
        if space == "generic":
            space, a = _specific(a, line)
        if (a & u8(size - 1)).any():
            place = int(a[np.flatnonzero(a & u8(size - 1))[0]])
            raise EmuError(f"line {line}: misaligned access of {size} bytes at 0x{place:x}")
        if space in ("global", "const"):
            if int(a.min()) < GLOBAL_BASE:
                place = int(a.min())
                raise EmuError(f"line {line}: global access at invalid address 0x{place:x}")
            o = (a - u8(GLOBAL_BASE)).astype(i8)
            self._device.check_bounds(o, size, "access", line)
            return "global", o
        o = a.astype(i8)
        if space == "shared":
            end = self._launch.shared_end
            if int(o.min()) < SHARED_START or int(o.max()) + size > end:
                raise EmuError(
                    f"line {line}: shared access out of bounds at offset "
                    f"{int(o.max()) - SHARED_START} (have {end - SHARED_START} bytes)"
                )
            return space, o + self._threads.block[thr] * self._launch.shared_size
        if int(o.min()) < 0 or int(o.max()) + size > self._launch.kernel.local:
            raise EmuError(f"line {line}: local access out of bounds")
        return "local", o + thr * self._local_size

    def note(self, space: str, o: Array, thr: Array, size: int, kind: str, line: int) -> None:
        """Check a "read", "write" or "atomic" for races and for memory that was not written."""
        if self._options.initcheck:
            self._check_written(space, o, thr, size, kind, line)
        shadow = self._launch.shadow if space == "global" else None
        if space == "shared":
            shadow = self._shared_shadow
        if shadow is None:
            return
        put_off = self._launch.put_off
        if space == "global" and put_off is not None:
            if kind != "read":
                put_off.catch_up(o, size)
            elif put_off.put_off((o, size, thr, line), self._threads.moment):
                return
        if self._who is None or self._who[0] is not thr:  # the same for a whole basic block
            self._who = thr, self._threads.moment.who(thr)
        shadow.note(o, size, self._who[1], kind, line)

    def _check_written(
        self, space: str, o: Array, thr: Array, size: int, kind: str, line: int
    ) -> None:
        written = {
            "global": self._device.written,
            "shared": self._shared.written,
            "local": self._local.written,
        }
        width = min(size, 8)  # accesses are aligned: several bytes are tested at once
        flags = written[space].view(UNSIGNED[width])
        all_ = UNSIGNED[width](0x0101010101010101 & (2 ** (8 * width) - 1))
        for j in range(size // width):
            k = o // width + j
            if kind == "write":
                flags[k] = all_
            elif (flags[k] != all_).any():
                first = np.flatnonzero(np.broadcast_to(flags[k] != all_, thr.shape))[0]
                thread = int(self._threads.number[thr[int(first)]])
                raise EmuError(
                    f"line {line}: read of uninitialized {space} memory by thread {thread}"
                )


def _specific(a: Array, line: int) -> tuple[str, Array]:
    """Return the space of generic addresses, and the addresses in it."""
    low, high = int(a.min()), int(a.max())
    if low >= GLOBAL_BASE:
        return "global", a
    if low >= SHARED_BASE and high < GLOBAL_BASE:
        return "shared", a - u8(SHARED_BASE)
    if low >= LOCAL_BASE and high < SHARED_BASE:
        return "local", a - u8(LOCAL_BASE)
    raise EmuError(f"line {line}: generic access at 0x{low:x} (mixed or invalid space)")
