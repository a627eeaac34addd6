"""A parsed function: instructions and labels in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from cuda_emulator.ptx_types import Array, Operand

Guard = tuple[str, bool]
"""A predicate's register, and whether it is negated."""

Variable = tuple[str, int | Array | None]
"""A space, and there an offset; None for the dynamic part of shared memory, data for global."""


class Instruction:
    """One instruction: ``parts`` are those of its name, split at the dots."""

    __slots__ = ("guard", "line", "op", "operands", "parts")

    def __init__(self, op: str, operands: list[Operand], guard: Guard | None, line: int) -> None:
        self.op, self.parts = op, op.split(".")
        self.operands, self.guard, self.line = operands, guard, line

    @property
    def name(self) -> str:
        """Its first part."""
        return self.parts[0]

    @property
    def type(self) -> str:
        """Its last part."""
        return self.parts[-1]

    def one_of(self, *parts: str) -> str | None:
        """Return the first part that is one of these."""
        return next((part for part in self.parts if part in parts), None)

    def __repr__(self) -> str:
        guard = f"@{'!' if self.guard[1] else ''}{self.guard[0]} " if self.guard else ""
        return f"line {self.line}: {guard}{self.op} {self.operands}"


class Label(str):
    """A label, of the instruction that comes next."""

    __slots__ = ()


class Parameter(NamedTuple):
    name: str
    type: str
    align: int
    size: int


@dataclass
class Function:
    name: str
    is_entry: bool
    params: list[Parameter] = field(default_factory=list)
    returned: list[Parameter] = field(default_factory=list)
    registers: dict[str, str] = field(default_factory=dict)
    """The types of registers by their names, which are unique in the function."""
    code: list[Instruction | Label] = field(default_factory=list)
    variables: dict[str, Variable] = field(default_factory=dict)
    tables: dict[str, list[str]] = field(default_factory=dict)
    """By its label, the targets of a brx.idx."""
    shared: int = 0
    local: int = 0
