"""A kernel's code with its calls inlined, so that it has neither a stack nor frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Function, Instruction, Label, Variable
from cuda_emulator.ptx_types import Operand


class _Frame(NamedTuple):
    """One call: the prefix of its names, and the caller's names of its parameters."""

    function: Function
    prefix: str
    parameters: dict[str, str]
    after: str | None
    """The label to which it returns; None in the kernel itself."""
    callers: tuple[str, ...]


class Inlined:
    """The code of a kernel, with the registers, variables and memory of all that it calls."""

    def __init__(
        self, kernel: Function, functions: Mapping[str, Function | None], shared: int
    ) -> None:
        self.registers = dict(kernel.registers)
        self.variables: dict[str, Variable] = {}
        self.tables: dict[str, list[str]] = {}
        self.code: list[Instruction | Label] = []
        self.local, self.shared = kernel.local, shared
        self._functions = functions
        self._calls = 0
        self._inline(_Frame(kernel, "", {}, None, ()))

    def _inline(self, frame: _Frame) -> None:
        function, prefix = frame.function, frame.prefix
        if function.name in frame.callers:
            raise PtxError("recursion in " + function.name)
        self._add_variables(frame)
        self.registers |= {prefix + name: type_ for name, type_ in function.registers.items()}
        for label, targets in function.tables.items():
            self.tables[prefix + label] = [prefix + target for target in targets]
        for each in function.code:
            if isinstance(each, Label):
                self.code.append(Label(prefix + each))
            else:
                self._add(frame, each)

    def _add_variables(self, frame: _Frame) -> None:
        function, prefix = frame.function, frame.prefix
        for name, (space, offset) in function.variables.items():
            if space == "local" and prefix:
                offset = _number(offset) + self.local
            elif space == "shared" and offset is not None and not prefix:
                offset = _number(offset) + _up_to_16(self.shared)
            self.variables[prefix + name] = space, offset
        if prefix:
            self.local += _up_to_16(function.local)
        elif function.shared:
            self.shared = _up_to_16(self.shared) + function.shared

    def _add(self, frame: _Frame, c: Instruction) -> None:
        guard = (frame.prefix + c.guard[0], c.guard[1]) if c.guard else None
        operands = [_renamed(frame, operand) for operand in c.operands]
        if c.name == "ret" and frame.after is not None:
            self.code.append(Instruction("bra", [("sym", frame.after)], guard, c.line))
        elif c.name == "call":
            self._call(frame, Instruction(c.op, operands, guard, c.line))
        else:
            self.code.append(Instruction(c.op, operands, guard, c.line))

    def _call(self, frame: _Frame, c: Instruction) -> None:
        """call (returned), name, (arguments);"""
        lists = [operand[1] for operand in c.operands if operand[0] == "list"]
        returned = lists.pop(0) if c.operands[0][0] == "list" else []
        arguments = lists[-1] if lists else []
        name = next(operand[1] for operand in c.operands if operand[0] == "sym")
        called = self._functions.get(name)
        if called is None or c.guard:
            self.code.append(Instruction("trap", [("sym", "call of " + name)], c.guard, c.line))
            return
        self._calls += 1
        prefix, after = f"c{self._calls}.", f"$after_{self._calls}"
        pairs = [*zip(called.params, arguments), *zip(called.returned, returned)]  # noqa: B905
        parameters = {parameter.name: operand[1] for parameter, operand in pairs}
        self._inline(
            _Frame(called, prefix, parameters, after, (*frame.callers, frame.function.name))
        )
        self.code.append(Label(after))


def _number(offset: object) -> int:
    assert isinstance(offset, int)
    return offset


def _up_to_16(size: int) -> int:
    return -(-size // 16) * 16


def _renamed(frame: _Frame, operand: Operand) -> Operand:
    kind = operand[0]
    if kind == "reg":
        return ("reg", frame.prefix + operand[1])
    if kind in ("sym", "symoff"):
        return (kind, _symbol(frame, operand[1]), *operand[2:])
    if kind in ("vec", "list"):
        return (kind, [_renamed(frame, each) for each in operand[1]])
    if kind == "addr":
        return (kind, _renamed(frame, operand[1]), operand[2])
    if kind == "not":
        return (kind, _renamed(frame, operand[1]))
    if kind == "pair":
        return (kind, _renamed(frame, operand[1]), _renamed(frame, operand[2]))
    return operand


def _symbol(frame: _Frame, name: str) -> str:
    if name in frame.parameters:
        return frame.parameters[name]
    function = frame.function
    is_label = name.startswith("$") or name in function.tables
    is_call_parameter = re.search(r"\.\d+$", name) and not name.startswith("%")
    if name in function.variables or is_label or is_call_parameter:
        return frame.prefix + name
    return name
