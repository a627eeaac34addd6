"""Sums and products, of floats and of integers, and functions of floats."""

from __future__ import annotations

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Instruction
from cuda_emulator.ptx_types import DTYPES, NAMES, SIZES, unsigned
from cuda_emulator.translation.instructions.common import MODES, Handler, half, put_float
from cuda_emulator.translation.writer import Writer

_HALVES = ("f16", "bf16", "f16x2", "bf16x2")
_WIDER = {"u16": "u32", "s16": "s32", "u32": "u64", "s32": "s64"}
_DIRECTED = "directed rounding in f64"


def _sum_or_product(w: Writer, c: Instruction, sign: str) -> None:
    type_, (to, a, b) = c.type, c.operands[:3]
    if type_ == "f32":
        _float32(w, c, sign)
    elif type_ == "f64":
        if (c.one_of(*MODES) or "rn") != "rn":
            raise PtxError(_DIRECTED)
        put_float(w, c, f"{w.value(a, type_)} {sign} {w.value(b, type_)}", type_)
    elif type_ in _HALVES:
        half(w, c, f"x {sign} y")
    elif "sat" in c.parts:
        wide = f"{w.value(a, type_)}.astype(i8) {sign} {w.value(b, type_)}.astype(i8)"
        w.put(to, f"np.clip({wide}, -2**31, 2**31-1).astype(i4)", type_)
    elif type_ in ("u16x2", "s16x2"):
        raise PtxError("packed 16-bit integers")
    else:
        wrapping = unsigned(type_)
        w.put(to, f"{w.value(a, wrapping)} {sign} {w.value(b, wrapping)}", wrapping)


def _float32(w: Writer, c: Instruction, sign: str) -> None:
    x, y = (w.value(operand, "f32") for operand in c.operands[1:3])
    if "ftz" in c.parts:
        x, y = f"flush32({x})", f"flush32({y})"
    mode = c.one_of(*MODES) or "rn"
    if mode == "rn":
        found = f"{x} {sign} {y}"
    elif sign == "*":
        zero = f"np.where(np.signbit({x}) ^ np.signbit({y}), f4(-0.0), f4(0))"
        found = f"fma32({x}, {y}, {zero}, {mode!r})"
    else:
        found = f"fma32({x}, np.ones(1, f4), {y if sign == '+' else f'-({y})'}, {mode!r})"
    _put_float32(w, c, found)


def _put_float32(w: Writer, c: Instruction, expression: str) -> None:
    if "ftz" in c.parts:
        expression = f"flush32({expression})"
    if "sat" in c.parts:
        expression = f"np.fmax(np.fmin({expression}, f4(1)), f4(0))"
    put_float(w, c, expression, "f32")


def _with_carry(w: Writer, c: Instruction, a: str, b: str) -> None:
    """Write a sum or a difference that reads the carry (addc, subc, madc) or sets it (.cc)."""
    wrapping = unsigned(c.type)
    dtype = NAMES[DTYPES[wrapping]]
    w.registers["%CC"] = "pred"
    carry = f"{w.use('%CC')}.astype({dtype})" if c.name.endswith("c") else f"{dtype}(0)"
    w.add(f"ca, cb = np.broadcast_arrays({a}, {b})")
    if c.name.startswith("sub"):
        w.add(f"cr = ca - cb - {carry}; cf = (ca < cb) | ((ca == cb) & ({carry} != 0))")
    else:
        w.add(f"cr = ca + cb + {carry}; cf = (cr < ca) | ((cr == ca) & ({carry} != 0))")
    if "cc" in c.parts:
        w.assign("%CC", "cf")
    w.put(c.operands[0], "cr", wrapping)


def _extended(w: Writer, c: Instruction) -> None:
    wrapping = unsigned(c.type)
    _with_carry(w, c, w.value(c.operands[1], wrapping), w.value(c.operands[2], wrapping))


def _add(w: Writer, c: Instruction) -> None:
    if "cc" in c.parts:
        _extended(w, c)
    else:
        _sum_or_product(w, c, "+" if c.name == "add" else "-")


def _integer_product(w: Writer, c: Instruction) -> tuple[str, str]:
    """Return the product of two integers, and its type."""
    type_, (a, b) = c.type, c.operands[1:3]
    if "wide" in c.parts:
        wider = _WIDER[type_]
        dtype = NAMES[DTYPES[wider]]
        return f"{w.value(a, type_)}.astype({dtype}) * {w.value(b, type_)}.astype({dtype})", wider
    if "hi" in c.parts:
        return f"mulhi({w.value(a, type_)}, {w.value(b, type_)}, {type_!r})", type_
    wrapping = unsigned(type_)
    return f"{w.value(a, wrapping)} * {w.value(b, wrapping)}", wrapping


def _mul(w: Writer, c: Instruction) -> None:
    if "f" in c.type:
        _sum_or_product(w, c, "*")
    else:
        w.put(c.operands[0], *_integer_product(w, c))


def _mad(w: Writer, c: Instruction) -> None:
    if "f" in c.type:
        _fma(w, c)
        return
    if "sat" in c.parts:
        raise PtxError("mad with saturation")
    product, type_ = _integer_product(w, c)
    if "cc" in c.parts or c.name == "madc":
        wrapping = unsigned(c.type)
        a = f"({product}).view({NAMES[DTYPES[wrapping]]})"
        _with_carry(w, c, a, w.value(c.operands[3], wrapping))
        return
    w.put(c.operands[0], f"({product}) + {w.value(c.operands[3], type_)}", type_)


def _fma(w: Writer, c: Instruction) -> None:
    if c.type not in ("f32", "f64"):
        half(w, c, "to_odd(*two_sum(*np.broadcast_arrays(x * y, z)))")
        return
    terms = [w.value(operand, c.type) for operand in c.operands[1:4]]
    if c.type == "f32":
        if "ftz" in c.parts:
            terms = [f"flush32({term})" for term in terms]
        _put_float32(w, c, f"fma32({', '.join(terms)}, {c.one_of(*MODES) or 'rn'!r})")
        return
    if "rn" not in c.parts:
        raise PtxError(_DIRECTED)
    put_float(w, c, f"fma64({', '.join(terms)})", "f64")


def _mul24(w: Writer, c: Instruction) -> None:
    if "hi" in c.parts:
        raise PtxError("mul24.hi")
    a, b = (w.value(operand, c.type) for operand in c.operands[1:3])
    if c.type == "s32":
        product = f"(({a} << i4(8)) >> i4(8)) * (({b} << i4(8)) >> i4(8))"
    else:
        product = f"({a} & u4(0xffffff)) * ({b} & u4(0xffffff))"
    w.put(c.operands[0], product, c.type)


def _sad(w: Writer, c: Instruction) -> None:
    a, b, d = (w.value(operand, c.type) for operand in c.operands[1:4])
    w.put(c.operands[0], f"(np.maximum({a}, {b}) - np.minimum({a}, {b})) + {d}", c.type)


def _div(w: Writer, c: Instruction) -> None:
    a, b = (w.value(operand, c.type) for operand in c.operands[1:3])
    if c.type in ("f32", "f64"):
        if not {"rn", "approx", "full"} & set(c.parts):
            raise PtxError("directed rounding of div")
        put_float(w, c, f"{a} / {b}", c.type)
    else:
        w.put(c.operands[0], f"divided(*np.broadcast_arrays({a}, {b}), False)", c.type)


def _rem(w: Writer, c: Instruction) -> None:
    a, b = (w.value(operand, c.type) for operand in c.operands[1:3])
    w.put(c.operands[0], f"divided(*np.broadcast_arrays({a}, {b}), True)", c.type)


def _root(w: Writer, c: Instruction) -> None:
    """rcp and sqrt."""
    if not {"rn", "approx"} & set(c.parts):
        raise PtxError("directed rounding")
    x = w.value(c.operands[1], c.type)
    one = "f4(1)" if c.type == "f32" else "f8(1)"
    put_float(w, c, f"np.sqrt({x})" if c.name == "sqrt" else f"{one} / {x}", c.type)


def _rsqrt(w: Writer, c: Instruction) -> None:
    x = w.value(c.operands[1], c.type)
    if c.type == "f64":  # the low half of the result is zero
        high = f"f64_bits(1.0 / np.sqrt({x})) & u8(0xffffffff00000000)"
        w.put(c.operands[0], high, "b64")
    else:
        put_float(w, c, f"(1.0 / np.sqrt({x}.astype(f8))).astype(f4)", "f32")


def _approximate(function: str) -> Handler:
    def handler(w: Writer, c: Instruction) -> None:
        x = w.value(c.operands[1], "f32")
        put_float(w, c, f"{function}({x}.astype(f8)).astype(f4)", "f32")

    return handler


def _sign(w: Writer, c: Instruction) -> None:
    """neg and abs."""
    to, x = c.operands[:2]
    if "f" not in c.type:
        number = w.value(x, c.type)
        w.put(to, f"-{number}" if c.name == "neg" else f"np.abs({number})", c.type)
        return
    width = 8 * SIZES[c.type]
    sign = 0x80008000 if c.type.endswith("x2") else 1 << (width - 1)
    raw, dtype = f"b{width}", NAMES[DTYPES[f"b{width}"]]
    if c.name == "neg":
        w.put(to, f"{w.value(x, raw)} ^ {dtype}(0x{sign:x})", raw)
    else:
        w.put(to, f"{w.value(x, raw)} & {dtype}(0x{sign ^ ((1 << width) - 1):x})", raw)


def _extremum(w: Writer, c: Instruction) -> None:
    """min and max."""
    options = f"{c.name == 'max'}, {'NaN' in c.parts}"
    if "f16" in c.type:
        half(w, c, f"float_extremum(*np.broadcast_arrays(x, y), {options})")
        return
    if c.type.endswith("x2"):
        raise PtxError("packed 16-bit integers")
    a, b = (w.value(operand, c.type) for operand in c.operands[1:3])
    if c.type not in ("f32", "f64"):
        w.put(c.operands[0], f"np.{c.name}imum({a}, {b})", c.type)
        return
    if "xorsign" in c.parts or len(c.operands) > 3:
        raise PtxError("min/max variant")
    put_float(w, c, f"float_extremum(*np.broadcast_arrays({a}, {b}), {options})", c.type)


def _copysign(w: Writer, c: Instruction) -> None:
    """d = sign of a, magnitude of b."""
    raw, sign = ("b32", 31) if c.type == "f32" else ("b64", 63)
    dtype = NAMES[DTYPES[raw]]
    a, b = (w.value(operand, raw) for operand in c.operands[1:3])
    found = f"({a} & {dtype}(1 << {sign})) | ({b} & {dtype}((1 << {sign}) - 1))"
    w.put(c.operands[0], found, raw)


HANDLERS: dict[str, Handler] = {
    **{"add": _add, "sub": _add, "addc": _extended, "subc": _extended},
    **{"mul": _mul, "mad": _mad, "madc": _mad, "fma": _fma, "mul24": _mul24, "sad": _sad},
    **{"div": _div, "rem": _rem, "rcp": _root, "sqrt": _root, "rsqrt": _rsqrt},
    **{"ex2": _approximate("np.exp2"), "lg2": _approximate("np.log2")},
    **{"sin": _approximate("np.sin"), "cos": _approximate("np.cos")},
    **{"tanh": _approximate("np.tanh"), "neg": _sign, "abs": _sign},
    **{"min": _extremum, "max": _extremum, "copysign": _copysign},
}
