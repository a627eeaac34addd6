"""The Python statements of one basic block, written instruction by instruction."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Guard, Instruction
from cuda_emulator.ptx_types import DIMENSIONS, DTYPES, NAMES, SIGNED, SIZES, UNSIGNED, Operand, f4

THREADS = "%%thr"
"""The register of the threads' indices in the batch, which memory and warps need."""

_SPECIAL = ("%laneid", "%warpid", "%nwarpid", "%dynamic_smem_size", "%total_smem_size")


class Writer:
    """Collects statements, the registers that they read before they define them, and those defined.

    The statements see ``S``, the batch of threads that runs, and the names of ``NAMESPACE``.
    """

    def __init__(
        self, registers: dict[str, str], symbols: Container[str], parameters: Mapping[str, int]
    ) -> None:
        self.registers, self.symbols, self.parameters = registers, symbols, parameters
        self.statements: list[str] = []
        self.uses: list[str] = []
        self.defined: list[str] = []
        self._guard: Guard | None = None

    def write(self, c: Instruction, handler: Callable[[Writer, Instruction], None]) -> None:
        """Write one instruction, whose results are kept where its guard holds."""
        self._guard = c.guard
        handler(self, c)

    def add(self, statement: str) -> None:
        self.statements.append(statement)

    def use(self, register: str) -> str:
        """Return the name of a register's value."""
        if register not in self.defined and register not in self.uses:
            self.uses.append(register)
        return python_name(register)

    def type_of(self, register: str) -> str:
        if register not in self.registers:
            raise PtxError("unknown register " + register)
        return self.registers[register]

    def address(self, symbol: str, offset: int = 0) -> str:
        """Return the address of a variable in its space, or of a parameter of the kernel."""
        if symbol in self.parameters:
            return f"np.array([{self.parameters[symbol] + offset}], u8)"
        if symbol not in self.symbols:
            raise PtxError("unknown symbol " + symbol)
        place = f"S.launch.address({symbol!r})"
        return f"({place} + u8({offset}))" if offset else place

    def _special(self, name: str) -> str:
        if name.split(".")[0] in DIMENSIONS or name in _SPECIAL or name.startswith("%lanemask_"):
            return self.use(name)
        raise PtxError("special register " + name)

    def value(self, operand: Operand, type_: str) -> str:
        """Return an operand read as a type: an array of its dtype, or of raw bits."""
        kind, dtype, want = operand[0], DTYPES[type_], SIZES[type_]
        if kind == "not":
            return "~" + self.value(operand[1], "pred")
        if kind == "imm":
            return _immediate(operand[1], type_)
        if kind == "f32":
            is_float = type_ in ("f32", "b32") and dtype is f4
            return f"np.array([0x{operand[1]:x}], u4)" + (".view(f4)" if is_float else "")
        if kind == "f64":
            return f"np.array([0x{operand[1]:x}], u8).view({NAMES[dtype]})"
        if kind == "reg" and "pred" in (type_, self.type_of(operand[1])):
            if type_ != self.type_of(operand[1]):
                raise PtxError("predicate/data mix")
            return self.use(operand[1])
        if kind == "reg":
            found, have = self.use(operand[1]), SIZES[self.type_of(operand[1])]
        elif kind == "sym" and operand[1].startswith("%"):
            found, have = self._special(operand[1]), 4
        elif kind in ("sym", "symoff"):
            found, have = self.address(*operand[1:]), 8
        else:
            raise PtxError(f"operand {operand!r}")
        if have > want:
            found = f"{found}.astype({NAMES[UNSIGNED[want]]})"
        elif have < want:
            raise PtxError(f"operand {operand!r} too narrow for {type_}")
        return found if dtype is UNSIGNED[want] else f"{found}.view({NAMES[dtype]})"

    def put(self, operand: Operand, expression: str, type_: str) -> None:
        """Assign an array of a type's dtype, or of its bits, to a destination."""
        register = operand[1]
        if register == "_":
            return
        into = self.type_of(register)
        width, have = SIZES[into], SIZES[type_]
        if into != "pred":
            raw = NAMES[UNSIGNED[width]]
            if have < width and type_[0] == "s":  # extended by the instruction's type
                expression = f"({expression}).astype({NAMES[SIGNED[width]]}).view({raw})"
            elif have < width:
                expression = f"({expression}).astype({raw})"
            elif have > width:
                raise PtxError(f"destination {register} too narrow")
            elif DTYPES[type_] is not UNSIGNED[width]:
                expression = f"({expression}).view({raw})"
        self.assign(register, expression)

    def assign(self, register: str, expression: str) -> None:
        if self._guard:
            expression = f"np.where({self.holds()}, {expression}, {self.use(register)})"
        if register not in self.defined:
            self.defined.append(register)
        self.add(f"{python_name(register)} = {expression}")

    def holds(self) -> str:
        """Return where the guard holds: a mask, or None for an instruction without one."""
        if self._guard is None:
            return "None"
        register, is_negated = self._guard
        return ("~" if is_negated else "") + self.use(register)


def _immediate(number: int, type_: str) -> str:
    if type_ == "pred":
        return f"np.array([{bool(number)}])"
    if type_ in ("f32", "f64", "f16", "bf16"):
        raise PtxError("integer immediate for a float")
    size = SIZES[type_]
    value = number & ((1 << 8 * size) - 1)
    return f"np.array([0x{value:x}], {NAMES[UNSIGNED[size]]}).view({NAMES[DTYPES[type_]]})"


def python_name(register: str) -> str:
    return "r_" + re.sub(r"\W", lambda match: f"_{ord(match.group()):x}_", register)
