"""The rooms of csrc/."""

import re
from pathlib import Path

import pytest

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
