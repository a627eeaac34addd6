"""Logic, shifts and fields of bits."""

from __future__ import annotations

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.ptx_types import DTYPES, NAMES, SIZES, UNSIGNED, unsigned
from cuda_emulator.translation.instructions.common import Handler
from cuda_emulator.translation.writer import Writer

_LOGIC = {"and": "&", "or": "|", "xor": "^"}
_SHIFTS = {"shl": "<<", "shr": ">>"}


def _logic(w: Writer, c: Instruction) -> None:
    a, b = (w.value(operand, c.type) for operand in c.operands[1:3])
    w.put(c.operands[0], f"{a} {_LOGIC[c.name]} {b}", c.type)


def _not(w: Writer, c: Instruction) -> None:
    w.put(c.operands[0], "~" + w.value(c.operands[1], c.type), c.type)


def _cnot(w: Writer, c: Instruction) -> None:
    x = w.value(c.operands[1], c.type)
    w.put(c.operands[0], f"({x} == 0).astype({NAMES[DTYPES[c.type]]})", c.type)


def _shift(w: Writer, c: Instruction) -> None:
    to, x, by = c.operands
    if by[0] == "imm" and 0 <= by[1] < 8 * SIZES[c.type]:
        amount = f"{NAMES[DTYPES[c.type]]}({by[1]})"
        w.put(to, f"{w.value(x, c.type)} {_SHIFTS[c.name]} {amount}", c.type)
    else:
        w.put(to, f"{c.name}({w.value(x, c.type)}, {w.value(by, 'u32')})", c.type)


def _shf(w: Writer, c: Instruction) -> None:
    a, b = (w.value(operand, c.type) for operand in c.operands[1:3])
    options = f"{c.parts[1] == 'l'}, {'clamp' in c.parts}"
    w.put(c.operands[0], f"shf({a}, {b}, {w.value(c.operands[3], 'u32')}, {options})", c.type)


def _prmt(w: Writer, c: Instruction) -> None:
    mode = next((part for part in c.parts[1:] if part != "b32"), "")
    words = ", ".join(w.value(operand, "b32") for operand in c.operands[1:4])
    w.put(c.operands[0], f"prmt({words}, {mode!r})", "b32")


def _lop3(w: Writer, c: Instruction) -> None:
    if c.operands[0][0] == "pair":
        raise PtxError("lop3 with predicate")
    words = ", ".join(w.value(operand, c.type) for operand in c.operands[1:4])
    w.put(c.operands[0], f"lop3({words}, {c.operands[4][1]})", c.type)


def _bfe(w: Writer, c: Instruction) -> None:
    to, x, position, width = c.operands
    arguments = f"{w.value(x, c.type)}, {w.value(position, 'u32')}, {w.value(width, 'u32')}"
    field = f"bfe(*np.broadcast_arrays({arguments}), {c.type[0] == 's'})"
    w.put(to, field, unsigned(c.type))


def _bfi(w: Writer, c: Instruction) -> None:
    to, a, b, position, width = c.operands
    arguments = ", ".join(
        [w.value(a, c.type), w.value(b, c.type), w.value(position, "u32"), w.value(width, "u32")]
    )
    w.put(to, f"bfi(*np.broadcast_arrays({arguments}))", c.type)


def _popc(w: Writer, c: Instruction) -> None:
    x = w.value(c.operands[1], c.type)
    w.put(c.operands[0], f"np.bitwise_count({x}).astype(u4)", "u32")


def _clz(w: Writer, c: Instruction) -> None:
    w.put(c.operands[0], f"clz({w.value(c.operands[1], c.type)})", "u32")


def _bfind(w: Writer, c: Instruction) -> None:
    x = w.value(c.operands[1], c.type)
    width = 8 * SIZES[c.type]
    if c.type[0] == "s":
        x = f"np.where({x} < 0, ~{x}, {x}).view({NAMES[UNSIGNED[width // 8]]})"
    found = "z" if "shiftamt" in c.parts else f"u4({width - 1}) - z"
    where = f"(lambda z: np.where(z == u4({width}), u4(0xffffffff), {found}))"
    w.put(c.operands[0], f"{where}(clz({x}))", "u32")


def _brev(w: Writer, c: Instruction) -> None:
    w.put(c.operands[0], f"brev({w.value(c.operands[1], c.type)})", c.type)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_LOGIC, _logic),
    **dict.fromkeys(_SHIFTS, _shift),
    **{"not": _not, "cnot": _cnot, "shf": _shf, "prmt": _prmt, "lop3": _lop3},
    **{"bfe": _bfe, "bfi": _bfi, "popc": _popc, "clz": _clz, "bfind": _bfind, "brev": _brev},
}
