"""Comparisons and selections."""

from __future__ import annotations

from cuda_emulator.program.instruction import Instruction
from cuda_emulator.ptx_types import Operand, bits
from cuda_emulator.translation.instructions.common import Handler
from cuda_emulator.translation.writer import Writer

_OPERATORS = {
    **{"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="},
    **{"lo": "<", "ls": "<=", "hi": ">", "hs": ">="},
}
# Unordered comparisons, which NaNs pass, as the opposites of ordered ones.
_OPPOSITES = {"neu": "==", "ltu": ">=", "leu": ">", "gtu": "<=", "geu": "<"}
_COMBINED = {"and": "&", "or": "|", "xor": "^"}
_PROPERTIES = {
    "finite": "np.isfinite({x})",
    "infinite": "np.isinf({x})",
    "number": "~np.isnan({x})",
    "notanumber": "np.isnan({x})",
    "subnormal": "(lambda v: (np.abs(v) < {tiny}) & (v != 0))({x})",
    "normal": "(lambda v: (np.abs(v) >= {tiny}) & np.isfinite(v))({x})",
}


def _compared(w: Writer, how: str, type_: str, a: Operand, b: Operand) -> str:
    x, y = (_comparable(w, operand, type_) for operand in (a, b))
    if how == "num":
        return f"~(np.isnan({x}) | np.isnan({y}))"
    if how == "nan":
        return f"np.isnan({x}) | np.isnan({y})"
    if "f" in type_ and how == "ne":
        return f"({x} < {y}) | ({x} > {y})"  # ordered: false for NaN
    if "f" in type_ and how == "equ":
        return f"~(({x} < {y}) | ({x} > {y}))"
    if "f" in type_ and how in _OPPOSITES:
        return f"~({x} {_OPPOSITES[how]} {y})"
    return f"{x} {_OPERATORS[how]} {y}"


def _comparable(w: Writer, operand: Operand, type_: str) -> str:
    if type_ == "bf16":
        return f"from_bf16({w.value(operand, 'b16')})"
    if type_ == "f16":
        return f"{w.value(operand, 'b16')}.view(f2)"
    return w.value(operand, type_)


def _setp(w: Writer, c: Instruction) -> None:
    to, a, b = c.operands[:3]
    holds = _compared(w, c.parts[1], c.type, a, b)
    fails = f"~({holds})"
    if len(c.operands) > 3:
        sign = _COMBINED[c.one_of(*_COMBINED) or ""]
        other = w.value(c.operands[3], "pred")
        holds, fails = f"({holds}) {sign} ({other})", f"({fails}) {sign} ({other})"
    if to[0] == "pair":
        w.add(f"tq = {fails}")
        w.put(to[1], holds, "pred")
        w.put(to[2], "tq", "pred")
    else:
        w.put(to, holds, "pred")


def _set(w: Writer, c: Instruction) -> None:
    holds = _compared(w, c.parts[1], c.type, c.operands[1], c.operands[2])
    combined = [part for part in c.parts[2:-2] if part in _COMBINED]
    if combined:
        holds = f"({holds}) {_COMBINED[combined[0]]} ({w.value(c.operands[3], 'pred')})"
    if c.parts[-2] == "f32":
        w.put(c.operands[0], f"({holds}).astype(f4)", "f32")
    else:
        w.put(c.operands[0], f"np.where({holds}, u4(0xffffffff), u4(0))", "u32")


def _selp(w: Writer, c: Instruction) -> None:
    to, a, b, predicate = c.operands
    raw = bits(c.type)
    chosen = f"np.where({w.value(predicate, 'pred')}, {w.value(a, raw)}, {w.value(b, raw)})"
    w.put(to, chosen, raw)


def _slct(w: Writer, c: Instruction) -> None:
    to, a, b, number = c.operands
    raw = bits(c.parts[-2])
    chosen = f"np.where({w.value(number, c.type)} >= 0, {w.value(a, raw)}, {w.value(b, raw)})"
    w.put(to, chosen, raw)


def _testp(w: Writer, c: Instruction) -> None:
    tiny = "2.0**-126" if c.type == "f32" else "2.0**-1022"
    x = w.value(c.operands[1], c.type)
    w.put(c.operands[0], _PROPERTIES[c.parts[1]].format(x=x, tiny=tiny), "pred")


HANDLERS: dict[str, Handler] = {
    **{"setp": _setp, "set": _set, "selp": _selp, "slct": _slct, "testp": _testp},
}
