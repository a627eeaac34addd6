"""Moves, and addresses of one space as those of another."""

from __future__ import annotations

from cuda_emulator.memory.device import GLOBAL_BASE, LOCAL_BASE, SHARED_BASE
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.ptx_types import DTYPES, NAMES, SIZES, UNSIGNED, Operand, bits
from cuda_emulator.translation.instructions.common import Handler
from cuda_emulator.translation.writer import Writer


def _mov(w: Writer, c: Instruction) -> None:
    raw = bits(c.type)
    to, source = c.operands
    if to[0] == "vec":
        _unpack(w, to[1], source, raw)
    elif source[0] == "vec":
        width = 8 * SIZES[raw] // len(source[1])
        dtype = NAMES[DTYPES[raw]]
        parts = (
            f"({w.value(part, f'b{width}')}.astype({dtype}) << {dtype}({width * k}))"
            for k, part in enumerate(source[1])
        )
        w.put(to, " | ".join(parts), raw)
    else:
        w.put(to, w.value(source, raw), raw)


def _unpack(w: Writer, parts: list[Operand], source: Operand, raw: str) -> None:
    w.add(f"tv = {w.value(source, raw)}")
    size = SIZES[raw] // len(parts)
    for k, part in enumerate(parts):
        shifted = f"tv >> {NAMES[DTYPES[raw]]}({8 * size * k})"
        if part[1] != "_":
            w.put(part, f"({shifted}).astype({NAMES[UNSIGNED[size]]})", f"b{8 * size}")


def _cvta(w: Writer, c: Instruction) -> None:
    spaces = {"global": 0, "const": 0, "param": 0, "local": LOCAL_BASE}
    space = next(part for part in c.parts if part in spaces or part.startswith("shared"))
    source = c.operands[1]
    is_variable = source[0] in ("sym", "symoff") and not source[1].startswith("%")
    x = w.value(source, "b64" if is_variable else c.type)
    sign = "-" if "to" in c.parts else "+"
    w.put(c.operands[0], f"{x} {sign} u8({spaces.get(space, SHARED_BASE)})", c.type)


def _isspacep(w: Writer, c: Instruction) -> None:
    x = w.value(c.operands[1], "b64")
    if c.parts[1] == "global":
        inside = f"{x} >= u8({GLOBAL_BASE})"
    elif c.parts[1] == "local":
        inside = f"({x} >= u8({LOCAL_BASE})) & ({x} < u8({SHARED_BASE}))"
    else:
        inside = f"({x} >= u8({SHARED_BASE})) & ({x} < u8({GLOBAL_BASE}))"
    w.put(c.operands[0], inside, "pred")


HANDLERS: dict[str, Handler] = {"mov": _mov, "cvta": _cvta, "isspacep": _isspacep}
