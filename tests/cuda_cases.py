"""Requests to try on a CUDA device, and the check that it draws what the CPU draws, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuda_machines import Machine
from fastinit.boxes import part
from fastinit.initializers import (
    NM,
    Bernoulli,
    Constant,
    Dirac,
    Initializer,
    Normal,
    Sparse,
    TruncatedNormal,
    Uniform,
)
from fastinit.initializers.base import Distribution
from fastinit.native import fill
from fastinit.requests import requests_of
from support import CUTS, ENDLESS

KINDS: dict[str, Distribution] = {
    "constant": Constant(-1.75),
    "uniform": Uniform(-0.3, 0.7),
    "clamped uniform": Uniform(1.0, 1.5),
    "normal": Normal(0.5, 2.0),
    **{
        f"truncated {name}": TruncatedNormal(0.1, 0.5, lower, upper)
        for name, (lower, upper) in CUTS.items()
    },
}
# One of each kernel: the cuts' formulations among them.
KERNELS = (
    "constant", "uniform", "clamped uniform", "normal", "truncated central", "truncated symmetric",
    "truncated skewed", "truncated far",
)  # fmt: skip
BLOCK = 1024  # elements that a block of threads draws at once, one Philox block each
# Around the borders of Philox blocks, of 16-byte stores and of what a block of threads draws.
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, BLOCK - 1, BLOCK, BLOCK + 1)
CARRY = 1 << 34  # the first element of a block whose number has a second word
GUARD = 64  # bytes before and behind that must stay as they were


@dataclass(frozen=True)
class Case:
    """A part of an array, and by how many elements its memory misses a 16-byte border."""

    what: Initializer
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    index: Any
    shift: int = 0
    seed: int = 0x123456789ABCDEF0
    stream: int = (1 << 63) + 12345


def run_of(
    what: Distribution, dtype: np.dtype[Any], offset: int, count: int, shift: int = 0
) -> Case:
    """Successive elements of a very long array."""
    return Case(what, dtype, (ENDLESS,), np.s_[offset : offset + count], shift)


def borders(what: Distribution, dtype: np.dtype[Any]) -> Iterator[Case]:
    """All lengths, at offsets and alignments of every kind, and enough for whole tiles."""
    for k, count in enumerate(LENGTHS):
        yield run_of(what, dtype, 0, count)
        yield run_of(what, dtype, k % 8, count, k % 5)
        yield run_of(what, dtype, CARRY - 2 * k - 1, count, (k + 1) % 3)
    yield run_of(what, dtype, CARRY - 4 * BLOCK - 8, 12 * BLOCK + 5)
    yield run_of(what, dtype, 4, BLOCK, 1)
    yield run_of(what, dtype, ENDLESS - 9, 9)


def constants() -> Iterator[Case]:
    """Constants of every size, which any kernel fills along with its own requests."""
    for name in ("int8", "float16", "int32", "float64"):
        for k, count in enumerate((1, 2, 3, 7, 16, 17, 300)):
            yield run_of(Constant(-3), np.dtype(name), 0, count, k)


def rectangles(what: Distribution, dtype: np.dtype[Any]) -> Iterator[Case]:
    """Parts that are no run: narrow and wide ones, of several axes, far away."""
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
    for k, (shape, index) in enumerate(shapes):
        yield Case(what, dtype, shape, index, k % 4)


def overlays(dtype: np.dtype[Any]) -> Iterator[Case]:
    """Masks along columns, four at once and one by one, along rows and elements; diagonals."""
    everything = np.s_[:]
    for nonzeros, per in ((5, "in"), (3, "out")):
        for columns in (8, 9):
            mask = Sparse(nonzeros=nonzeros, per=per)
            yield Case(mask, dtype, (13, columns), everything, 1)
            yield Case(mask, dtype, (13, columns), np.s_[5:11, 4:8])
            yield Case(mask, dtype, (13, columns, 3), np.s_[5:11, 1:7, 1:])
    yield Case(Sparse(nonzeros=2, layout="boi"), dtype, (3, 6, 8), np.s_[1:, 2:5])
    yield Case(Sparse(nonzeros=20), dtype, (50, 280), np.s_[5:10, :270])
    for n, m in ((2, 4), (1, 5)):
        yield Case(NM(n, m, base="he_normal"), dtype, (9, 20), everything)
        yield Case(NM(n, m, base="he_normal"), dtype, (7, 20), np.s_[1:, 3:18], 3)
        yield Case(NM(n, m, base="he_normal", layout="io"), dtype, (20, 7), np.s_[3:18, 1:])
    yield Case(Bernoulli(0.4, base="lecun_uniform"), dtype, (29, 30), everything, 1)
    yield Case(Bernoulli(0.4, base="lecun_uniform"), dtype, (5, 9, 30), np.s_[1:3, :4, 5:22])
    yield Case(Dirac(), dtype, (40, 40), np.s_[3:, :31], 2)
    yield Case(Dirac(groups=2, gain=3), dtype, (8, 4, 3, 3), everything)


def check(machine: Machine, cases: Iterable[Case], label: str = "") -> None:
    """Fail unless one call draws all cases as the CPU does, and writes nothing else.

    The CPU draws them one after the other.
    """
    records, drawn = [], []
    for case in cases:
        size = case.dtype.itemsize
        box = part(case.shape, case.index)
        count = int(np.prod(box.shape, dtype=np.int64))
        lead = GUARD + case.shift * size
        buffer = np.full(lead + count * size + GUARD, 0xA5, np.uint8)
        address = machine.put(buffer)
        draws = case.what.draws(case.shape, case.dtype)
        where = (case.seed, case.stream)
        expected = buffer.copy()
        target = expected.ctypes.data + lead
        for draw in draws:
            records += draw.place(box, address + lead, *where)
            fill(requests_of(draw.place(box, target, *where)))
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
