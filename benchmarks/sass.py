"""GPU machine code as ``nvdisasm -c`` lists it: functions, basic blocks and loops.

A loop is a natural loop of the control flow graph: if a branch goes back to a block that dominates
it, the loop consists of all blocks from which that branch can be reached without passing the
dominating block. An iteration is a path from the first block of the loop back to it. A loop inside
is passed once on such a path, and its instructions are counted as often as it runs. BSSY, BSYNC and
BREAK order the lanes of a warp but do not end a block: the lanes meet in the block after a BSYNC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_FUNCTION = re.compile(r"//-+ \.text\.(\S+) -+")
_LABEL = re.compile(r"(\.L_x_\d+):")
_INSTRUCTION = re.compile(r"\s+/\*[0-9a-f]{4,}\*/\s+(@\S+\s+)?([A-Z]\w*)([\w.]*)\s*(.*?) ?;")
_TARGET = re.compile(r"\.L_x_\d+")
_BRANCHES = ("BRA", "BRX", "BRXU", "JMP", "JMX", "EXIT", "RET")
PHILOX = "-0x2daee0ad"  # the multiplier 0xd2511f53, as the listing shows it
_STORE_SIZES = {".U8": 1, ".S8": 1, ".U16": 2, ".S16": 2, ".64": 8, ".128": 16, ".256": 32}


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction and the labels before it."""

    predicate: str
    opcode: str
    modifiers: str
    operands: str
    labels: tuple[str, ...]

    @property
    def targets(self) -> list[str]:
        """Labels to which a branch goes."""
        return _TARGET.findall(self.operands) if self.opcode in _BRANCHES else []

    @property
    def draws(self) -> bool:
        """Whether this is one of Philox's multiplications."""
        return PHILOX in self.operands

    @property
    def falls_through(self) -> bool:
        """Whether execution may continue with the next instruction."""
        if self.opcode not in _BRANCHES or self.predicate or self.modifiers.startswith(".DIV"):
            return True
        # A BRA whose operands do not start with the label has a predicate among them.
        return self.opcode == "BRA" and not self.operands.startswith("`")

    @property
    def stored(self) -> int:
        """Bytes that the instruction writes to global memory."""
        if self.opcode != "STG":
            return 0
        sizes = [size for name, size in _STORE_SIZES.items() if name in self.modifiers]
        return sizes[0] if sizes else 4


def parse(lines: Iterable[str]) -> dict[str, list[Instruction]]:
    """Return the functions of a listing by mangled name."""
    functions: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    labels: list[str] = []
    for line in lines:
        if found := _FUNCTION.match(line):
            current = functions.setdefault(found[1], [])
            labels = []
        elif found := _LABEL.match(line):
            labels.append(found[1])
        elif found := _INSTRUCTION.match(line):
            predicate, opcode, modifiers, operands = found.groups(default="")
            current.append(
                Instruction(predicate.strip(), opcode, modifiers, operands, tuple(labels))
            )
            labels = []
    return functions


class Graph:
    """The control flow graph of a function.

    ``blocks`` are in the order of the code; ``after`` and ``before`` give the successors and the
    predecessors of each block.

    Args:
        instructions: The instructions of the function.
        rounds: How often each loop inside another loop runs.
    """

    def __init__(self, instructions: list[Instruction], rounds: int = 1) -> None:
        self.rounds = rounds
        starts = [
            k
            for k, each in enumerate(instructions)
            if k == 0 or each.labels or instructions[k - 1].opcode in _BRANCHES
        ]
        ends = [*starts[1:], len(instructions)]
        self.blocks = [instructions[a:b] for a, b in zip(starts, ends, strict=True)]
        numbers = {label: k for k, block in enumerate(self.blocks) for label in block[0].labels}
        self.after: list[set[int]] = []
        self.before: list[set[int]] = [set() for _ in self.blocks]
        for k, block in enumerate(self.blocks):
            following = {numbers[label] for label in block[-1].targets if label in numbers}
            if block[-1].falls_through and k + 1 < len(self.blocks):
                following.add(k + 1)
            self.after.append(following)
            for other in following:
                self.before[other].add(k)

    @cached_property
    def dominators(self) -> list[int]:
        """Dominators of each block, as a set of bits: the blocks that every path to it passes."""
        everything = (1 << len(self.blocks)) - 1
        found = [everything if before else 1 << k for k, before in enumerate(self.before)]
        found[0] = 1
        changed = True
        while changed:
            changed = False
            for k in range(1, len(found)):
                common = everything if self.before[k] else 0
                for other in self.before[k]:
                    common &= found[other]
                if found[k] != common | 1 << k:
                    found[k], changed = common | 1 << k, True
        return found

    @cached_property
    def loops(self) -> list[Loop]:
        """All loops, including those inside others."""
        bodies: dict[int, set[int]] = {}
        for last, following in enumerate(self.after):
            for first in following:
                if self.dominators[last] >> first & 1:
                    bodies.setdefault(first, {first}).update(self._reaching(last, first))
        return [Loop(self, first, frozenset(body)) for first, body in bodies.items()]

    def _reaching(self, last: int, first: int) -> set[int]:
        found = {first}
        waiting = [last]
        while waiting:
            block = waiting.pop()
            if block not in found:
                found.add(block)
                waiting.extend(self.before[block])
        return found


@dataclass(frozen=True)
class Loop:
    """A loop: its first block and the set of its blocks."""

    graph: Graph
    first: int
    body: frozenset[int]

    @property
    def instructions(self) -> list[Instruction]:
        """Instructions of the loop; those of a loop inside are repeated as often as it runs."""
        return [each for block in sorted(self.body) for each in self._executed(block)]

    def shortest(self, block: int) -> list[Instruction]:
        """Return the instructions of the shortest iteration that passes a block."""
        lasts = self.graph.before[self.first] & self.body
        to_it = self._paths({self.first}, self.graph.after)[block]
        from_it = self._paths(lasts, self.graph.before)[block]
        path = to_it + from_it[-2::-1]
        return [each for number in path for each in self._executed(number)]

    def is_on_every_iteration(self, block: int) -> bool:
        """Return whether every iteration passes a block."""
        lasts = self.graph.before[self.first] & self.body
        return all(self.graph.dominators[last] >> block & 1 for last in lasts)

    def _executed(self, block: int) -> list[Instruction]:
        """Return a block's instructions, repeated as often as an iteration runs them."""
        inside = sum(block in loop.body for loop in self.graph.loops if loop.body < self.body)
        repeats: int = self.graph.rounds**inside
        return self.graph.blocks[block] * repeats

    def _paths(self, starts: set[int], following: list[set[int]]) -> dict[int, list[int]]:
        """Return the shortest path to each block from any of ``starts``, within one iteration."""
        lengths = {block: len(self._executed(block)) for block in self.body}
        found = {each: (lengths[each], [each]) for each in starts}
        waiting = list(found)
        while waiting:
            block = waiting.pop(0)
            length, path = found[block]
            is_end = block == self.first and block not in starts
            for other in set() if is_end else following[block] & self.body:
                new = length + lengths[other]
                if other not in found or new < found[other][0]:
                    found[other] = new, [*path, other]
                    waiting.append(other)
        return {block: path for block, (_, path) in found.items()}
