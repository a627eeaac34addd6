"""PTX's types as NumPy's: a register holds raw bits, an unsigned integer of its width."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Operand = tuple[Any, ...]
"""("reg", name), ("imm", number), ("addr", operand, offset) ...: see ``Parser``."""

u1, u2, u4, u8 = np.uint8, np.uint16, np.uint32, np.uint64
i1, i2, i4, i8 = np.int8, np.int16, np.int32, np.int64
f2, f4, f8 = np.float16, np.float32, np.float64

DTYPES: dict[str, Any] = {
    **{"u8": u1, "u16": u2, "u32": u4, "u64": u8, "s8": i1, "s16": i2, "s32": i4, "s64": i8},
    **{"b8": u1, "b16": u2, "b32": u4, "b64": u8, "b128": None, "pred": np.bool_},
    **{"f16": u2, "bf16": u2, "f32": f4, "f64": f8},
    **{"f16x2": u4, "bf16x2": u4, "u16x2": u4, "s16x2": u4},
}
SIZES = {name: np.dtype(dtype).itemsize if dtype else 16 for name, dtype in DTYPES.items()}
UNSIGNED: dict[int, Any] = {1: u1, 2: u2, 4: u4, 8: u8}
SIGNED: dict[int, Any] = {1: i1, 2: i2, 4: i4, 8: i8}
# As generated code spells them.
NAMES: dict[Any, str] = {
    **{u1: "u1", u2: "u2", u4: "u4", u8: "u8", i1: "i1", i2: "i2", i4: "i4", i8: "i8"},
    **{f2: "f2", f4: "f4", f8: "f8", np.bool_: "np.bool_"},
}
# Special registers with an .x, a .y and a .z.
DIMENSIONS = {"%tid", "%ntid", "%ctaid", "%nctaid"}


def unsigned(type_: str) -> str:
    """Return the type of arithmetic that wraps around."""
    return "u" + type_[1:] if type_[0] == "s" else type_


def bits(type_: str) -> str:
    """Return the type of the same width without a meaning."""
    return type_ if type_ == "pred" else f"b{8 * SIZES[type_]}"
