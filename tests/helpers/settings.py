"""Settings of the process that tests change and put back."""

import contextlib
import sys
from collections.abc import Iterator

import fastinit
from fastinit.native import _cpu
from helpers import floating_point

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


@contextlib.contextmanager
def arithmetic(mode: str) -> Iterator[None]:
    """Round in another direction, or flush subnormals; then as before. Nothing cached is used."""
    for module in [each for key, each in sys.modules.items() if key.startswith("fastinit.")]:
        for function in vars(module).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
    floating_point.use(mode)
    try:
        yield
        assert floating_point.is_used(mode)
    finally:
        floating_point.use("default")
