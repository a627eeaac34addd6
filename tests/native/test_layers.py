"""The rooms of csrc/, and the lists that native code and Python share."""

import re
from pathlib import Path

import pytest

from fastinit.native import _cpu
from fastinit.native.dtypes import DTYPES

CSRC = Path(__file__).parent.parent.parent / "csrc"
# A room may include itself and those before it. cpu and cuda are equals: neither sees the other.
ROOMS = ("lanes", "numerics", "request", "cpu", "cuda", "bindings")
SUFFIXES = (".h", ".inl", ".cuh", ".cpp", ".cu")
FILES = [path for path in sorted(CSRC.rglob("*.*")) if path.suffix in SUFFIXES]


def room_of(path: Path) -> str:
    """The folder of csrc/ that a file lies in."""
    return path.relative_to(CSRC).parts[0]


@pytest.mark.parametrize("room", ROOMS)
def test_includes_point_down(room: str) -> None:
    """A file includes files of its own room and of lower ones only."""
    if not FILES:
        pytest.skip("the sources are not beside the tests")
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    if room == "cuda":
        allowed.remove("cpu")
    for path in FILES:
        if room_of(path) == room:
            included = re.findall(r'#include "(\w+)/', path.read_text())
            assert set(included) <= allowed, path


def test_primitives_are_in_lanes() -> None:
    """Intrinsics, assembly and pragmas for unrolling are in lanes/ only."""
    primitive = re.compile(r"\b_mm\d*_|\basm\b|\b__asm__\b|immintrin|#pragma (GCC )?unroll")
    for path in FILES:
        if room_of(path) != "lanes":
            assert not primitive.search(path.read_text()), path


def test_distributions() -> None:
    """Every distribution has a code of its own and a class."""
    codes = _cpu.distributions
    assert sorted(codes.values()) == list(range(len(codes)))
    assert codes.keys() == _cpu.request_classes.keys()
    assert set(_cpu.request_classes.values()) == {"fill", "matrix", "mask", "scatter"}


def test_dtypes() -> None:
    """Native code and Python draw the same dtypes."""
    assert list(_cpu.dtypes) == list(DTYPES)
    assert sorted(_cpu.dtypes.values()) == list(range(len(DTYPES)))


def test_axis_roles() -> None:
    """The roles of axes, as numbers that a byte holds."""
    assert _cpu.axis_roles == {"row": 0, "column": 1, "batch": 2, "kernel": 3}
