"""The loops of the CPU's kernels, read from the machine code of the built module.

A loop draws one set of groups of Philox blocks per iteration (csrc/cpu/fill/groups.inl). It is
found by the name of its function, so a module that is stripped has none.
"""

from __future__ import annotations

import math
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
        instructions: in AT&T's syntax, those that are executed where no rare branch is taken, the
            jumps left out.
        calls: the number of calls, in rare branches too.
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
        if found is None or found["set"] == "Scalar":
            continue
        body = longest_loop(function[2])
        if body is None:
            continue
        instructions, calls = body
        draw, dtype = _what(found["source"], found["of"] or "")
        groups = 2 ** found["lanes"].count("<") * int(found["groups"])
        yield Loop(
            found["set"].lower(),
            draw,
            dtype,
            4 * _BLOCKS[found["set"]] * groups,
            groups == 1,
            tuple(each for each in instructions if not each.startswith(("j", "call"))),
            calls,
        )


def _what(source: str, of: str) -> tuple[str, str]:
    if source == "MaskWords":
        return MASK_WORDS, "uint32"
    formula, _, element = of.rpartition(", ") if source == "Values32" else (of, "", "")
    formula = formula.replace(" ", "")
    return _FORMULAS.get(formula, formula), _DTYPES.get(element, "float64")


def longest_loop(text: str) -> tuple[list[str], int] | None:
    """Return the instructions of the loop without its rare branches, and its number of calls."""
    lines = [found for line in text.splitlines() if (found := _INSTRUCTION.match(line))]
    code = [line[2].strip() for line in lines]
    place = {found[1]: at for at, found in enumerate(lines)}
    jumps = [(at, found) for at, text in enumerate(code) if (found := _JUMP.match(text))]
    targets = {at: place[found[1]] for at, found in jumps if found[1] in place}
    spans = sorted((target - at, target, at) for at, target in targets.items() if target <= at)
    for _, first, last in spans:
        path = _shortest_path(code, targets, first, last)
        if path:
            calls = sum(each.startswith("call") for each in code[first : last + 1])
            return [code[at] for at in path], calls
    return None


def _shortest_path(code: list[str], targets: dict[int, int], first: int, last: int) -> list[int]:
    """Return the places of the fewest instructions from the first one to a jump back to it.

    Rare branches are longer. Other jumps back, of loops within the loop, are not taken. There is no
    path where the jump back is not of a loop, but of code that stands apart.
    """
    following: dict[int, int] = {}
    length = {last + 1: math.inf}
    for at in range(last, first - 1, -1):
        target = targets.get(at, first - 1)
        steps = [] if code[at].startswith(("jmp", "ret")) else [at + 1]
        steps += [target] if at < target <= last else []
        following[at] = min(steps, key=length.__getitem__, default=last + 1)
        length[at] = 1 if target == first else 1 + length[following[at]]
    if length[first] == math.inf:
        return []
    path = [first]
    while targets.get(path[-1]) != first:
        path.append(following[path[-1]])
    return path
