"""One form of an instruction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OPERANDS = ("a", "b", "c")


def width_of(type_: str) -> int:
    return 32 if type_.endswith("x2") else int(type_.lstrip("bfusx"))


@dataclass(frozen=True)
class Form:
    """An instruction that reads a, b and c, and writes d.

    Args:
        name: the instruction, or what it is called here.
        inputs: types of a, b and c, as many as there are.
        output: type of d.
        model: returns the bits of d for those of the inputs.
        text: PTX, if it is not the instruction with its operands in order. It may use the
            registers e and q (b32) and p, r and q1 (predicates).
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    model: Callable[..., Any]
    text: str = ""

    @property
    def body(self) -> str:
        operands = ", ".join(("d", *OPERANDS[: len(self.inputs)]))
        return self.text or f"{self.name} {operands};"

    @property
    def is_float(self) -> bool:
        return "f" in self.name or any("f" in type_ for type_ in self.inputs)
