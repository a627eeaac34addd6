"""The lines of a kernel's PTX that no test has run, and the reasons that excuse them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cuda_emulator.standin import StandIn


@dataclass(frozen=True)
class Unrun:
    """Lines that may stay unrun: the reason, and the most straight pieces of such lines.

    ``marks`` matches some line of such a piece, ``lines`` each of them.
    """

    reason: str
    marks: str
    lines: str
    pieces: int


def wide_divisions(pieces: int) -> Unrun:
    """64-bit divisions with operands of 2^32 or more; nvcc checks first whether they are."""
    return Unrun(
        "64-bit divisions, for parts of 2^32 elements or more",
        r"(div|rem)\.u64",
        r"(div|rem|ld\.global)\.u64|mul\.lo\.s64|mul\.wide\.u32|sub\.s64|mov\.[ub]64",
        pieces,
    )


def wide_quotients(count: int) -> Unrun:
    """The same in the kernels' own division: a loop, and what comes before."""
    return Unrun(
        "the loop of a division, for parts of 2^32 rows or more, which test_cuda_functions.py runs",
        r"bfi\.b64|mov\.[ub]64 %\w+, 0;|mov\.b64 {",
        r"(mov|shf|shl|shr|or|and|setp|selp|sub|bfi|add)\.",
        2 * count,
    )


@dataclass(frozen=True)
class Figures:
    """The lines of one kernel for one architecture, and for each reason those never run."""

    lines: int
    unrun: dict[str, int]


# By architecture and kernel, for the summary after the tests.
FIGURES: dict[tuple[str, str], Figures] = {}


def check_coverage(stand_in: StandIn, name: str, *allowed: Unrun) -> None:
    """Fail unless every line of a kernel was run since the start, with named exceptions.

    Args:
        stand_in: the device, whose architecture determines the PTX.
        name: the kernel's mangled name, as in the log of launches.
        allowed: named exceptions.
    """
    module = stand_in.module()
    kernel, text = module.kernel(name), module.text.splitlines()
    pieces = [
        [(each.line, text[each.line - 1].strip()) for each in block.instructions]
        for block in kernel.blocks
        if block.instructions and not block.hits
    ]
    unrun = {}
    for exception in allowed:
        found = [piece for piece in pieces if _is_named(piece, exception)]
        assert len(found) <= exception.pieces, f"{exception.reason}: {len(found)} pieces of {name}"
        pieces = [piece for piece in pieces if piece not in found]
        unrun[exception.reason] = sum(map(len, found))
    total = sum(len(block.instructions) for block in kernel.blocks)
    listed = "\n".join(
        f"{line}: {code} ({len(piece)} lines)" for piece in pieces for line, code in piece[:1]
    )
    missed = sum(map(len, pieces))
    message = f"{missed} of {total} lines of {name} ({stand_in.architecture}) never ran:\n{listed}"
    assert not pieces, message
    FIGURES[stand_in.architecture, name] = Figures(total, unrun)


def _is_named(piece: Sequence[tuple[int, str]], exception: Unrun) -> bool:
    marked = any(re.match(exception.marks, code) for _, code in piece)
    return marked and all(re.match(exception.lines, code) for _, code in piece)


def summary() -> str | None:
    """A sentence on what ran, or None if no kernel was checked."""
    if not FIGURES:
        return None
    lines = sum(each.lines for each in FIGURES.values())
    unrun: dict[str, int] = {}
    for each in FIGURES.values():
        for reason, count in each.unrun.items():
            unrun[reason] = unrun.get(reason, 0) + count
    ran = f"PTX of {len(FIGURES)} kernels: {lines - sum(unrun.values())} of {lines} lines were run"
    return "".join([ran, *(f"\n  {count} not: {reason}" for reason, count in unrun.items())])
