"""The loops of the CPU's kernels, read from the machine code of the built module.

A loop draws one set of groups of Philox blocks per iteration (csrc/cpu/fill/groups.inl). It is
found by the name of its function, so a module that is stripped has none.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FUNCTION = re.compile(r"^[0-9a-f]+ <(.*\bfill_sets<.*)>:\n((?:.+\n)+)", re.MULTILINE)
_INSTRUCTION = re.compile(r"\s+([0-9a-f]+):\t([^#<\n]*)")
_JUMP = re.compile(r"j\w+\s+([0-9a-f]+)")
_NAME = re.compile(
    r"(?P<lanes>(?:Interleaved<)*)(?P<set>\w+)Lanes[ >]*, (?P<groups>\d+), "
    r"(?P<source>\w+)(?:<(?P<of>.*?)>)?>\("
)
_BLOCKS = {"Scalar": 1, "Avx2": 4, "Avx512": 8}
_FORMULAS = {
    **{"NormalFormula": "normal", "UniformFormula": "uniform"},
    **{"ClampedUniformFormula": "clamped uniform", "LogUniformFormula": "log-uniform"},
    **{
        "TruncatedFormula<0>": "truncated center",
        "TruncatedFormula<1>": "truncated wide symmetric",
    },
    **{"TruncatedFormula<2>": "truncated wide", "TruncatedFormula<3>": "truncated tail"},
}
_DTYPES = {
    **{"Float32": "float32", "Float16": "float16", "BFloat16": "bfloat16"},
    **{"Float8E4M3FN": "float8_e4m3fn", "Float8E5M2": "float8_e5m2"},
}
MASK_WORDS = "mask words"
_TO_STACK = re.compile(r"v?mov\w+\s+%[xyz]mm\d+,.*\(%r[sb]p")


@dataclass(frozen=True)
class Loop:
    """The innermost loop of a kernel.

    Attributes:
        instruction_set: "avx2" or "avx512".
        draw: the distribution, with the formula of a truncation, or MASK_WORDS.
        dtype: of the elements.
        values: elements per iteration.
        is_single: whether it draws one group at a time, as for the ends of arrays.
        instructions: in AT&T's syntax, the jumps left out.
        calls: the number of calls.
    """

    instruction_set: str
    draw: str
    dtype: str
    values: int
    is_single: bool
    instructions: tuple[str, ...]
    calls: int

    @property
    def spills(self) -> int:
        """The number of vectors that an iteration stores to the stack."""
        return sum(bool(_TO_STACK.match(each)) for each in self.instructions)


def loops(library: Path) -> Iterator[Loop]:
    """Yield the loops of all vector kernels in a module, or in an object file."""
    command = ("objdump", "--disassemble", "--demangle", "--no-show-raw-insn", str(library))
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for function in _FUNCTION.finditer(text):
        name = re.sub(
            r"\(fastinit::Truncation\)|fastinit::|\(anonymous namespace\)::", "", function[1]
        )
        found = _NAME.search(name.replace("> >", ">>").replace("> >", ">>"))
        body = _longest_loop(function[2])
        if found is None or body is None or found["set"] == "Scalar":
            continue
        groups = 2 ** found["lanes"].count("<") * int(found["groups"])
        draw, dtype = _what(found["source"], found["of"] or "")
        yield Loop(
            found["set"].lower(),
            draw,
            dtype,
            4 * _BLOCKS[found["set"]] * groups,
            groups == 1,
            tuple(each for each in body if not each.startswith(("j", "call"))),
            sum(each.startswith("call") for each in body),
        )


def _what(source: str, of: str) -> tuple[str, str]:
    if source == "MaskWords":
        return MASK_WORDS, "uint32"
    formula, _, element = of.rpartition(", ") if source == "Values32" else (of, "", "")
    formula = formula.replace(" ", "")
    return _FORMULAS.get(formula, formula), _DTYPES.get(element, "float64")


def _longest_loop(text: str) -> list[str] | None:
    """Return the instructions of the loop, rare branches in it included."""
    lines = [found for line in text.splitlines() if (found := _INSTRUCTION.match(line))]
    place = {found[1]: at for at, found in enumerate(lines)}
    spans = []
    for at, line in enumerate(lines):
        jump = _JUMP.match(line[2])
        if jump and place.get(jump[1], len(lines)) <= at:
            spans.append((at - place[jump[1]], place[jump[1]], at))
    if not spans:
        return None
    _, first, last = max(spans)
    return [line[2].strip() for line in lines[first : last + 1]]
