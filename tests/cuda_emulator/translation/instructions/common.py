"""What several instructions share."""

from __future__ import annotations

from collections.abc import Callable

from cuda_emulator.program.instruction import Instruction
from cuda_emulator.translation.writer import Writer

Handler = Callable[[Writer, Instruction], None]

MODES = ("rn", "rz", "rm", "rp")


def put_float(w: Writer, c: Instruction, expression: str, type_: str) -> None:
    """Assign an f32 or f64 result to the first operand."""
    w.put(c.operands[0], f"{type_}_bits({expression})", "b" + type_[1:])


def half(w: Writer, c: Instruction, expression: str) -> None:
    """Write an operation on x, y and z in 16-bit floats, alone or in pairs.

    It is exact in float64, or rounded to odd, and then rounded once.
    """
    type_ = c.type
    count = 2 if type_.endswith("x2") else 1
    is_bf16 = type_.startswith("bf")
    sources = [w.value(operand, "b32" if count == 2 else "b16") for operand in c.operands[1:]]
    for k in range(count):
        for name, source in zip("xyz", sources, strict=False):
            part = source
            if count == 2:
                part = f"(({source} >> u4({16 * k})) & u4(0xffff)).astype(u2)"
            number = f"from_bf16({part})" if is_bf16 else f"({part}).view(f2)"
            w.add(f"{name} = {number}.astype(f8)")
        result = f"({expression})"
        if "sat" in c.parts:
            result = f"np.fmax(np.fmin({result}, 1.0), 0.0)"
        if "relu" in c.parts:
            result = f"np.where({result} < 0, 0.0, {result})"
        w.add(f"q{k} = {'to_bf16' if is_bf16 else 'to_f16'}({result})")
    if count == 2:
        w.put(c.operands[0], "q0.astype(u4) | (q1.astype(u4) << u4(16))", "b32")
    else:
        w.put(c.operands[0], "q0", "b16")
