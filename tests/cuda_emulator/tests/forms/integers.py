"""Integers and bits."""

from __future__ import annotations

import operator
from collections.abc import Iterator

from cuda_emulator.tests.forms.form import Form
from cuda_emulator.tests.model import COMPARISONS, integer, limits, signed

_WORD = 0xFFFFFFFF
_UNSIGNED_COMPARISONS = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}


def forms() -> Iterator[Form]:
    for width in (16, 32, 64):
        raw = f"b{width}"
        for type_ in (f"u{width}", f"s{width}"):
            yield from _arithmetic(type_, raw)
            yield from _comparisons(type_, raw)
        yield from _of_one_type(raw, width)
        if width > 16:
            yield from _bits(raw, width)
            yield from _fields(raw, width)
    yield from _words()
    yield from _carries_and_moves()


def _arithmetic(type_: str, raw: str) -> Iterator[Form]:
    width = int(type_[1:])
    mask = (1 << width) - 1

    def value(bits: int) -> int:
        return integer(bits, type_)

    def quotient(a: int, b: int) -> int:
        x, y = value(a), value(b | 1)
        size = abs(x) // abs(y)
        return (-size if (x < 0) != (y < 0) else size) & mask

    def remainder(a: int, b: int) -> int:
        x, y = value(a), value(b | 1)
        size = abs(x) % abs(y)
        return (-size if x < 0 else size) & mask

    two, three = (raw, raw), (raw, raw, raw)
    yield Form(f"add.{type_}", two, raw, lambda a, b: (a + b) & mask)
    yield Form(f"sub.{type_}", two, raw, lambda a, b: (a - b) & mask)
    yield Form(f"mul.lo.{type_}", two, raw, lambda a, b: a * b & mask)
    yield Form(f"mul.hi.{type_}", two, raw, lambda a, b: (value(a) * value(b) >> width) & mask)
    yield Form(f"mad.lo.{type_}", three, raw, lambda a, b, c: (a * b + c) & mask)
    yield Form(
        f"mad.hi.{type_}",
        three,
        raw,
        lambda a, b, c: ((value(a) * value(b) >> width) + c) & mask,
    )
    if width < 64:
        wide, wide_mask = f"b{2 * width}", (1 << 2 * width) - 1
        yield Form(f"mul.wide.{type_}", two, wide, lambda a, b: value(a) * value(b) & wide_mask)
        yield Form(
            f"mad.wide.{type_}",
            (*two, wide),
            wide,
            lambda a, b, c: (value(a) * value(b) + c) & wide_mask,
        )
    odd = f"or.b{width} b, b, 1; "  # not zero
    yield Form(f"div.{type_}", two, raw, quotient, f"{odd}div.{type_} d, a, b;")
    yield Form(f"rem.{type_}", two, raw, remainder, f"{odd}rem.{type_} d, a, b;")
    yield Form(f"min.{type_}", two, raw, lambda a, b: min(value(a), value(b)) & mask)
    yield Form(f"max.{type_}", two, raw, lambda a, b: max(value(a), value(b)) & mask)
    yield Form(f"sad.{type_}", three, raw, lambda a, b, c: (abs(value(a) - value(b)) + c) & mask)
    most = width - 1 if type_[0] == "s" else width
    yield Form(f"shr.{type_}", (raw, "b32"), raw, lambda a, b: (value(a) >> min(b, most)) & mask)


def _comparisons(type_: str, raw: str) -> Iterator[Form]:
    names = {name: name for name in COMPARISONS}
    if type_[0] == "u":
        names |= _UNSIGNED_COMPARISONS
    for name, meaning in names.items():

        def model(a: int, b: int, meaning: str = meaning) -> int:
            return int(COMPARISONS[meaning](integer(a, type_), integer(b, type_)))

        text = f"setp.{name}.{type_} p, a, b; selp.b32 d, 1, 0, p;"
        yield Form(f"setp.{name}.{type_}", (raw, raw), "b32", model, text)


def _of_one_type(raw: str, width: int) -> Iterator[Form]:
    mask = (1 << width) - 1
    yield Form(f"neg.s{width}", (raw,), raw, lambda a: -a & mask)
    yield Form(f"abs.s{width}", (raw,), raw, lambda a: abs(signed(a, width)) & mask)
    yield Form(f"not.{raw}", (raw,), raw, lambda a: ~a & mask)
    yield Form(f"cnot.{raw}", (raw,), raw, lambda a: int(a == 0))
    logic = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
    for name, function in logic.items():
        yield Form(f"{name}.{raw}", (raw, raw), raw, function)
    yield Form(f"shl.{raw}", (raw, "b32"), raw, lambda a, b: (a << b) & mask if b < width else 0)


def _bits(raw: str, width: int) -> Iterator[Form]:
    mask = (1 << width) - 1

    def highest(a: int) -> int:
        return (a.bit_length() - 1) & _WORD

    def highest_of_size(a: int) -> int:
        return highest(~a & mask if a >> (width - 1) else a)

    yield Form(f"popc.{raw}", (raw,), "b32", int.bit_count)
    yield Form(f"clz.{raw}", (raw,), "b32", lambda a: width - a.bit_length())
    yield Form(f"brev.{raw}", (raw,), raw, lambda a: int(f"{a:0{width}b}"[::-1], 2))
    yield Form(f"bfind.u{width}", (raw,), "b32", highest)
    yield Form(
        f"bfind.shiftamt.u{width}",
        (raw,),
        "b32",
        lambda a: width - a.bit_length() if a else _WORD,
    )
    yield Form(f"bfind.s{width}", (raw,), "b32", highest_of_size)


def _fields(raw: str, width: int) -> Iterator[Form]:
    def extracted(a: int, b: int, c: int, sign: bool) -> int:
        position, length = b & 127, c & 127
        highest = (a >> min(position + length - 1, width - 1)) & 1 if length and sign else 0
        found = 0
        for k in range(width):
            inside = k < length and position + k < width
            found |= ((a >> (position + k)) & 1 if inside else highest) << k
        return found

    def inserted(a: int, b: int, c: int) -> int:
        position, length = c & 127, (c >> 8) & 127
        for k in range(min(length, max(width - position, 0))):
            b = b & ~(1 << (position + k)) | ((a >> k) & 1) << (position + k)
        return b

    short = "and.b32 b, b, 127; and.b32 c, c, 127; "
    for type_ in (f"u{width}", f"s{width}"):

        def model(a: int, b: int, c: int, sign: bool = type_[0] == "s") -> int:
            return extracted(a, b, c, sign)

        text = f"{short}bfe.{type_} d, a, b, c;"
        yield Form(f"bfe.{type_}", (raw, "b32", "b32"), raw, model, text)
    fields = "and.b32 q, c, 127; shr.b32 e, c, 8; and.b32 e, e, 127; "
    yield Form(f"bfi.{raw}", (raw, raw, "b32"), raw, inserted, f"{fields}bfi.{raw} d, a, b, q, e;")


def _words() -> Iterator[Form]:
    """Funnel shifts, permutations of bytes, and logic of three inputs."""
    three = ("b32", "b32", "b32")
    for direction in "lr":
        for mode in ("wrap", "clamp"):

            def shifted(a: int, b: int, c: int, left: bool, clamp: bool) -> int:
                amount = min(c, 32) if clamp else c & 31
                pair = b << 32 | a
                return (pair << amount >> 32 if left else pair >> amount) & _WORD

            options = direction == "l", mode == "clamp"
            name = f"shf.{direction}.{mode}.b32"
            yield Form(name, three, "b32", lambda a, b, c, o=options: shifted(a, b, c, *o))

    def permuted(a: int, b: int, c: int) -> int:
        octets = [x >> 8 * k & 255 for x in (a, b) for k in range(4)]
        found = 0
        for k in range(4):
            selector = c >> 4 * k & 15
            octet = octets[selector & 7]
            found |= ((255 if octet & 128 else 0) if selector & 8 else octet) << 8 * k
        return found

    yield Form("prmt.b32", three, "b32", permuted)
    for table in (0x96, 0xE8, 0xCA, 0x1B, 0xFE):

        def logic(a: int, b: int, c: int, table: int = table) -> int:
            inputs = ((a >> k & 1) << 2 | (b >> k & 1) << 1 | c >> k & 1 for k in range(32))
            return sum((table >> each & 1) << k for k, each in enumerate(inputs))

        name = f"lop3.b32.0x{table:x}"
        yield Form(name, three, "b32", logic, f"lop3.b32 d, a, b, c, 0x{table:x};")


def _carries_and_moves() -> Iterator[Form]:
    two, three = ("b32", "b32"), ("b32", "b32", "b32")
    low, high = limits("s32")

    def saturated(a: int, b: int) -> int:
        return min(max(signed(a, 32) + signed(b, 32), low), high) & _WORD

    def both(a: int, b: int, c: int) -> int:
        return int(a < b and c & 1) | 2 * int(not a < b and c & 1)

    yield Form("add.sat.s32", two, "b32", saturated)
    yield Form("mul24.lo.u32", two, "b32", lambda a, b: (a & 0xFFFFFF) * (b & 0xFFFFFF) & _WORD)
    yield Form(
        "add.cc+addc",
        three,
        "b32",
        lambda a, b, c: (a + b > _WORD) + c & _WORD,
        "add.cc.u32 e, a, b; addc.u32 d, c, 0;",
    )
    yield Form(
        "sub.cc+subc",
        three,
        "b32",
        lambda a, b, c: (c - (a < b)) & _WORD,
        "sub.cc.u32 e, a, b; subc.u32 d, c, 0;",
    )
    yield Form("mov.b64 pack", two, "b64", lambda a, b: a | b << 32, "mov.b64 d, {a, b};")
    yield Form(
        "mov.b64 unpack",
        ("b64",),
        "b32",
        lambda a: (a & _WORD) ^ (a >> 32),
        "mov.b64 {e, q}, a; xor.b32 d, e, q;",
    )
    yield Form("slct.b32.s32", three, "b32", lambda a, b, c: a if signed(c, 32) >= 0 else b)
    yield Form(
        "setp.lt.and",
        three,
        "b32",
        both,
        "and.b32 c, c, 1; setp.ne.u32 r, c, 0; setp.lt.and.u32 p|q1, a, b, r; "
        "selp.b32 d, 1, 0, p; @q1 or.b32 d, d, 2;",
    )
    yield Form(
        "set.gt.u32.s32", two, "b32", lambda a, b: _WORD if signed(a, 32) > signed(b, 32) else 0
    )
