"""Every instruction set equals the scalar one, bit for bit; and how one is chosen.

A case is a distribution, a dtype, a length, an offset in the whole, a misalignment and a thread
count. The default suite draws every distribution in every dtype at every length and lets the other
three rotate, so that all pairs occur; all places with each length are marked slow.
"""

import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from fastinit import (
    Constant,
    Initializer,
    Normal,
    TruncatedNormal,
    Uniform,
    get_num_threads,
    info,
)
from fastinit.native import _cpu
from helpers import reference
from helpers.dtypes import DTYPES
from helpers.processes import attempt, child
from helpers.records.truncations import TRUNCATIONS
from helpers.requests import ENDLESS, fill, requests_for
from helpers.settings import SETS, instruction_set, threads

DRAWS: dict[str, Callable[[], Initializer]] = {
    "uniform": lambda: Uniform(-1.0, 1.0),
    "uniform off center": lambda: Uniform(0.5, 3.0),
    "uniform, clamped": lambda: Uniform(-0.1, 0.3),
    "normal": lambda: Normal(0.0, 1.0),
    "normal with a mean": lambda: Normal(-0.3, 2.5),
    "normal, overflowing": lambda: Normal(0.0, 3e4),
    "normal, subnormal": lambda: Normal(0.0, 2.0**-126),
}
for _name, _cut in TRUNCATIONS.items():
    DRAWS[f"truncated, {_name}"] = lambda cut=_cut: TruncatedNormal(0.1, 0.7, *cut)  # type: ignore[misc]

SHORT = (0, 1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 4095, 4096, 4097)
LONG = (70_001, 250_007)  # which 4 and 15 threads share
LONGEST = 1_000_003  # 61 threads
OFFSETS = (0, 1, 3, 5, 2**32 - 7, 2**32 + 13, 2**34 - 9, 2**57 + 5)
SKIPPED = (0, 1, 3, 7)
THREADS = (1, 2, 3, 7, 64)
OTHERS = [name for name in SETS if name != "scalar"]


@dataclass(frozen=True)
class Case:
    """The place of a draw's elements in the whole and in memory, and the threads that fill them."""

    length: int
    offset: int
    skipped: int
    threads: int


def rotating(which: str) -> list[Case]:
    """Every length; the other sizes come from lists without common factors, starting anywhere."""
    rest = zip(*map(itertools.cycle, (OFFSETS, (*SKIPPED, 1, 5, 15), THREADS)), strict=False)
    start = zlib.crc32(which.encode()) % 280
    others = itertools.islice(rest, start, None)
    return [Case(length, *next(others)) for length in (*SHORT, *SHORT, *LONG)]


def places() -> Iterator[Case]:
    """Every length at every place; the threads take turns."""
    turns = itertools.cycle(THREADS)
    for place in itertools.product((*SHORT, *LONG, LONGEST), OFFSETS, SKIPPED):
        yield Case(*place, next(turns))


def drawn(what: Initializer, dtype: np.dtype[Any], case: Case, name: str) -> np.ndarray[Any, Any]:
    """The elements, with 64 bytes before and after them that must stay as they were."""
    size = dtype.itemsize
    memory = np.full(case.length * size + 256, 0xA5, np.uint8)
    start = 64 + -memory.ctypes.data % 64 + case.skipped * size
    index = np.s_[case.offset : case.offset + case.length]
    where: dict[str, Any] = {"index": index, "seed": 9, "stream": 2**63 + 77}
    with instruction_set(name), threads(case.threads):
        fill(requests_for(what, dtype, (ENDLESS,), memory.ctypes.data + start, **where))
    end = start + case.length * size
    assert np.all(memory[:start] == 0xA5), f"{name} wrote before the array: {case}"
    assert np.all(memory[end:] == 0xA5), f"{name} wrote after the array: {case}"
    return memory[start:end].view(f"u{size}")


def check(what: Initializer, dtype: np.dtype[Any], cases: Iterator[Case] | list[Case]) -> None:
    """Compare every other set with the scalar one."""
    plain, expected = None, np.empty(0)
    for case in cases:
        if plain != Case(case.length, case.offset, 0, 1):  # successive cases share it
            plain = Case(case.length, case.offset, 0, 1)
            expected = drawn(what, dtype, plain, "scalar")
        for name in SETS:
            found = drawn(what, dtype, case, name)
            differ = np.flatnonzero(found != expected)
            assert differ.size == 0, f"{name}: {differ.size} differ, first {differ[0]}: {case}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("draw", DRAWS)
def test_same_bits(draw: str, dtype: str) -> None:
    check(DRAWS[draw](), reference.DTYPES[dtype], rotating(draw + dtype))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("draw", DRAWS)
def test_same_bits_at_all_places(draw: str, dtype: str) -> None:
    check(DRAWS[draw](), reference.DTYPES[dtype], places())


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("item_size", [1, 2, 4, 8])
def test_constants(name: str, item_size: int) -> None:
    """Constants of every size at every length and misalignment change nothing beside them."""
    dtype = np.dtype(f"u{item_size}")
    for case in rotating(dtype.name):
        value = 0x8182838485868788 >> (64 - 8 * item_size)
        found = drawn(Constant(value), dtype, case, name)
        assert np.all(found == value), case


def test_the_last_set_is_the_default() -> None:
    """The sets are in rising order, and a new process takes the best."""
    printed = child("import fastinit; print(fastinit.info()['instruction_set'])")
    assert printed.strip() == SETS[-1]
    assert SETS[0] == "scalar"


@pytest.mark.parametrize(("value", "name"), [("", SETS[-1]), *zip(SETS, SETS, strict=True)])
def test_environment_variable(value: str, name: str) -> None:
    """FASTINIT_ISA chooses; an empty value counts as unset."""
    code = "import fastinit; print(fastinit.info()['instruction_set'])"
    assert child(code, FASTINIT_ISA=value).strip() == name


def test_environment_variable_with_a_wrong_value() -> None:
    """The import fails, and says what was given, what there is and what to do."""
    done = attempt("import fastinit", FASTINIT_ISA="AVX2000")
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith("ImportError: FASTINIT_ISA='AVX2000'")
    assert ", ".join(SETS) in message
    assert "unset" in message


def test_an_unknown_set_changes_nothing() -> None:
    """It is refused, and the active one stays."""
    before = _cpu.instruction_set()
    assert not _cpu.select_instruction_set("sse9")
    assert _cpu.instruction_set() == before


def test_info() -> None:
    with instruction_set("scalar"), threads(3):
        found = info()
        assert found["instruction_set"] == "scalar"
        assert found["threads"] == get_num_threads() == 3
    assert tuple(found["instruction_sets"]) == SETS
