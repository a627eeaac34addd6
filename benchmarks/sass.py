"""A GPU's machine code, as ``nvdisasm -c`` lists it: functions, their blocks and their loops.

A loop is a natural loop of the control flow graph: the blocks from which a branch back to a block
that dominates them can be reached without passing it. An iteration of a loop is a path from its
first block back to it; a loop inside is passed once on such a path, and counts as often as it goes
round. BSSY, BSYNC and BREAK order the lanes of a warp but end no block: the block behind a BSYNC is
where its lanes meet.
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
PHILOX = "-0x2daee0ad"  # the multiplier 0xd2511f53, as it is listed
_STORE_SIZES = {".U8": 1, ".S8": 1, ".U16": 2, ".S16": 2, ".64": 8, ".128": 16, ".256": 32}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; ``labels`` stand before it."""

    predicate: str
    opcode: str
    modifiers: str
    operands: str
    labels: tuple[str, ...]

    @property
    def targets(self) -> list[str]:
        """The labels to which a branch goes."""
        return _TARGET.findall(self.operands) if self.opcode in _BRANCHES else []

    @property
    def draws(self) -> bool:
        """Whether it is one of Philox's multiplications."""
        return PHILOX in self.operands

    @property
    def falls_through(self) -> bool:
        """Whether the next instruction may follow."""
        if self.opcode not in _BRANCHES or self.predicate or self.modifiers.startswith(".DIV"):
            return True
        return self.opcode == "BRA" and not self.operands.startswith("`")  # on a predicate

    @property
    def stored(self) -> int:
        """Bytes that it writes to global memory."""
        if self.opcode != "STG":
            return 0
        sizes = [size for name, size in _STORE_SIZES.items() if name in self.modifiers]
        return sizes[0] if sizes else 4


def parse(lines: Iterable[str]) -> dict[str, list[Instruction]]:
    """The functions of a listing, by their mangled names."""
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
    """The control flow of a function: ``blocks`` in their order, ``after`` each those that follow.

    Args:
        instructions: the function's.
        rounds: how often a loop inside another one goes round, wherever there is one.
    """

    def __init__(self, instructions: list[Instruction], rounds: int = 1) -> None:
        """Cut it at labels and behind branches."""
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
        """For each block the set, as bits, of those that every path to it passes."""
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
        """All of them, also those inside others."""
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
    """A loop: its first block and all its blocks."""

    graph: Graph
    first: int
    body: frozenset[int]

    @property
    def instructions(self) -> list[Instruction]:
        """All of them, those of a loop inside as often as it goes round."""
        return [each for block in sorted(self.body) for each in self._executed(block)]

    def shortest(self, block: int) -> list[Instruction]:
        """What the shortest iteration that passes a block executes."""
        lasts = self.graph.before[self.first] & self.body
        to_it = self._paths({self.first}, self.graph.after)[block]
        from_it = self._paths(lasts, self.graph.before)[block]
        path = to_it + from_it[-2::-1]
        return [each for number in path for each in self._executed(number)]

    def is_on_every_iteration(self, block: int) -> bool:
        """Whether no iteration goes past a block."""
        lasts = self.graph.before[self.first] & self.body
        return all(self.graph.dominators[last] >> block & 1 for last in lasts)

    def _executed(self, block: int) -> list[Instruction]:
        """A block as often as an iteration goes through it."""
        inside = sum(block in loop.body for loop in self.graph.loops if loop.body < self.body)
        executed: list[Instruction] = self.graph.blocks[block] * self.graph.rounds**inside
        return executed

    def _paths(self, starts: set[int], following: list[set[int]]) -> dict[int, list[int]]:
        """The shortest path to each block from one of several, along the edges of one iteration."""
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
