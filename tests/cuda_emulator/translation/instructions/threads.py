"""Barriers, exchanges within a warp, and traps."""

from __future__ import annotations

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.translation.instructions.common import Handler
from cuda_emulator.translation.writer import THREADS, Writer


def _shfl(w: Writer, c: Instruction) -> None:
    to = c.operands[0]
    value, valid = (to[1], to[2]) if to[0] == "pair" else (to, ("reg", "_"))
    a, b, d = w.value(c.operands[1], "b32"), *(w.value(o, "u32") for o in c.operands[2:4])
    arguments = f"{c.parts[2]!r}, {a}, {b}, {d}, {c.line}, {w.use(THREADS)}"
    w.add(f"tr, tp = S.collectives.shuffle({arguments})")
    w.put(value, "tr", "b32")
    w.put(valid, "tp", "pred")


def _vote(w: Writer, c: Instruction) -> None:
    arguments = f"{c.parts[2]!r}, {w.value(c.operands[1], 'pred')}, {w.use(THREADS)}"
    w.put(c.operands[0], f"S.collectives.vote({arguments})", c.type)


def _match(w: Writer, c: Instruction) -> None:
    if c.parts[1] != "any":
        raise PtxError("match.all")
    x = w.value(c.operands[1], c.type)
    w.put(c.operands[0], f"S.collectives.match({x}, {w.use(THREADS)})", "b32")


def _redux(w: Writer, c: Instruction) -> None:
    arguments = f"{c.parts[2]!r}, {w.value(c.operands[1], c.type)}, {w.use(THREADS)}"
    w.put(c.operands[0], f"S.collectives.reduce({arguments})", c.type)


def _bar(w: Writer, c: Instruction) -> None:
    if "red" in c.parts:
        kind = c.parts[2] if c.parts[2] in ("popc", "and", "or") else c.parts[3]
        arguments = f"{kind!r}, {w.value(c.operands[-1], 'pred')}, {w.use(THREADS)}"
        w.put(c.operands[0], f"S.collectives.reduce_block({arguments})", c.type)
    elif c.parts[1] not in ("sync", "warp", "cta"):
        raise PtxError("barrier variant")


def _trap(w: Writer, c: Instruction) -> None:
    what = c.operands[0][1] if c.operands else "trap"
    where = f"({w.holds()}).any()" if c.guard else "True"
    w.add(f"if {where}: raise EmuError({f'line {c.line}: {what}'!r})")


HANDLERS: dict[str, Handler] = {
    **{"shfl": _shfl, "vote": _vote, "match": _match, "redux": _redux},
    **{"bar": _bar, "barrier": _bar, "trap": _trap},
}
