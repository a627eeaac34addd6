"""Atomic operations, in the order in which threads run."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_emulator.execution.accesses import Accesses
from cuda_emulator.execution.launch import Launch
from cuda_emulator.ptx_types import DTYPES, SIZES, Array, f4, f8


class Atomics:
    """Those of one batch."""

    def __init__(self, launch: Launch, memory: Accesses) -> None:
        self._order, self._generator = launch.options.order, launch.generator
        self._is_checked = launch.options.racecheck or launch.options.initcheck
        self._memory = memory

    def apply(
        self,
        space: str,
        kind: str,
        type_: str,
        a: Array,
        values: list[Array],
        line: int,
        thr: Array,
        mask: Array | None,
    ) -> Array:
        """Return what was at each address before."""
        dtype, size, shape = DTYPES[type_], SIZES[type_], thr.shape
        a = np.broadcast_to(a, shape)
        values = [np.broadcast_to(x, shape) for x in values]
        if mask is not None:
            chosen = np.flatnonzero(np.broadcast_to(mask, shape))
            out = np.zeros(shape, dtype)
            if len(chosen):
                some = [x[chosen] for x in values]
                own = thr[chosen]
                out[chosen] = self.apply(space, kind, type_, a[chosen], some, line, own, None)
            return out
        space, o = self._memory.locate(space, a, thr, size, line)
        if self._is_checked:
            self._memory.note(space, o, thr, size, "atomic", line)
        words, w = self._memory.words(space, size).view(dtype), o // size
        order = self._ordered(len(w))
        if kind == "add" and dtype not in (f4, f8):
            return _sums(words, w, values[0], order)
        return _one_by_one(kind, words, w, values, order)

    def _ordered(self, count: int) -> Array:
        order: Array = np.arange(count)
        if self._order.endswith("-rev"):
            return order[::-1]
        return self._generator.permutation(count) if self._order == "random" else order


def _sums(words: Array, w: Array, x: Array, order: Array) -> Array:
    """Add integers, all at once, since any order has the same sum."""
    old = np.zeros(w.shape, words.dtype)
    s = order[np.argsort(w[order], kind="stable")]
    places, terms = w[s], x[s]
    before = np.cumsum(terms, dtype=words.dtype) - terms
    starts = np.concatenate([[True], places[1:] != places[:-1]])
    group = np.cumsum(starts) - 1
    old[s] = words[places] + (before - before[np.flatnonzero(starts)][group])
    np.add.at(words, w, x)
    return old


def _one_by_one(kind: str, words: Array, w: Array, values: list[Array], order: Array) -> Array:
    """Let one thread for each place have its turn, until none is left."""
    old = np.zeros(w.shape, words.dtype)
    while len(order):
        _, first = np.unique(w[order], return_index=True)
        s = order[first]
        old[s] = words[w[s]]
        words[w[s]] = _changed(kind, old[s], [x[s] for x in values])
        order = np.delete(order, first)
    return old


def _changed(kind: str, current: Array, values: list[Array]) -> Any:
    """Return what one operation leaves in memory."""
    y, one, zero = values[0], current.dtype.type(1), current.dtype.type(0)
    if kind == "cas":
        return np.where(current == y, values[1], current)
    if kind == "inc":
        return np.where(current >= y, zero, current + one)
    if kind == "dec":
        return np.where((current == 0) | (current > y), y, current - one)
    if kind == "exch":
        return y
    simple: dict[str, Any] = {
        **{"add": np.add, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor},
        **{"min": np.minimum, "max": np.maximum},
    }
    return simple[kind](current, y)
