"""Floats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cuda_emulator.tests import model
from cuda_emulator.tests.forms.form import Form

_ONES = {"f32": 0x3F800000, "f64": 0x3FF0000000000000}
_COMPARISONS = (
    *("eq", "ne", "lt", "le", "gt", "ge"),
    *("equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"),
)
_PROPERTIES: dict[str, Callable[[int], bool]] = {
    "finite": lambda a: model.decode(a, "f32").kind == "finite",
    "infinite": lambda a: model.decode(a, "f32").kind == "infinite",
    "number": lambda a: model.decode(a, "f32").kind != "nan",
    "notanumber": lambda a: model.decode(a, "f32").kind == "nan",
    "normal": lambda a: 1 <= (a >> 23 & 255) <= 254,
    "subnormal": lambda a: (a >> 23 & 255) == 0 and a & 0x7FFFFF != 0,
}


def forms() -> Iterator[Form]:
    for name in ("f32", "f64"):
        yield from _arithmetic(name)
        for how in _COMPARISONS:
            yield _comparison(how, name, name)
    for what, is_max in (("max", True), ("min", False)):
        yield Form(
            f"{what}.NaN.f32",
            ("f32", "f32"),
            "f32",
            partial(model.extremum, "f32", is_max=is_max, keep_nan=True),
        )
    for name in ("f16", "bf16"):
        yield from _of_16_bits(name)
    for name, holds in _PROPERTIES.items():
        text = f"testp.{name}.f32 p, a; selp.b32 d, 1, 0, p;"
        yield Form(f"testp.{name}.f32", ("f32",), "b32", partial(_as_int, holds), text)


def _as_int(holds: Callable[..., bool], *args: int) -> int:
    return int(holds(*args))


def _comparison(how: str, name: str, type_: str) -> Form:
    text = f"setp.{how}.{name} p, a, b; selp.b32 d, 1, 0, p;"
    holds = partial(_as_int, partial(model.holds, how, name))
    return Form(f"setp.{how}.{name}", (type_, type_), "b32", holds, text)


def _arithmetic(name: str) -> Iterator[Form]:
    two, three = (name, name), (name, name, name)
    for mode in ("rn", "rz", "rm", "rp") if name == "f32" else ("rn",):
        yield Form(f"add.{mode}.{name}", two, name, partial(model.add, name, mode=mode))
        yield Form(f"sub.{mode}.{name}", two, name, partial(model.subtract, name, mode=mode))
        yield Form(f"mul.{mode}.{name}", two, name, partial(model.multiply, name, mode=mode))
        yield Form(f"fma.{mode}.{name}", three, name, partial(model.fma, name, mode=mode))
    yield Form(f"div.rn.{name}", two, name, partial(model.divide, name))
    yield Form(f"rcp.rn.{name}", (name,), name, partial(model.divide, name, _ONES[name]))
    yield Form(f"sqrt.rn.{name}", (name,), name, partial(model.square_root, name))
    yield Form(f"min.{name}", two, name, partial(model.extremum, name, is_max=False))
    yield Form(f"max.{name}", two, name, partial(model.extremum, name, is_max=True))
    sign = 1 << (model.FORMATS[name].width - 1)
    yield Form(f"neg.{name}", (name,), name, lambda a: a ^ sign)
    yield Form(f"abs.{name}", (name,), name, lambda a: a & ~sign)
    yield Form(f"copysign.{name}", two, name, lambda a, b: a & sign | b & ~sign)


def _of_16_bits(name: str) -> Iterator[Form]:
    two, three = ("b16", "b16"), ("b16", "b16", "b16")

    def pairs(a: int, b: int, c: int) -> Any:
        high, low = (
            model.fma(name, a >> k & 65535, b >> k & 65535, c >> k & 65535) for k in (16, 0)
        )
        assert isinstance(high, int)
        assert isinstance(low, int)
        return high << 16 | low

    yield Form(f"add.rn.{name}", two, "b16", partial(model.add, name))
    yield Form(f"mul.rn.{name}", two, "b16", partial(model.multiply, name))
    yield Form(f"sub.rn.{name}", two, "b16", partial(model.subtract, name))
    yield Form(f"fma.rn.{name}", three, "b16", partial(model.fma, name))
    yield Form(f"fma.rn.{name}x2", ("b32", "b32", "b32"), "b32", pairs)
    yield Form(f"neg.{name}", ("b16",), "b16", lambda a: a ^ 0x8000)
    yield Form(f"min.{name}", two, "b16", partial(model.extremum, name, is_max=False))
    for how in ("lt", "ge", "neu", "ne"):
        yield _comparison(how, name, "b16")
