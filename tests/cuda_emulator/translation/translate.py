"""From inlined code to blocks with a Python function each."""

from __future__ import annotations

from collections.abc import Container, Mapping

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.translation.blocks import SYNCHRONIZING, Block, blocks_of, set_live_registers
from cuda_emulator.translation.inlining import Inlined
from cuda_emulator.translation.instructions import HANDLERS, SKIPPED
from cuda_emulator.translation.namespace import NAMESPACE
from cuda_emulator.translation.writer import Writer, python_name


def translate(
    name: str, code: Inlined, symbols: Container[str], parameters: Mapping[str, int]
) -> list[Block]:
    """Return the blocks of a kernel, from its variables and the offsets of its parameters."""
    blocks = blocks_of(code.code, code.tables)
    writers = {
        block: _written(block, Writer(code.registers, symbols, parameters)) for block in blocks
    }
    set_live_registers(blocks, {block: writer.defined for block, writer in writers.items()})
    namespace = dict(NAMESPACE)
    for block, writer in writers.items():
        _compile(name, block, writer, namespace)
    return blocks


def _written(block: Block, writer: Writer) -> Writer:
    for each in block.instructions:
        try:
            _write(writer, each)
        except PtxError as error:
            if "line" in str(error):
                raise
            raise PtxError(f"{each!r}: {error}") from None
        except (KeyError, IndexError, TypeError, ValueError) as error:
            found = f"{type(error).__name__}: {error}"
            raise PtxError(f"unsupported instruction {each!r} ({found})") from error
    if block.branch.register is not None:
        writer.use(block.branch.register)
    block.uses = writer.uses
    return writer


def _write(writer: Writer, c: Instruction) -> None:
    if c.name in SKIPPED:
        return
    if c.name not in HANDLERS:
        raise PtxError(f"unsupported instruction {c!r}")
    if c.name in SYNCHRONIZING and c.operands and c.operands[-1][0] == "reg":
        writer.use(c.operands[-1][1])  # the barrier reads the member mask
    writer.write(c, HANDLERS[c.name])


def _compile(name: str, block: Block, writer: Writer, namespace: dict[str, object]) -> None:
    function = f"block_{block.number}"
    arguments = ", ".join(["S", *map(python_name, block.uses)])
    results = "".join(f"{python_name(register)}, " for register in block.outs)
    lines = [f"def {function}({arguments}):", *(f"    {each}" for each in writer.statements)]
    block.source = "\n".join([*lines, f"    return ({results})"])
    exec(compile(block.source, f"<ptx {name} block {block.number}>", "exec"), namespace)
    block.run = namespace[function]  # type: ignore[assignment]
