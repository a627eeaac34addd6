"""Loads, stores and atomics."""

from __future__ import annotations

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.ptx_types import DTYPES, NAMES, SIZES, UNSIGNED, Operand, bits
from cuda_emulator.translation.instructions.common import Handler
from cuda_emulator.translation.writer import THREADS, Writer

_SPACES = ("global", "shared", "local", "const", "param")
_ATOMICS = ("add", "and", "or", "xor", "exch", "cas", "min", "max", "inc", "dec")


def _space(c: Instruction) -> str:
    names = (part.split("::")[0] for part in c.parts[1:])
    return next((name for name in names if name in _SPACES), "generic")


def _address(w: Writer, operand: Operand) -> str:
    base, offset = operand[1:]
    if base[0] == "sym" and not base[1].startswith("%"):
        return f"{w.address(base[1])} + u8({offset & (2**64 - 1)})"
    if base[0] == "imm":
        return f"np.array([{offset}], u8)"
    size = SIZES[w.type_of(base[1])]
    place = w.use(base[1])
    if offset:
        place = f"{place} + {NAMES[UNSIGNED[size]]}(0x{offset & (2 ** (8 * size) - 1):x})"
    return place if size == 8 else f"({place}).astype(u8)"


def _where(w: Writer, c: Instruction) -> str:
    """Return what every access needs to know: line, threads, and which of them take part."""
    return f"{c.line}, {w.use(THREADS)}, {w.holds()}"


def _ld(w: Writer, c: Instruction) -> None:
    to, source = c.operands
    into = to[1] if to[0] == "vec" else [to]
    type_ = c.type if c.type[0] in "us" else bits(c.type)
    size = SIZES[c.type]
    if _space(c) == "param":
        for k, each in enumerate(into):
            w.put(each, _parameter(w, source, k * size, type_), type_)
        return
    place = _address(w, source)
    w.add(f"tl = S.memory.load({_space(c)!r}, {place}, {size}, {len(into)}, {_where(w, c)})")
    view = "" if DTYPES[type_] is UNSIGNED[size] else f".view({NAMES[DTYPES[type_]]})"
    for k, each in enumerate(into):
        w.put(each, f"tl[{k}]{view}", type_)


def _parameter(w: Writer, source: Operand, more: int, type_: str) -> str:
    """Return a parameter of the kernel, or one of a call, which is a register."""
    name, offset, size = source[1][1], source[2] + more, SIZES[type_]
    if name in w.parameters:
        place = w.parameters[name] + offset
        return f"S.launch.parameter({place}, {size}).view({NAMES[DTYPES[type_]]})"
    if name.startswith("%"):  # a register that holds a parameter's address
        place = f"{w.use(name)} + u8({offset & (2**64 - 1)})"
        return f"S.launch.parameter_at({place}, {size}).view({NAMES[DTYPES[type_]]})"
    register = f"{name}+{offset}"
    w.registers.setdefault(register, f"b{8 * max(size, 2)}")
    return w.value(("reg", register), type_)


def _st(w: Writer, c: Instruction) -> None:
    to, source = c.operands
    values = source[1] if source[0] == "vec" else [source]
    size = SIZES[c.type]
    raw = f"b{8 * size}"
    if _space(c) == "param":
        for k, each in enumerate(values):
            register = f"{to[1][1]}+{to[2] + k * size}"
            w.registers[register] = f"b{8 * max(size, 2)}"
            w.put(("reg", register), w.value(each, raw), raw)
        return
    stored = ", ".join(w.value(each, raw) for each in values)
    place = _address(w, to)
    w.add(f"S.memory.store({_space(c)!r}, {place}, {size}, [{stored}], {_where(w, c)})")


def _atom(w: Writer, c: Instruction) -> None:
    """atom, and red, which returns nothing."""
    is_red = c.name == "red"
    place, values = (c.operands[0], c.operands[1:]) if is_red else (c.operands[1], c.operands[2:])
    if c.type in ("f16x2", "bf16x2", "f16", "bf16", "b128"):
        raise PtxError("16-bit float atomics")
    kind = next(part for part in c.parts[1:] if part in _ATOMICS)
    operation = f"{_space(c)!r}, {kind!r}, {c.type!r}, {_address(w, place)}"
    arguments = ", ".join(w.value(each, c.type) for each in values)
    found = f"S.atomics.apply({operation}, [{arguments}], {_where(w, c)})"
    if is_red or c.operands[0][1] == "_":
        w.add(found)
    else:
        w.put(c.operands[0], found, c.type)


HANDLERS: dict[str, Handler] = {"ld": _ld, "ldu": _ld, "st": _st, "atom": _atom, "red": _atom}
