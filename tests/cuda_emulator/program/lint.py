"""Instructions whose results PTX does not fix to the bit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cuda_emulator.program.instruction import Instruction, Label

_APPROXIMATE = ("tanh", "ex2", "lg2", "sin", "cos", "rsqrt")
_FLOATS = ("f32", "f64", "f16", "bf16", "f16x2", "bf16x2")
_CHANGING = re.compile(r"%(clock|globaltimer|smid|nsmid|warpid|gridid|pm)")


class Finding(NamedTuple):
    kind: str
    function: str
    line: int
    op: str


def lint(code: Iterable[Instruction | Label], function: str) -> Iterator[Finding]:
    """Find them in a function's code."""
    for each in code:
        if not isinstance(each, Label) and (kind := _kind(each)):
            yield Finding(kind, function, each.line, each.op)


def _kind(c: Instruction) -> str | None:
    parts = set(c.parts)
    if parts & {"approx", "full"} or c.name in _APPROXIMATE:
        return "approx"
    if "ftz" in parts:
        return "ftz"
    is_rounded = parts & {"rn", "rz", "rm", "rp"}
    if c.name in ("add", "sub", "mul") and c.type in _FLOATS and not is_rounded:
        return "contractable"
    if c.name in ("atom", "red") and "add" in parts and "f" in c.type:
        return "float-atomic"
    if any(o[0] == "sym" and _CHANGING.match(o[1]) for o in c.operands):
        return "nondeterministic"
    return None
