"""Conversions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cuda_emulator.tests import model
from cuda_emulator.tests.forms.form import Form

_INTEGERS = ("u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64")
_MODES = ("rn", "rz", "rm", "rp")


def forms() -> Iterator[Form]:
    for name in ("f32", "f64"):
        yield from _with_integers(name)
    yield from _between_floats()
    yield from _of_16_bits_with_integers()
    for to in _INTEGERS:
        for source in _INTEGERS:
            if to != source:
                yield from _between_integers(to, source)


def _with_integers(name: str) -> Iterator[Form]:
    of_16_bits_and_more = _INTEGERS[2:]
    for mode in ("rni", "rzi", "rmi", "rpi"):
        rounded = partial(_called, model.to_integral, name, mode)
        yield Form(f"cvt.{mode}.{name}.{name}", (name,), name, rounded)
        for to in of_16_bits_and_more:
            converted = partial(_called, model.float_to_integer, name, to, mode)
            yield Form(f"cvt.{mode}.{to}.{name}", (name,), "b" + to[1:], converted)
    for source in of_16_bits_and_more:
        for mode in _MODES if name == "f32" or source[1:] != "64" else ("rn",):
            converted = partial(_called, model.integer_to_float, source, name, mode)
            yield Form(f"cvt.{mode}.{name}.{source}", ("b" + source[1:],), name, converted)


def _called(function: object, *options_and_bits: object) -> object:
    """Call a conversion, whose first parameter is the bits, with the bits last."""
    assert callable(function)
    *options, bits = options_and_bits
    return function(bits, *options)


def _between_floats() -> Iterator[Form]:
    def converted(source: str, to: str, mode: str) -> partial[object]:
        return partial(_called, model.between_floats, source, to, mode)

    for mode in _MODES:
        yield Form(f"cvt.{mode}.f32.f64", ("f64",), "f32", converted("f64", "f32", mode))
    yield Form("cvt.f64.f32", ("f32",), "f64", converted("f32", "f64", "rn"))
    for name in ("f16", "bf16"):
        for mode in ("rn", "rz"):
            narrow = converted("f32", name, mode)

            def pair(a: int, b: int, narrow: partial[int] = narrow) -> int:  # type: ignore[assignment]
                return narrow(a) << 16 | narrow(b)

            yield Form(f"cvt.{mode}.{name}.f32", ("f32",), "b16", narrow)
            yield Form(f"cvt.{mode}.{name}x2.f32", ("f32", "f32"), "b32", pair)
        yield Form(f"cvt.f32.{name}", ("b16",), "f32", converted(name, "f32", "rn"))
    yield Form("cvt.rn.f16.f64", ("f64",), "b16", converted("f64", "f16", "rn"))


def _of_16_bits_with_integers() -> Iterator[Form]:
    for name, source in (("bf16", "u32"), ("f16", "s64")):
        converted = partial(_called, model.integer_to_float, source, name, "rn")
        yield Form(f"cvt.rn.{name}.{source}", ("b" + source[1:],), "b16", converted)
    to_integer = partial(_called, model.float_to_integer, "f16", "s32", "rzi")
    yield Form("cvt.rzi.s32.f16", ("b16",), "b32", to_integer)


def _between_integers(to: str, source: str) -> Iterator[Form]:
    output, given = (f"b{max(int(type_[1:]), 16)}" for type_ in (to, source))
    mask = (1 << int(output[1:])) - 1
    least, greatest = model.limits(to)

    def wrapped(a: int) -> int:
        return model.integer(model.integer(a, source), to) & mask

    def saturated(a: int) -> int:
        return min(max(model.integer(a, source), least), greatest) & mask

    yield Form(f"cvt.{to}.{source}", (given,), output, wrapped)
    low, high = model.limits(source)
    if low < least or high > greatest:
        yield Form(f"cvt.sat.{to}.{source}", (given,), output, saturated)
