"""Conversions between types (cvt)."""

from __future__ import annotations

import numpy as np

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.ptx_types import DTYPES, NAMES, SIZES
from cuda_emulator.translation.instructions.common import Handler, put_float
from cuda_emulator.translation.writer import Writer

_FLOATS = ("f16", "bf16", "f32", "f64")
_MODES = ("rn", "rz", "rm", "rp", "rna")
_INTEGRAL = {"rni": "np.rint", "rzi": "np.trunc", "rmi": "np.floor", "rpi": "np.ceil"}
_KNOWN = {*_MODES, *_INTEGRAL, "sat", "ftz", "relu"}


def _cvt(w: Writer, c: Instruction) -> None:
    if set(c.parts[1:-2]) - _KNOWN:
        raise PtxError("cvt variant")
    to = c.parts[-2]
    if to in ("f16x2", "bf16x2"):
        _to_pair(w, c)
    elif c.type not in _FLOATS:
        _from_integer(w, c, to)
    elif to not in _FLOATS:
        x, how = _float_source(w, c), c.one_of(*_INTEGRAL)
        w.put(c.operands[0], f"float_to_int({x}, {to!r}, {how!r}, {c.type!r})", to)
    else:
        _between_floats(w, c, to)


def _to_pair(w: Writer, c: Instruction) -> None:
    if c.type != "f32":
        raise PtxError("cvt variant")
    mode, to = c.one_of(*_MODES), "to_bf16" if c.parts[-2][0] == "b" else "to_f16"
    high, low = w.value(c.operands[1], "f32"), w.value(c.operands[2], "f32")
    if "relu" in c.parts:
        high, low = (f"np.where({x} < 0, f4(0), {x})" for x in (high, low))
    pair = f"({to}({high}, {mode!r}).astype(u4) << u4(16)) | {to}({low}, {mode!r})"
    w.put(c.operands[0], pair, "b32")


def _float_source(w: Writer, c: Instruction) -> str:
    if c.type == "f16":
        return w.value(c.operands[1], "b16") + ".view(f2).astype(f4)"
    if c.type == "bf16":
        return f"from_bf16({w.value(c.operands[1], 'b16')})"
    x = w.value(c.operands[1], c.type)
    return f"flush32({x})" if "ftz" in c.parts and c.type == "f32" else x


def _between_floats(w: Writer, c: Instruction, to: str) -> None:
    x, mode, integral = _float_source(w, c), c.one_of(*_MODES), c.one_of(*_INTEGRAL)
    if "sat" in c.parts:
        x = f"np.fmax(np.fmin({x}, f4(1)), f4(0))"
    if "relu" in c.parts:
        x = f"(lambda v: np.where(v < 0, v.dtype.type(0), v))({x})"
    if integral:
        x = f"{_INTEGRAL[integral]}({x})"
    if to == "f64":
        put_float(w, c, f"({x}).astype(f8)", to)
    elif to == "f32":
        x = f"f64_to_f32({x}, {mode!r})" if c.type == "f64" else x
        put_float(w, c, f"flush32({x})" if "ftz" in c.parts else x, to)
    else:
        w.put(c.operands[0], f"to_{to}({x}, {mode!r})", "b16")


def _from_integer(w: Writer, c: Instruction, to: str) -> None:
    x = w.value(c.operands[1], c.type)
    if to in _FLOATS:
        _integer_to_float(w, c, x, to)
        return
    if "sat" in c.parts:
        limits, own = np.iinfo(DTYPES[to]), np.iinfo(DTYPES[c.type])
        x = f"np.clip({x}, {max(limits.min, own.min)}, {min(limits.max, own.max)})"
    w.put(c.operands[0], f"{x}.astype({NAMES[DTYPES[to]]})", to)


def _integer_to_float(w: Writer, c: Instruction, x: str, to: str) -> None:
    mode = c.one_of(*_MODES)
    if mode == "rn" and to in ("f32", "f64"):
        w.put(c.operands[0], f"{x}.astype({NAMES[DTYPES[to]]})", to)
        return
    if to == "f64" and SIZES[c.type] == 8:
        raise PtxError("directed rounding to f64")
    odd = f"int_to_odd_f64({x})"
    if to == "f64":
        w.put(c.operands[0], odd, to)
    elif to == "f32":
        w.put(c.operands[0], f"f64_to_f32({odd}, {mode!r})", to)
    else:
        w.put(c.operands[0], f"to_{to}({odd}, {mode!r})", "b16")


HANDLERS: dict[str, Handler] = {"cvt": _cvt}
