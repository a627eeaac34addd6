"""Random calls of every initializer's function: right and wrong ones, of any shape and layout."""

from __future__ import annotations

import fractions
import importlib.util
import inspect
import math
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

import fastinit
from helpers.dtypes import DTYPES, INTEGERS
from helpers.records.initializers import RECORDS
from helpers.records.record import Options, Shape

WRONG = 0.02  # the share of options that are wrong on purpose
NUMBERS: list[Any] = [
    0,
    1,
    0.5,
    0.02,
    -0.3,
    2,
    3.5,
    -0.0,
    1e-3,
    100,
    np.float32(0.1),
    np.array(0.25),
]
NUMBERS += [fractions.Fraction(1, 3), Decimal("0.7"), np.int64(3)]
NO_NUMBERS = [math.nan, math.inf, "1", None, 1j, 10**400, 1e-310, 1e300, True, [1.0], b"1"]
BOOLEANS = ("compensate", "truncated", "correct_fan", "first")
NO_BOOLEANS = ["false", 1, None, 0.0]
NO_INTEGERS = [1.0, "2", True, -1, 10**400, 10**5000, None, np.array([1])]
BASES: list[Any] = [
    None,
    "he_normal",
    "glorot_uniform",
    fastinit.Normal(0.1, 2),
    fastinit.Uniform(-1, 0.5),
]
BASES += [fastinit.TruncatedNormal(), fastinit.Constant(3), fastinit.Orthogonal()]
FORMATS = ["csr", "csc", "coo"] if importlib.util.find_spec("scipy") else []

# For each option: what it takes, and what it refuses.
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    **dict.fromkeys(("mean", "low", "high"), (NUMBERS, NO_NUMBERS)),
    "parts": (["normal", ("normal", "ones")], [3, (), "he"]),
    "axis": ([0, -1, 1], [0.5, "0", 9]),
    "sizes": ([None, (1, 2)], [3, (0, 1), (1.0,)]),
    "shares": ([None, (1, 1), (2, 1)], [3, (0, 1), (1.0,)]),
    "labels": ([None, "ab"], [1, "aa", (1, 2)]),
    "names": (["{name}.{part}", "{part}"], ["", 1, "{x}"]),
    "axes": ([None, (1, 0)], [1, (0, 0), "ab"]),
    "norm": ([1, 0.5, 3], [*NO_NUMBERS, -1]),
    "kind": (["euclidean", "spectral"], ["l1", None, 2]),
    "tolerance": ([0.01, 0.5], [0, 2, "1"]),
    **dict.fromkeys(("left", "right"), (["normal", fastinit.Uniform(-1, 0.5)], ["he", 1])),
    "rank": ([1, 2, 3], NO_INTEGERS),
    "function": (["tests/square", "tests/index"], ["other", None, abs]),
    "std": ([abs(each) for each in NUMBERS], [*NO_NUMBERS, -1]),
    **dict.fromkeys(("lower", "upper"), ([-math.inf, -2, -1, 0, 0.5, 2, 6, math.inf], NO_NUMBERS)),
    "value": ([*NUMBERS, True, 255, -7, 2**40, math.inf], ["1", None, 10**400, 1j]),
    "gain": ([1, 0, 2.0, -0.5, 1e-3, np.float16(3)], NO_NUMBERS),
    "scale": ([1, 0, 2.0, 1 / 3, np.float64(0.1)], [*NO_NUMBERS, -1]),
    "zeros": ([0, 0.5, 1, 2 / 3], [-0.1, 2, *NO_NUMBERS]),
    "fan": ([None, 1, 7, 0.5, 1000], [*NO_NUMBERS, 0, -1]),
    "omega": ([30, 1.0, np.float32(10)], [*NO_NUMBERS, 0, -1]),
    "a": ([None, 0.2, math.sqrt(5)], NO_NUMBERS),
    "nonlinearity": ([None, "relu", "tanh", "leaky_relu", "selu"], ["gelu", 1, b"relu"]),
    "mode": (["fan_in", "fan_out", "fan_avg", "fan_geo_avg"], ["fan", None, 1]),
    "distribution": (["normal", "uniform", "truncated_normal"], ["cauchy", None]),
    **dict.fromkeys(
        ("aspect", "compensate", "truncated", "correct_fan", "first"), ([True, False], NO_BOOLEANS)
    ),
    "groups": ([1, 1, 1, 2, 3, np.int8(1)], [0, *NO_INTEGERS]),
    "sparsity": ([None, 0, 0.5, 0.9, 1, 1 / 3], [-0.1, 1.1, *NO_NUMBERS]),
    "nonzeros": ([None, 0, 1, 2, 3], NO_INTEGERS),
    "per": (["in", "out"], ["column", None]),
    "block": ([None], [(0, 2), "ab", 1.5, (2.0, 2)]),
    "base": (BASES, ["he", 1.0, fastinit.Bernoulli()]),
    "maps": (["tanh", ["exp", ("affine", 2, 1)], [("clip", -1, None)]], ["ln", (), 1.0, None]),
    **dict.fromkeys(("n", "m"), ([0, 1, 2, 3, 4], NO_INTEGERS)),
    "p": ([0, 0.25, 0.5, 1, 1e-9], [-0.1, 1.5, *NO_NUMBERS]),
    "format": ([None, *FORMATS], ["bsr", 1]),
    "seed": ([0, 1, 2**64 - 1, 7, np.uint64(2**63), 12345], [-1, 2**64, 1.0, "1", True, 10**5000]),
    "name": ([None, "w", "", 0, 2**63 - 1, "層"], [-1, 2**63, 1.5, b"w", "\ud800"]),
    "dtype": (
        [None, "float32", "float32", "float64", "bfloat16", np.float16, *DTYPES, *INTEGERS],
        ["float8_e4m3fnuz", "int4", complex, object, "x", [], ">f4", 1.0],
    ),
    "device": ([None, "cpu"], ["tpu", 0, "cuda:"]),
}
ALWAYS = {"seed"}  # so that a call can be repeated
LARGEST = 7  # elements of an axis


@dataclass(frozen=True)
class Call:
    """A call of a function of fastinit."""

    function: str
    shape: Any
    options: Options

    def draw(self, **changes: Any) -> Any:
        return getattr(fastinit, self.function)(self.shape, **{**self.options, **changes})


def random_call(seed: int) -> Call:
    chance = random.Random(seed)
    name = chance.choice(list(RECORDS))
    record = RECORDS[name]
    shape = _shape(chance)
    options: Options = dict(record.required)
    for option in list(inspect.signature(getattr(fastinit, name)).parameters)[1:]:
        wanted = 0.8 if option == "layout" else 0.3
        if option in ALWAYS or chance.random() < wanted:
            options |= _option(chance, option, shape)
    if chance.random() < 0.5:  # at least half of the calls have a shape and options that fit
        shape, fitting = chance.choice(record.fits)
        options = {**record.options, **fitting, "seed": options["seed"]}
        options |= _option(chance, "index", shape) | _option(chance, "name", shape)
    given: Any = shape
    if chance.random() < WRONG:
        given = chance.choice([-1, 2.0, "ab", (2, -3), 2**70, (2**29, 2**29), None, b"\x02"])
    return Call(name, given, options)


def _shape(chance: random.Random) -> Shape:
    rank = chance.choice([0, 1, 2, 2, 2, 3, 3, 4, 5])
    least = 0 if chance.random() < 0.1 else 1
    return tuple(chance.randint(least, LARGEST if rank < 4 else 4) for _ in range(rank))


def _option(chance: random.Random, option: str, shape: Shape) -> Options:
    is_wrong = chance.random() < WRONG
    if option == "layout":
        wrong = ["", "xyz", "o*i*", None, 1, b"oi"]
        return {"layout": chance.choice(wrong) if is_wrong else _layout(chance, len(shape))}
    if option == "index":
        return {"index": _wrong_index(chance) if is_wrong else _index(chance, shape)}
    if option == "out":
        dtype = chance.choice(["float32", "float64", "int8", "float32"])
        return {"out": np.full(shape, 77, dtype)}
    return {option: chance.choice(VALUES[option][1 if is_wrong else 0])}


def _layout(chance: random.Random, rank: int) -> str:
    if chance.random() < 0.2:
        return chance.choice(["oi*", "*io", "io*", "boi", "o*", "*", "o", "kiko", "b*io"])
    letters = [*"oi"[: max(rank, 0)], *(chance.choice("kkboi") for _ in range(rank - 2))]
    chance.shuffle(letters)
    layout = "".join(letters)
    return layout.replace("kk", "*", 1) if chance.random() < 0.5 else layout or "*"


def _index(chance: random.Random, shape: Shape) -> Any:
    items: list[Any] = []
    for size in shape[: chance.randint(0, len(shape))]:
        start, stop = sorted((chance.randint(0, size), chance.randint(0, size)))
        choice = chance.random()
        if choice < 0.25 and size:
            items.append(chance.randint(-size, size - 1))
        elif choice < 0.5:
            items.append(slice(None))
        else:
            items.append(slice(start if chance.random() < 0.7 else None, stop))
    if chance.random() < 0.3:
        items.append(...)
    return tuple(items)


def _wrong_index(chance: random.Random) -> Any:
    return chance.choice(
        [99, np.s_[:99], np.s_[::2], (..., ...), "a", 1.0, (0,) * 9, True, 10**5000]
    )
