"""Requests for a CUDA device, and the check that it draws exactly what the CPU draws."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit import (
    NM,
    Bernoulli,
    Constant,
    Dirac,
    Normal,
    Sparse,
)
from fastinit.native.masks import ExactCountMask
from helpers.cuda.devices import Machine
from helpers.dtypes import dtype_of
from helpers.records.initializers import KERNELS
from helpers.reference.inverse_philox import smallest
from helpers.requests import ENDLESS, What, fill, requests_for

NORMAL = Normal(0.5, 2.0)
BLOCK = 1024  # elements that a block of threads draws at once, one Philox block each
# Around the borders of Philox blocks, of 16-byte stores and of what a block of threads draws.
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, BLOCK - 1, BLOCK, BLOCK + 1)
CARRY = 1 << 34  # the first element of a block whose number has a second word
SEED = 0x123456789ABCDEF0
SIZES = ("float64", "float32", "float16", "float8_e5m2")  # items of every size
GUARD = 64  # bytes before and after that must stay as they were


@dataclass(frozen=True)
class Case:
    """A part of an array, and by how many elements its memory misses a 16-byte border."""

    what: What
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    index: Any
    shift: int = 0
    seed: int = SEED
    stream: int = (1 << 63) + 12345

    def requests(self, address: int) -> list[bytes]:
        return requests_for(
            self.what,
            self.dtype,
            self.shape,
            address,
            index=self.index,
            seed=self.seed,
            stream=self.stream,
        )

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.broadcast_to(np.uint8(0), self.shape)[self.index].size)


def run_of(what: What, dtype: np.dtype[Any], offset: int, count: int, shift: int = 0) -> Case:
    """Successive elements of a very long array."""
    return Case(what, dtype, (ENDLESS,), np.s_[offset : offset + count], shift)


def borders(kernel: str, dtype: np.dtype[Any]) -> Iterator[Case]:
    """All lengths, at offsets and alignments of every kind, and enough for whole tiles."""
    kinds = itertools.cycle(KERNELS[kernel].draws)
    for k, count in enumerate(LENGTHS):
        yield run_of(next(kinds), dtype, 0, count)
        yield run_of(next(kinds), dtype, k % 8, count, k % 5)
        yield run_of(next(kinds), dtype, CARRY - 2 * k - 1, count, (k + 1) % 3)
    yield run_of(next(kinds), dtype, CARRY - 4 * BLOCK - 8, 12 * BLOCK + 5)
    yield run_of(next(kinds), dtype, 4, BLOCK, 1)
    yield run_of(next(kinds), dtype, ENDLESS - 9, 9)


def whole_tiles(kernel: str, dtype: np.dtype[Any]) -> Iterator[Case]:
    """Runs so long that on one multiprocessor tiles are as long as a thread's loop wants.

    There are enough values for each branch of the loop, and the smallest words where those have
    one, at each place of a block, and again outside whole tiles.
    """
    if dtype == np.float64 and KERNELS[kernel].rare is not None:
        for place in range(4):
            element, stream = smallest(place, SEED)
            for count in (4 * BLOCK, 5):
                index = np.s_[element - place : element - place + count]
                yield Case(KERNELS[kernel].rare, dtype, (ENDLESS,), index, stream=stream)
    else:
        yield run_of(KERNELS[kernel].draws[0], dtype, 8, KERNELS[kernel].length * 16 * BLOCK + 5)


def constants() -> Iterator[Case]:
    """Constants of every size, which any kernel fills along with its own requests."""
    for name in ("int8", "float16", "int32", "float64"):
        for k, count in enumerate((1, 2, 3, 7, 16, 17, 300)):
            yield run_of(Constant(-3), np.dtype(name), 0, count, k)


def rectangles(kernel: str, dtype: np.dtype[Any]) -> Iterator[Case]:
    """Parts that are not one run: narrow and wide ones, of several axes, far away."""
    far = (1 << 20, 1 << 20, 1 << 17)
    shapes: list[tuple[tuple[int, ...], Any]] = [
        ((9, 7), np.s_[1:, 2:5]),
        ((9, 8), np.s_[1:, 4:8]),
        ((300, 12), np.s_[:, 8:]),
        ((301, 3), np.s_[2:, 1:2]),
        ((3, 2000), np.s_[1:, 3:1900]),
        ((3, 8192), np.s_[1:, 4096:]),
        ((5, 3, 7, 11), np.s_[1:4, 1:, 2:5, 3:10]),
        ((3,) * 8, np.s_[:2, 1:, :2, 1:, :2, 1:, :2, 1:]),
        (far, np.s_[-3:, -5:, -37:]),
        (far, np.s_[(1 << 20) - 9 :, 12345, 77]),
        ((3, (1 << 55) + 1), np.s_[1:, (1 << 55) - 30 :]),
    ]
    kinds = itertools.cycle(KERNELS[kernel].draws)
    for k, (shape, index) in enumerate(shapes):
        yield Case(next(kinds), dtype, shape, index, k % 4)


@dataclass(frozen=True)
class Zeros:
    """Half of each sample, on any axes: what ExactCountMask can and no initializer asks for."""

    along: tuple[int, ...]

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, ...]:
        period = int(np.prod([shape[axis] for axis in self.along]))
        return (ExactCountMask(dtype, shape, self.along, period, period // 2),)


def overlays(*dtypes: np.dtype[Any]) -> Iterator[Case]:
    """Masks along columns, four at once and one by one, along rows and elements; diagonals.

    The dtypes take turns.
    """
    turn = itertools.cycle(dtypes)
    everything = np.s_[:]
    for nonzeros, per in ((5, "in"), (3, "out")):
        for columns in (8, 9):
            mask = Sparse(nonzeros=nonzeros, per=per)
            yield Case(mask, next(turn), (13, columns), everything, 1)
            yield Case(mask, next(turn), (13, columns), np.s_[5:11, 4:8])
            yield Case(mask, next(turn), (13, columns, 3), np.s_[5:11, 1:7, 1:])
    yield Case(Sparse(nonzeros=2, layout="boi"), next(turn), (3, 6, 8), np.s_[1:, 2:5])
    yield Case(Sparse(nonzeros=20), next(turn), (50, 280), np.s_[5:10, :270])
    yield Case(Zeros((2, 3)), next(turn), (3,) * 8, (np.s_[1:],) * 8)
    yield Case(Zeros((1, 2)), next(turn), (3, 3, 3, 4, 8), np.s_[1:, 1:, 1:, 1:3, 4:])
    box = (np.s_[1:], np.s_[1:3], np.s_[1:], np.s_[:2])
    for axes in ((0, 1, 2), (0, 1, 2, 3)):  # of each of which parts have some indices
        for columns in (4, 5):
            yield Case(Zeros(axes), next(turn), (3, 4, 3, 3, columns), (*box, np.s_[:]))
    yield Case(Zeros((0, 1, 2, 3)), next(turn), (3, 4, 3, 5), (*box[:3], np.s_[1:4]))
    far = 1 << 40
    for n, m in ((2, 4), (1, 5)):
        by_row, by_column = NM(n, m, base="he_normal"), NM(n, m, base="he_normal", layout="io")
        yield Case(by_row, next(turn), (9, 20), everything)
        yield Case(by_row, next(turn), (7, 20), np.s_[1:, 3:18], 3)
        yield Case(by_row, next(turn), (2, 5 * far), np.s_[:, 5 * far - 19 : -2])
        yield Case(by_column, next(turn), (20, 7), np.s_[3:18, 1:])
        yield Case(by_column, next(turn), (5 * far, 7), np.s_[-19:-2, 1:])
        yield Case(by_column, next(turn), (5 * far, 8), np.s_[-19:-2, :4])
    elements = Bernoulli(0.4, base="lecun_uniform")
    yield Case(elements, next(turn), (29, 30), everything, 1)
    yield Case(elements, next(turn), (5, 9, 30), np.s_[1:3, :4, 5:22])
    yield Case(Sparse(0.4, per="tensor"), next(turn), (29, 30), np.s_[3:, 5:], 1)
    blocks = Sparse(0.4, per="tensor", block=(2, 3, 1))
    yield Case(blocks, next(turn), (6, 9, 5), everything, 1)
    yield Case(blocks, next(turn), (6, 9, 5), np.s_[1:5, 2:8, 1:4])
    yield Case(Bernoulli(0.4, block=(3,)), next(turn), (3 * far,), np.s_[-22:-1])
    yield Case(Dirac(), next(turn), (40, 40), np.s_[3:, :31], 2)
    yield Case(Dirac(groups=2, gain=3), next(turn), (8, 4, 3, 3), everything)
    for dtype in dtypes:  # each case in all of them
        for what in (by_row, by_column, elements, Bernoulli(0.4, block=(2, 5)), Dirac()):
            yield Case(what, dtype, (10, 10), everything)
        yield Case(by_column, dtype, (5, 4), everything)


def fill_launches(kernel: str, dtype: np.dtype[Any]) -> Iterator[tuple[str, int, list[Case]]]:
    """(order of threads, multiprocessors, cases), which together run every line of a kernel."""
    runs, parts = list(borders(kernel, dtype)), list(rectangles(kernel, dtype))
    yield "lockstep", 1, [*whole_tiles(kernel, dtype), *constants(), *runs[1::9]]
    yield "lockstep", 3, [*runs[::2], *parts]
    yield "warps-rev", 3, [*runs[7::24], *parts[6:8]]
    yield "random", 1, [*runs[5::32], *parts[:1]]


def mask_launches() -> Iterator[tuple[str, int, list[Case]]]:
    """(order of threads, multiprocessors, cases), which together run every line."""
    cases = list(overlays(*(dtype_of(dtype) for dtype in SIZES)))
    yield "lockstep", 3, cases
    yield "warps-rev", 1, cases[::5]
    yield "random", 3, cases[1::5]


def check(machine: Machine, cases: Iterable[Case], label: str = "") -> None:
    """Fail unless one call draws all cases as the CPU does, and writes nothing else.

    The CPU draws them one after the other.
    """
    records, drawn = [], []
    for case in cases:
        size = case.dtype.itemsize
        lead = GUARD + case.shift * size
        buffer = np.full(lead + case.size * size + GUARD, 0xA5, np.uint8)
        address = machine.put(buffer)
        expected = buffer.copy()
        records += case.requests(address + lead)
        for request in case.requests(expected.ctypes.data + lead):
            fill([request])
        drawn.append((case, address, expected))
    machine.fill(records)
    for case, address, expected in drawn:
        actual = machine.get(address, expected.size)
        wrong = np.flatnonzero(actual != expected)
        if wrong.size:
            lead = GUARD + case.shift * case.dtype.itemsize
            raise AssertionError(
                f"{label} {case}: {wrong.size} bytes differ, the first is {wrong[0] - lead} of "
                f"{expected.size - lead - GUARD}"
            )
    machine.clear()
