"""What the tests share: bit-for-bit comparison, settings that are put back, child processes."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastinit
from fastinit import _cpu
from fastinit.boxes import part
from fastinit.initializers.base import Distribution
from fastinit.native import fill
from fastinit.requests import requests_of
from helpers import reference

SETS = tuple(_cpu.instruction_sets())
DTYPES = tuple(reference.DTYPES)
ENDLESS = (1 << 58) - 1  # elements of the largest array
CUTS = {  # one for each formulation and piece of one, on either side
    "central": (-2.0, 2.0),
    "flat": (-0.01, 0.01),
    "symmetric": (-3.0, 3.0),
    "skewed": (-0.5, 4.0),
    "narrow": (-1.0, 0.25),
    "beside": (0.1, 1.7),
    "far": (2.5, 3.0),
    "far below": (-9.0, -8.0),
    "below": (-np.inf, 1.0),
    "above": (0.0, np.inf),
    "tail": (5.0, np.inf),
    "left tail": (-np.inf, -8.0),
    "none": (-np.inf, np.inf),
}


def bits(array: Any) -> NDArray[Any]:
    """An array's elements as unsigned integers, in one dimension."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(f"u{flat.dtype.itemsize}")


def check_bits(actual: Any, expected: Any, case: object = "") -> None:
    """Fail unless two arrays agree in dtype, shape and every bit."""
    assert actual.dtype == expected.dtype, case
    assert actual.shape == expected.shape, case
    differ = np.flatnonzero(bits(actual) != bits(expected))
    if differ.size:
        at = differ[0]
        raise AssertionError(
            f"{case}: {differ.size} of {actual.size} differ, first element {at}: "
            f"{np.ravel(actual)[at]!r} is not {np.ravel(expected)[at]!r}"
        )


def f64(array: Any) -> NDArray[np.float64]:
    """The elements of any dtype as float64, exactly."""
    with np.errstate(invalid="ignore"):
        return np.asarray(array).astype(np.float64)


def draw_at(
    what: Distribution, dtype: np.dtype[Any], offset: int, count: int, seed: int, stream: int
) -> NDArray[Any]:
    """Elements offset to offset + count of any 64-bit stream, named by its number."""
    out = np.zeros(count, dtype)
    box = part((ENDLESS,), np.s_[offset : offset + count])
    fill(requests_of(what.draw(dtype).place(box, out.ctypes.data, seed, stream)))
    return out


@contextlib.contextmanager
def instruction_set(name: str) -> Iterator[None]:
    """With this instruction set, then with the one from before."""
    before = _cpu.instruction_set()
    assert _cpu.select_instruction_set(name)
    try:
        yield
    finally:
        assert _cpu.select_instruction_set(before)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """With so many threads, then with the default."""
    fastinit.set_num_threads(count)
    try:
        yield
    finally:
        fastinit.set_num_threads(None)


@contextlib.contextmanager
def process_seed(seed: int | None) -> Iterator[None]:
    """With this process-wide seed, then with a new one from the operating system."""
    fastinit.seed(seed)
    try:
        yield
    finally:
        fastinit.seed(None)


def environment(**changes: str | None) -> dict[str, str]:
    """The environment of a child process: this one's with changes, None removing a variable."""
    settings = {**os.environ, "SKBUILD_EDITABLE_VERBOSE": "0", "PYTHONWARNINGS": "ignore"}
    settings.pop("FASTINIT_ISA", None)
    for key, value in changes.items():
        settings.pop(key, None)
        if value is not None:
            settings[key] = value
    return settings


def child(code: str, *, timeout: float = 120, **changes: str | None) -> str:
    """What a new Python process prints that runs `code`; it must succeed."""
    done = attempt(code, timeout=timeout, **changes)
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def attempt(
    code: str, *, timeout: float = 120, **changes: str | None
) -> subprocess.CompletedProcess[str]:
    """A new Python process that runs `code`, whatever becomes of it."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
