"""Settings of the process that tests change and put back."""

import contextlib
from collections.abc import Iterator

import fastinit
from fastinit.native import _cpu

SETS = tuple(_cpu.instruction_sets())


@contextlib.contextmanager
def instruction_set(name: str) -> Iterator[None]:
    """Use this instruction set, then the one from before."""
    before = _cpu.instruction_set()
    assert _cpu.select_instruction_set(name)
    try:
        yield
    finally:
        assert _cpu.select_instruction_set(before)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Use this number of threads, then the default."""
    fastinit.set_num_threads(count)
    try:
        yield
    finally:
        fastinit.set_num_threads(None)


@contextlib.contextmanager
def process_seed(seed: int | None) -> Iterator[None]:
    """Use this process-wide seed, then a new one from the operating system."""
    fastinit.seed(seed)
    try:
        yield
    finally:
        fastinit.seed(None)
