"""Settings of the process that tests change and put back."""

import contextlib
import ctypes
import ctypes.util
import sys
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


_ROUNDING = {"upward": 0x800, "downward": 0x400, "to zero": 0xC00}  # of glibc on x86

FLOAT_MODES = (*_ROUNDING, "flushing")


@contextlib.contextmanager
def arithmetic(name: str) -> Iterator[None]:
    """Round in another direction, or flush subnormals; then as before. Nothing cached is used."""
    import torch

    for module in [each for key, each in sys.modules.items() if key.startswith("fastinit.")]:
        for function in vars(module).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    if name in _ROUNDING:
        assert libm.fesetround(_ROUNDING[name]) == 0
    else:
        assert torch.set_flush_denormal(name == "flushing")
    try:
        yield
        if name in _ROUNDING:
            assert libm.fegetround() == _ROUNDING[name]
        elif name == "flushing":
            assert sys.float_info.min * 0.5 == 0.0
    finally:
        libm.fesetround(0)
        torch.set_flush_denormal(False)
