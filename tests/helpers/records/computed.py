"""Records of the initializers whose values are computed: maps, tables and named schemes."""

from __future__ import annotations

import math

from fastinit import (
    Arange,
    BlockIdentity,
    Chrono,
    DeformableRing,
    Hadamard,
    HippoLegS,
    Integers,
    KanSpline,
    LayerScale,
    Linspace,
    LogUniform,
    LruGamma,
    LruNu,
    LruTheta,
    Mamba2ALog,
    MambaALog,
    MambaDtBias,
    Mapped,
    Permutation,
    Rademacher,
    RgLru,
    Rwkv,
    Rwkv7,
    S4DImag,
    Sinusoidal,
    SinusoidalWeights,
    Ternary,
    Uniform,
)
from helpers.dtypes import DTYPES
from helpers.records import wrong_arguments as wrong
from helpers.records.record import LENGTH, Golden, Kernel, Record, golden

INF = math.inf
MATRIX = (37, 29)
MAPS_USED = (
    *("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "sqrt", "reciprocal"),
    *(("clip", 0.75, 1.5), ("power", -0.3), ("exponential", 10.0)),
)

COMPUTED = (
    Record(
        "mapped",
        Mapped,
        {"base": Uniform(0.5, 2.0), "maps": ("log", ("affine", 2.0, 0.5))},
        least_rank=0,
        on_host=True,
        objects=(
            Mapped(LogUniform(1e-3, 0.1), ("clip", 1e-4, None)),
            Mapped("he_normal", ["tanh", ("power", 2.0), "exp"]),
            Mapped(Arange(1), "log"),
        ),
        required={"base": Uniform(1.0, 2.0), "maps": "tanh"},
        wrong=(
            *wrong.DRAWN,
            ({"maps": "ln"}, ValueError, "maps has 'ln', which is not known; known are exp, "),
            ({"maps": ()}, TypeError, "maps=() is not a sequence of maps; pass one or more"),
            ({"maps": [("affine", 1)]}, ValueError, "affine takes scale and offset: write ('aff"),
            ({"maps": [("clip", 2, 1)]}, ValueError, "clip has low=2.0 above high=1.0; exchange"),
            ({"maps": [("power", INF)]}, ValueError, "exponent=inf is not finite"),
            ({"maps": [("exponential", 0)]}, ValueError, "base=0; pass a positive number"),
            ({"base": "he"}, ValueError, "base='he' is not known; use one of"),
            ({"base": 1}, TypeError, "base=1 is an int; pass an initializer object, or a name"),
            (
                {"base": Uniform(-2, -1), "maps": "log"},
                ValueError,
                "the map 'log' has no finite value at -1.",
            ),
        ),
        goldens=(
            *(
                golden(dtype, base=LogUniform(1e-3, 0.1), maps="inverse_softplus")
                for dtype in DTYPES
            ),
            *(golden("float64", 7, "m", base=Uniform(0.5, 2.0), maps=each) for each in MAPS_USED),
        ),
    ),
)

INTEGER = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
DISCRETE = (
    Record(
        "rademacher",
        Rademacher,
        {"scale": 0.5},
        least_rank=0,
        moments=lambda _: (0.0, 0.5),
        objects=(Rademacher(), Rademacher(0.25)),
        wrong=(
            *wrong.DRAWN,
            ({"scale": 0}, ValueError, "scale=0.0 is not positive; pass a positive number"),
            ({"scale": "1"}, TypeError, "scale='1' is a str"),
        ),
        goldens=(*(golden(dtype) for dtype in DTYPES), golden("float32", 7, "s", scale=0.1)),
    ),
    Record(
        "ternary",
        Ternary,
        {"zeros": 0.5, "scale": 2.0},
        least_rank=0,
        moments=lambda _: (0.0, math.sqrt(2)),
        objects=(Ternary(), Ternary(2 / 3, math.sqrt(3))),
        wrong=(
            *wrong.DRAWN,
            ({"zeros": 1.5}, ValueError, "zeros=1.5 is not a probability; pass a number from"),
            ({"zeros": -0.1}, ValueError, "zeros=-0.1 is not a probability"),
            ({"zeros": None}, TypeError, "zeros=None is a NoneType"),
            ({"scale": -1}, ValueError, "scale=-1.0 is not positive; pass a positive number"),
        ),
        goldens=(
            *(golden(dtype) for dtype in DTYPES),
            *(golden(dtype, 7, "projection", zeros=2 / 3, scale=0.1) for dtype in DTYPES),
        ),
        kernels=(Kernel("ternary", (Ternary(0.5, 2.0), Rademacher())),),
    ),
    Record(
        "integers",
        Integers,
        {"low": 1, "high": 8},
        least_rank=0,
        dtypes=(*DTYPES, *INTEGER, *UNSIGNED),
        on_host=True,
        moments=lambda _: (4.0, 2.0),
        objects=(Integers(0, 7), Integers(-5, 2**20)),
        required={"low": 0, "high": 5},
        wrong=(
            ({"low": 5}, ValueError, "low=5 and high=5 are not a range; pass low < high"),
            ({"high": 2**65}, ValueError, "are not a range; pass low < high, from -2**63 to"),
            ({"low": 0.0}, TypeError, "low=0.0 is a float; pass an integer"),
            ({"high": 300, "dtype": "int8"}, ValueError, "does not hold all integers from 0 to"),
            ({"low": -1, "dtype": "uint8"}, ValueError, "does not hold all integers from -1 to"),
            ({"high": 300, "dtype": "bfloat16"}, ValueError, "does not hold all integers"),
        ),
        goldens=(
            golden("int64", low=0, high=10),
            golden("int8", 7, "dice", low=1, high=7),
            golden("uint64", low=0, high=2**63 + 1),
            golden("bfloat16", low=-16, high=16),
        ),
    ),
    Record(
        "permutation",
        Permutation,
        fits=(((24, 20), {}), ((6, 4, 3), {}), ((101,), {})),
        least_rank=0,
        dtypes=(*DTYPES[:4], *INTEGER, *UNSIGNED),
        elementwise=False,
        on_host=True,
        objects=(Permutation(),),
        goldens=(golden("int64"), golden("int32", 7, "order", (5, 200))),
    ),
)

# Initializers without a function, under the names of their classes.
TABLES = (
    Record(
        "Arange",
        Arange,
        {"start": 2, "step": 3},
        dtypes=(*DTYPES, "int16", "int32", "int64", "uint16", "uint32", "uint64", "int8", "uint8"),
        random=False,
        objects=(Arange(), Arange(1, 0.5, 0)),
        goldens=(
            Golden({"start": 1.0, "step": 1e-3}, "float32", 0, 0, (LENGTH,), None),
            golden("int64"),
        ),
    ),
    Record(
        "Linspace",
        Linspace,
        {"start": 3, "stop": 6},
        random=False,
        objects=(Linspace(3, 6), Linspace(0, 1, 0, endpoint=False)),
        goldens=(Golden({"start": 3.0, "stop": 6.0}, "float32", 0, 0, (LENGTH,), None),),
    ),
    Record(
        "Sinusoidal",
        Sinusoidal,
        fits=(((24, 20), {}), ((2, 7, 6), {"interleaved": False, "endpoint": True})),
        random=False,
        objects=(Sinusoidal(), Sinusoidal(500.0, interleaved=False, endpoint=True, first=2)),
        goldens=(
            golden(shape=(512, 64)),
            golden("bfloat16", shape=(512, 64), interleaved=False, endpoint=True),
        ),
    ),
    Record(
        "SinusoidalWeights",
        SinusoidalWeights,
        fits=(((24, 20), {}), ((6, 4, 3), {}), ((3, 4, 6), {"layout": "*io"})),
        random=False,
        moments=lambda shape: (0.0, math.sqrt(2 / shape[1] * (1 - 1 / math.prod(shape)))),
        objects=(SinusoidalWeights(), SinusoidalWeights(1.0, "fan_avg", "*io")),
        goldens=(golden(shape=(64, 48)), golden("bfloat16", shape=(7, 5, 3, 3), gain=1.0)),
    ),
    Record(
        "DeformableRing",
        DeformableRing,
        {"heads": 8, "levels": 4, "points": 8},
        fits=(((512,), {}), ((8, 4, 8, 2), {}), ((32, 16), {})),
        random=False,
        objects=(DeformableRing(8, 4, 8),),
        goldens=(golden(shape=(256,), heads=8, levels=4, points=4),),
    ),
    Record(
        "BlockIdentity",
        BlockIdentity,
        {"gain": 0.5},
        random=False,
        objects=(BlockIdentity(), BlockIdentity(0.3)),
        goldens=(golden(shape=MATRIX, gain=0.1),),
    ),
    Record(
        "Hadamard",
        Hadamard,
        random=False,
        objects=(Hadamard(), Hadamard(1.0)),
        goldens=(golden(shape=MATRIX), golden(shape=(32, 32), scale=1.0)),
    ),
    Record(
        "HippoLegS",
        HippoLegS,
        fits=(((12, 12), {}), ((2, 5, 5), {}), ((7,), {"part": "B"}), ((2, 7), {"part": "P"})),
        random=False,
        objects=(HippoLegS("B"), HippoLegS("P")),
        goldens=(golden(shape=(64, 64)), golden(shape=(64,), part="P")),
    ),
    Record(
        "S4DImag",
        S4DImag,
        {"form": "inv"},
        random=False,
        objects=(S4DImag(), S4DImag("inv", 64)),
        goldens=(golden(shape=(64,), form="lin"), golden(shape=(64,), form="inv", states=128)),
    ),
    Record(
        "Rwkv",
        Rwkv,
        {"part": "decay", "version": 5, "layer": 3, "layers": 12},
        random=False,
        objects=(Rwkv("mix_v", 4, 1, 2), Rwkv("first"), Rwkv("ffn_mix", 6, 3, 12)),
        goldens=tuple(
            golden(shape=(2, 64), part=part, version=version, layer=3, layers=12)
            for version in (4, 6)
            for part in ("mix_v", "mix_r", "ffn_mix", "decay", "first")
        ),
    ),
    Record(
        "Rwkv7",
        Rwkv7,
        {"part": "w0", "layer": 3, "layers": 12, "head_size": 4},
        random=False,
        objects=(Rwkv7("x_r", 1, 2), Rwkv7("a0"), Rwkv7("norm", 3, 12, 8)),
        goldens=tuple(
            golden(shape=(128,), part=part, layer=3, layers=12)
            for part in ("x_r", "x_k", "w0", "a0", "v0", "k_k", "norm")
        ),
    ),
)

SCHEMES = (
    Record(
        "MambaALog",
        MambaALog,
        random=False,
        objects=(MambaALog(),),
        goldens=(golden(shape=(4, 16)), golden("bfloat16", shape=(4, 128))),
    ),
    Record(
        "Mamba2ALog",
        Mamba2ALog,
        objects=(Mamba2ALog(), Mamba2ALog(0.0, 16.0)),
        goldens=(golden("float32", 1, "A_log"),),
    ),
    Record(
        "MambaDtBias",
        MambaDtBias,
        objects=(MambaDtBias(), MambaDtBias(1e-4, 0.5, 1e-3)),
        goldens=(golden("float32", 1, "dt_bias"), golden("bfloat16", 1, "dt_bias")),
    ),
    Record(
        "RgLru",
        RgLru,
        objects=(RgLru(), RgLru(0.5, 0.9, 0.0)),
        goldens=(golden("float32", 1, "recurrent_param"),),
    ),
    Record("LruNu", LruNu, objects=(LruNu(), LruNu(0.9, 0.999)), goldens=(golden(),)),
    Record("LruTheta", LruTheta, objects=(LruTheta(), LruTheta(0.3)), goldens=(golden(),)),
    Record("LruGamma", LruGamma, objects=(LruGamma(), LruGamma(0.9, 0.999)), goldens=(golden(),)),
    Record(
        "KanSpline",
        KanSpline,
        {"order": 2},
        fits=(((24, 20), {}), ((6, 4, 8), {"order": 3}), ((3,), {})),
        objects=(KanSpline(), KanSpline(2, 0.5)),
        goldens=(golden(shape=(32, 8)), golden("bfloat16", 1, "spline", (32, 8), order=5)),
    ),
    Record(
        "LayerScale",
        LayerScale,
        least_rank=0,
        random=False,
        objects=(LayerScale(), LayerScale(24), LayerScale(25)),
        goldens=(golden(layers=19),),
    ),
    Record(
        "Chrono",
        Chrono,
        {"max_steps": 784},
        fits=(((24, 20), {}), ((12,), {}), ((2, 15), {"order": "fix"})),
        objects=(Chrono(784), Chrono(100, "ifco")),
        goldens=(golden("float32", 1, "bias", (512,), max_steps=784.0),),
    ),
)
