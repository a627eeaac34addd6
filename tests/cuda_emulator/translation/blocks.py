"""Basic blocks: straight code that one group of threads runs together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cuda_emulator.program.instruction import Guard, Instruction, Label

SYNCHRONIZING = {"bar", "barrier", "shfl", "vote", "match", "redux", "elect"}
_LEAVING = ("bra", "ret", "exit", "brx", "trap")


class Branch(NamedTuple):
    """Where threads go next: to one block, or by a predicate or an index to one of several."""

    targets: list[int]
    """With a guard, the target where it holds and the one where it does not."""
    guard: Guard | None = None
    selector: str | None = None
    """The register of an index into the targets."""

    @property
    def register(self) -> str | None:
        """The register on which it depends."""
        return self.guard[0] if self.guard else self.selector


@dataclass(eq=False)
class Block:
    number: int
    instructions: list[Instruction]
    branch: Branch = field(default_factory=lambda: Branch([]))
    synchronizing: Instruction | None = None
    """Its only instruction, at which threads wait for each other."""
    size: int = 0
    """Its instructions, the branch included."""
    uses: list[str] = field(default_factory=list)
    outs: list[str] = field(default_factory=list)
    source: str = ""
    run: Callable[..., tuple[Any, ...]] = field(default=lambda: ())
    hits: int = 0
    taken: list[int] = field(default_factory=lambda: [0, 0])


def blocks_of(code: Iterable[Instruction | Label], tables: Mapping[str, list[str]]) -> list[Block]:
    """Cut code into blocks. The number of the block after the last one means the exit."""
    blocks: list[Block] = []
    labels: dict[str, int] = {}
    open_, pending = list[Instruction](), list[str]()

    def close() -> None:
        nonlocal open_
        if open_:
            blocks.append(Block(len(blocks), open_, size=len(open_)))
            open_ = []

    for each in code:
        if isinstance(each, Label):
            close()
            pending.append(each)
            continue
        if each.name in SYNCHRONIZING:
            close()
        labels |= dict.fromkeys(pending, len(blocks))
        pending.clear()
        open_.append(each)
        if each.name in SYNCHRONIZING:
            close()
            blocks[-1].synchronizing = each
        elif each.name in _LEAVING:
            close()
    if pending:
        labels |= dict.fromkeys(pending, len(blocks))
        open_.append(Instruction("ret", [], None, 0))
    close()
    for block in blocks:
        _connect(block, len(blocks), labels, tables)
    return blocks


def _connect(
    block: Block, exit_: int, labels: Mapping[str, int], tables: Mapping[str, list[str]]
) -> None:
    """Give a block its branch, in place of the last instruction where that is one."""
    last, following = block.instructions[-1], block.number + 1
    if last.name == "brx":
        targets = [labels[label] for label in tables[last.operands[1][1]]]
        block.branch = Branch(targets, selector=last.operands[0][1])
    elif last.name in ("bra", "ret", "exit"):
        target = labels[last.operands[0][1]] if last.name == "bra" else exit_
        block.branch = Branch([target, following] if last.guard else [target], last.guard)
    else:
        block.branch = Branch([following])
        return
    block.instructions.pop()


def set_live_registers(blocks: list[Block], defined: Mapping[Block, list[str]]) -> None:
    """Set what each block leaves behind: what it defines, and a later block or its branch reads."""
    live_in = {block.number: set(block.uses) for block in blocks}
    live_out: dict[int, set[str]] = {}
    changed = True
    while changed:
        changed = False
        for block in reversed(blocks):
            out: set[str] = set()
            for target in block.branch.targets:
                out |= live_in.get(target, set())
            live_out[block.number] = out
            live = set(block.uses) | (out - set(defined[block]))
            if live != live_in[block.number]:
                live_in[block.number] = live
                changed = True
    for block in blocks:
        needed = live_out[block.number] | {block.branch.register}
        block.outs = [each for each in defined[block] if each in needed]
