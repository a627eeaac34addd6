"""The records of initializers over other initializers."""

import math
from pathlib import Path
from typing import Any

from fastinit import (
    Arange,
    Custom,
    Existing,
    Loaded,
    Normal,
    Normed,
    Orthogonal,
    Product,
    Redrawn,
    RowMixture,
    Split,
    Stacked,
    Transposed,
    Uniform,
    ZerO,
    register,
)
from helpers.records import wrong_arguments as wrong
from helpers.records.record import Record, golden

INF = math.inf
SOURCE = Path(__file__).parents[2] / "data" / "source.safetensors"


@register("tests/square")
def square(u: Any, **_: Any) -> Any:
    return u * u


@register("tests/low bits", of="words")
def low_bits(words: Any, **_: Any) -> Any:
    return words % 256


@register("tests/index", of="index")
def indices(index: Any, **_: Any) -> Any:
    return sum(index) if index else 0


WIDE = ("float64", "float32")
HALF = ("float16", "bfloat16")
MATRIX = (37, 29)
THIRDS: dict[str, Any] = {"parts": ("he_normal", "orthogonal", "ones"), "shares": (2, 1, 1)}
WRONG_NAMES: tuple[wrong.Wrong, ...] = (
    ({"names": "x"}, ValueError, "names='x' is not understood; write {part}, and {name}"),
    ({"names": "{part:3}"}, ValueError, "names='{part:3}' is not understood"),
    ({"names": "{part}{other}"}, ValueError, "is not understood"),
    ({"names": 1}, TypeError, "names=1 is an int; pass a string"),
    ({"names": "{parent}.{part}", "name": "w"}, ValueError, "needs a name with 2 segments or more"),
    ({"axis": 2}, ValueError, "axis=2 is out of range for shape (8, 8)"),
    ({"axis": 0.0}, TypeError, "axis=0.0 is a float; pass the number of an axis"),
)
WRONG_BASE: tuple[wrong.Wrong, ...] = (
    ({"base": "he"}, ValueError, "base='he' is not known; use one of he_normal, "),
    ({"base": 1.0}, TypeError, "base=1.0 is a float; pass an initializer object"),
)

STRUCTURES = (
    Record(
        "split",
        Split,
        THIRDS,
        on_host=True,
        fits=(
            ((24, 20), {}),
            ((20, 24), {"axis": -1}),
            ((7, 6, 3), {"shares": None, "sizes": (4, 2, 1), "labels": "qkv"}),
        ),
        dtypes=(*WIDE, *HALF),
        elementwise=False,
        moments=lambda _: (0.25, math.sqrt(0.5 * 2 / 300 + 0.25 / 300 + 3 / 16)),
        objects=(
            Split(("he_normal", Orthogonal(2.0))),
            Split({"gate": Normal(), "up": Normal()}, -1, names="{name}/{part}"),
            Split("zeros", sizes=(24, 8)),
            Split.gates("orthogonal", f="ones"),
        ),
        required=THIRDS,
        wrong=(
            *WRONG_NAMES,
            ({"parts": "ones", "shares": None}, ValueError, "needs labels=, sizes= or shares="),
            ({"parts": 3}, TypeError, "parts=3 is not a sequence of initializers"),
            ({"parts": ("he",), "shares": (1,)}, ValueError, "parts='he' is not known"),
            ({"shares": (1, 1)}, ValueError, "shares=(1, 1) has 2 entries for 3 parts"),
            ({"shares": (1, 1, 1)}, ValueError, "axis 0 of shape (8, 8) is not a multiple of 3"),
            ({"shares": (1, 0, 1)}, ValueError, "shares=0 is not positive"),
            ({"shares": 4}, TypeError, "shares=4 is not a sequence of integers"),
            ({"sizes": (1, 1, 6)}, ValueError, "sizes= and shares= say the same"),
            ({"sizes": (1, 1, 5), "shares": None}, ValueError, "come to 7, and axis 0"),
            ({"labels": "aab"}, ValueError, "has a label twice"),
            ({"labels": (1, 2, 3)}, TypeError, "is not a sequence of strings"),
            ({"dtype": "int8"}, ValueError, "dtype=int8 does not hold"),
        ),
        goldens=(
            golden("float32", 7, "qkv", (36, 20), parts="orthogonal", labels="qkv"),
            golden("bfloat16", 7, "a.b.w", (9, 24), **THIRDS, axis=1, names="{parent}.{part}"),
        ),
    ),
    Record(
        "stacked",
        Stacked,
        {"base": "he_normal"},
        on_host=True,
        fits=(((5, 6, 4), {}), ((4, 3, 5), {"base": "glorot_uniform", "axis": 1})),
        elementwise=False,
        objects=(Stacked(Uniform(), -1, "{name}[{part}]"), Stacked("normal")),
        required={"base": "normal"},
        wrong=(*WRONG_NAMES, *WRONG_BASE, *wrong.DRAWN),
        goldens=(
            golden("float32", 7, "experts.w", (3, 20, 10), base="orthogonal"),
            golden("float16", 7, "experts.w", (3, 20, 10), base="normal", names="{parent}.{part}"),
        ),
    ),
    Record(
        "transposed",
        Transposed,
        {"base": "he_normal"},
        on_host=True,
        fits=(((24, 20), {}), ((6, 5, 4), {"base": "glorot_uniform", "axes": (1, 2, 0)})),
        elementwise=False,
        moments=lambda shape: (0.0, math.sqrt(2 / shape[0])),
        objects=(Transposed(Normal()), Transposed("orthogonal", (1, 0))),
        required={"base": "normal"},
        wrong=(
            *WRONG_BASE,
            *wrong.DRAWN,
            ({"axes": (0, 0)}, ValueError, "axes=(0, 0) is not a permutation of 0 to 1"),
            ({"axes": (0,)}, ValueError, "axes=(0,) are 1 axes, and shape (8, 8) has 2"),
            ({"axes": 1}, TypeError, "axes=1 is not a sequence of integers"),
        ),
        goldens=(golden("float32", 7, "w", MATRIX, base="orthogonal"),),
    ),
    Record(
        "normed",
        Normed,
        {"norm": 2.0},
        fits=(
            ((24, 20), {}),
            ((6, 5, 4), {"axis": 1}),
            ((6, 5), {"axis": None, "base": "he_normal"}),
            ((8, 6), {"kind": "spectral", "aspect": True}),
            ((40, 6, 4), {"kind": "spectral", "layout": "io*"}),
        ),
        least_rank=1,
        on_host=True,
        elementwise=False,
        moments=lambda shape: (0.0, 2.0 / math.sqrt(shape[1])),
        objects=(
            Normed(),
            Normed("he_normal", 0.5, None, aspect=True),
            Normed(kind="spectral", tolerance=0.1, layout="*io"),
        ),
        wrong=(
            *WRONG_BASE,
            *wrong.DRAWN,
            ({"norm": -1}, ValueError, "norm=-1 is negative"),
            ({"axis": 2}, ValueError, "axis=2 is out of range for shape (8, 8)"),
            ({"kind": "l1"}, ValueError, "kind='l1' is not known; use one of euclidean, spectral"),
            ({"aspect": 1}, TypeError, "aspect=1 is an int; pass True or False"),
            ({"tolerance": 0}, ValueError, "tolerance=0.0 is out of range; pass 1e-12 to 1"),
            ({"layout": "bo", "kind": "spectral"}, ValueError, "has a batch axis; stack matrices"),
        ),
        goldens=(
            golden("float32", 7, "w", MATRIX),
            golden("bfloat16", 7, "w", MATRIX, axis=0),
            golden("float64", 7, "w", MATRIX, axis=None),
            golden("float32", 7, "w", (140, 131), kind="spectral"),
        ),
    ),
    Record(
        "product",
        Product,
        {"left": "normal", "right": "normal", "rank": 4},
        fits=(((24, 20), {}), ((6, 5, 4), {"left": "orthogonal", "gain": 0.5})),
        on_host=True,
        elementwise=False,
        objects=(Product(Normal(), Orthogonal(), 8, 0.5), Product("normal", "ones", 1)),
        required={"left": "normal", "right": "normal", "rank": 4},
        wrong=(
            *wrong.DRAWN,
            ({"left": "he"}, ValueError, "left='he' is not known"),
            ({"right": 1}, TypeError, "right=1 is an int"),
            ({"rank": 0}, ValueError, "rank=0 is not positive"),
            ({"gain": INF}, ValueError, "gain=inf is not finite"),
            ({"shape": 8, "out": None}, ValueError, "shape (8,) is not that of a matrix"),
        ),
        goldens=(
            golden("float32", 7, "w", MATRIX, left="normal", right="orthogonal", rank=5),
            golden("float64", 7, "w", MATRIX, left="normal", right="normal", rank=5),
        ),
    ),
    Record(
        "custom",
        Custom,
        {"function": "tests/square"},
        least_rank=0,
        on_host=True,
        moments=lambda _: (1 / 3, math.sqrt(4 / 45)),
        objects=(Custom("tests/square"), Custom("tests/index")),
        required={"function": "tests/square"},
        wrong=(
            *wrong.DRAWN,
            ({"function": "other"}, ValueError, "function='other' is not registered; import the"),
            ({"function": abs}, TypeError, "register it with @fastinit.register('a name')"),
        ),
        goldens=(
            golden("float32", 7, "w", MATRIX, function="tests/square"),
            golden("bfloat16", 7, "w", MATRIX, function="tests/low bits"),
        ),
    ),
)

# Of objects that have no function.
GROWN = (
    Record(
        "Loaded",
        Loaded,
        {"path": str(SOURCE), "tensor": "w"},
        fits=(((32, 16), {}),),
        on_host=True,
        random=False,
        objects=(Loaded(str(SOURCE), "w"), Loaded.of(SOURCE, "w")),
    ),
    Record(
        "Existing",
        Existing,
        {"source": Arange(1), "source_shape": (9, 7), "rest": "normal"},
        fits=(((24, 20), {}), ((3, 5), {"axes": ("even", "tile")})),
        on_host=True,
        objects=(
            Existing(Loaded(str(SOURCE), "w"), axes=("widen", "divide"), units="u"),
            Existing(Arange(1), (16, 8), ("repeat", "tile")),
        ),
        goldens=(
            golden(
                "float32",
                7,
                "a.w",
                (20, 9),
                source=Arange(),
                source_shape=(4, 6),
                axes=("widen", "divide"),
            ),
        ),
    ),
    Record(
        "RowMixture",
        RowMixture,
        {"source": "normal", "rows": 50, "covariance": 1.0},
        fits=(((600, 5), {}),),
        on_host=True,
        objects=(RowMixture("normal", 20), RowMixture(Uniform(), 9, 0.5, 16)),
        goldens=(
            golden("float32", 7, "w", (300, 20), source="normal", rows=50, covariance=1.0),
            golden("bfloat16", 7, "w", (300, 20), source="uniform", rows=50, covariance=0.0),
        ),
    ),
    Record(
        "Redrawn",
        Redrawn,
        {"base": "he_normal"},
        fits=(((24, 20), {}), ((6, 4, 3), {"axis": 1})),
        on_host=True,
        objects=(Redrawn("normal"), Redrawn(Uniform(), -1, 0.25, "{name}/u")),
        goldens=(golden("float32", 7, "w", MATRIX, base="normal", share=0.3),),
    ),
    Record(
        "ZerO",
        ZerO,
        fits=(((24, 20), {}), ((20, 24), {}), ((9, 4, 3), {})),
        on_host=True,
        random=False,
        objects=(ZerO(),),
        goldens=(golden(shape=(20, 37)), golden("bfloat16", shape=(37, 20))),
    ),
)
