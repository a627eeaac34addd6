"""One record per public initializer, which drives every test that all initializers have to pass.

A new initializer is one more record here, and a digest in tests/data/golden.json for each of its
golden arrays, which tests/initializers/test_golden.py prints.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from fastinit import (
    NM,
    Bernoulli,
    Constant,
    DeltaOrthogonal,
    Dirac,
    FanInUniform,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    LogUniform,
    Normal,
    Orthogonal,
    SirenUniform,
    Sparse,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from helpers import reference
from helpers.dtypes import DTYPES, INTEGERS
from helpers.records import wrong_arguments as wrong
from helpers.records.attention import ATTENTION
from helpers.records.computed import COMPUTED, DISCRETE, SCHEMES, TABLES
from helpers.records.record import Golden, Kernel, Record, golden, preset
from helpers.records.structures import GROWN, STRUCTURES
from helpers.records.truncations import TRUNCATIONS

INF = math.inf
EVERY_DTYPE = (*DTYPES, *INTEGERS)
WIDE = ("float64", "float32")
HALF = ("float16", "bfloat16")
MATRIX, KERNEL = (37, 29), (24, 5, 3, 3)
LOG_UNIFORM_STD = math.sqrt((0.1**2 - 1e-6) / (2 * math.log(100)) - (0.099 / math.log(100)) ** 2)
LAST_SEED = 2**64 - 1
# Seeds and names at the limits, and names beyond ASCII.
PLACES: tuple[tuple[int, str | int], ...] = (
    (LAST_SEED, "weight"),
    (2**32, 0),
    (0, "größe.β"),
    (0, "層.0.重み"),
    (0, ""),
    (0, 1),
    (LAST_SEED, 2**63 - 1),
)


def distant(**options: Any) -> Iterator[Golden]:
    """Parts where the block number carries into its second word, at 2^34, and a large array."""
    for dtype in WIDE:
        yield golden(dtype, LAST_SEED, "far", (2**40,), 2**34 - 501, **options)
    yield golden("bfloat16", 5, "large", (200003,), **options)  # enough for two threads


def truncated(dtype: str, lower: float, upper: float) -> Golden:
    return golden(dtype, 2**40 + 3, "cut", lower=lower, upper=upper)


def within(name: str) -> TruncatedNormal:
    """A normal truncated to named bounds."""
    lower, upper = TRUNCATIONS[name]
    return TruncatedNormal(0.125, 0.5, lower, upper)


CONSTANTS = (
    Record("zeros", dtypes=EVERY_DTYPE, least_rank=0, random=False),
    Record("ones", dtypes=EVERY_DTYPE, least_rank=0, random=False),
    Record(
        "constant",
        Constant,
        {"value": 1},
        least_rank=0,
        dtypes=EVERY_DTYPE,
        random=False,
        objects=tuple(map(Constant, (3, 0.1, True, 2**64 - 1, -INF))),
        required={"value": 0.5},
        wrong=tuple(wrong.CONSTANT),
        goldens=(
            *(golden(dtype, value=0.1) for dtype in ("float64", "float32", "bfloat16")),
            golden("float8_e4m3fn", value=-3.0),
        ),
    ),
    Record(
        "eye",
        fits=(((5, 7), {}), ((2, 4, 3), {"layout": "boi"})),
        least_rank=2,
        dtypes=EVERY_DTYPE,
        elementwise=False,
        random=False,
        wrong=(*wrong.LAYOUT, *wrong.IDENTITY),
        goldens=(golden(shape=MATRIX, layout="io"),),
    ),
    Record(
        "identity",
        Identity,
        {"gain": 1},
        fits=(((5, 7), {}), ((2, 4, 3), {"layout": "boi"})),
        least_rank=2,
        dtypes=EVERY_DTYPE,
        elementwise=False,
        random=False,
        objects=(Identity(3), Identity(0.5, layout="*io")),
        wrong=(*wrong.LAYOUT, *wrong.IDENTITY, *wrong.GAIN),
    ),
    Record(
        "dirac",
        Dirac,
        fits=(((6, 5, 3), {}), (KERNEL, {"groups": 3}), ((3, 2, 4, 6), {"layout": "*io"})),
        least_rank=2,
        dtypes=EVERY_DTYPE,
        elementwise=False,
        random=False,
        objects=(Dirac(2, 3, "*io"),),
        wrong=tuple(wrong.DIRAC),
        goldens=(golden("bfloat16", shape=KERNEL, groups=3, gain=0.1),),
    ),
)

DISTRIBUTIONS = (
    Record(
        "uniform",
        Uniform,
        {"low": -0.3, "high": 0.7},
        least_rank=0,
        moments=lambda _: (0.2, 1 / math.sqrt(12)),
        objects=(Uniform(-1, 2),),
        wrong=(*wrong.UNIFORM, *wrong.DRAWN),
        goldens=(
            *(golden(dtype, low=0.0, high=1.0) for dtype in DTYPES),
            *(golden(dtype, 7, "weight", low=-1.0, high=3.0) for dtype in DTYPES),
            *(golden(dtype, 7, "b", low=1.0, high=1.0625) for dtype in (*WIDE, *HALF)),
            *(golden("float64", *place, low=0.0, high=1.0) for place in PLACES[:2]),
            *distant(low=0.0, high=1.0),
        ),
        kernels=(
            Kernel("uniform", (Uniform(-0.3, 0.7),)),
            Kernel("clamped uniform", (Uniform(1.0, 1.5),)),
        ),
    ),
    Record(
        "log_uniform",
        LogUniform,
        {"low": 1e-3, "high": 0.1},
        least_rank=0,
        moments=lambda _: (0.099 / math.log(100), LOG_UNIFORM_STD),
        exact=(reference.log_uniform, 2e-7, 4e-16),
        objects=(LogUniform(0.5, 0.75), LogUniform(1.2e-38, 1.7e38)),
        required={"low": 0.25, "high": 4.0},
        wrong=(
            *wrong.DRAWN,
            ({"low": 0}, ValueError, "low=0.0 is not positive; pass a positive number"),
            ({"low": -1.0}, ValueError, "low=-1.0 is not positive; pass a positive number"),
            ({"high": INF}, ValueError, "high=inf is not finite"),
            ({"low": 5.0}, ValueError, "low=5.0 is above high=4.0; exchange them"),
            ({"low": "1"}, TypeError, "low='1' is a str"),
            ({"low": 1e-39}, ValueError, "low=1e-39 is outside the normal numbers of float32"),
            ({"high": 3e38}, ValueError, "2 high=6e+38 is outside the normal numbers of float32"),
            ({"low": 1.001, "high": 1.002, "dtype": "bfloat16"}, ValueError, "has no value"),
        ),
        goldens=(
            *(golden(dtype, low=1e-3, high=0.1) for dtype in DTYPES),
            *(golden(dtype, 7, "dt", low=0.5, high=4.0) for dtype in WIDE),
            *distant(low=1e-3, high=0.1),
        ),
        kernels=(Kernel("log uniform", (LogUniform(1e-3, 0.1), LogUniform(1e-30, 1e30))),),
    ),
    Record(
        "normal",
        Normal,
        {"mean": 0.5, "std": 2.0},
        least_rank=0,
        moments=lambda _: (0.5, 2.0),
        objects=(Normal(-1.5, 0.02),),
        wrong=(*wrong.SPREAD, *wrong.DRAWN),
        goldens=(
            *(golden(dtype, mean=0.0, std=1.0) for dtype in DTYPES),
            *(golden(dtype, 7, "weight", mean=0.1, std=0.02) for dtype in DTYPES),
            *(golden("float32", *place, mean=0.0, std=1.0) for place in PLACES),
            *distant(mean=0.0, std=1.0),
        ),
        kernels=(Kernel("normal", (Normal(0.5, 2.0),)),),
    ),
    Record(
        "truncated_normal",
        TruncatedNormal,
        {"mean": 0.1, "std": 0.02},
        least_rank=0,
        moments=lambda _: (0.1, 0.02 * 0.87962566103423978),
        objects=(TruncatedNormal(0.1, 0.2, -INF, 3, compensate=True),),
        wrong=(*wrong.SPREAD, *wrong.CUT, *wrong.DRAWN),
        goldens=(
            *(truncated(dtype, -2.0, 2.0) for dtype in DTYPES),
            *(
                truncated(dtype, lower, upper)
                for lower, upper in ((-1.0, 1.0), (-3.0, 3.0), (-0.5, 2.5), (0.0, INF), (2.0, INF))
                for dtype in WIDE
            ),
            *(truncated(dtype, -INF, -6.0) for dtype in (*WIDE, "bfloat16")),
            *(truncated(dtype, -INF, INF) for dtype in WIDE),
            golden("bfloat16", 1, "head", std=0.02, compensate=True),
            *distant(),
        ),
        kernels=(
            Kernel("center", (within("central"), within("flat"))),
            Kernel(
                "wide symmetric",
                (within("none"), within("symmetric")),
                rare=within("none"),
                length=3,  # one value in 400 lies far out
            ),
            Kernel(
                "wide",
                (
                    TruncatedNormal(0.1, 0.5, 1.7, 9),
                    *map(within, ("skewed", "below", "above", "narrow")),
                ),
                rare=within("below"),
            ),
            Kernel("tail", tuple(map(within, ("far below", "far", "tail", "left tail")))),
        ),
    ),
)

SCALED = (
    Record(
        "variance_scaling",
        VarianceScaling,
        {"scale": 0.5, "mode": "fan_geo_avg"},
        fits=(((24, 20), {}), ((6, 4, 3), {"groups": 2}), ((3, 2, 4, 6), {"layout": "*io"})),
        least_rank=2,
        moments=lambda shape: (0.0, math.sqrt(0.5 / math.sqrt(shape[0] * shape[1]))),
        objects=(VarianceScaling(0.3, "fan_geo_avg", "truncated_normal", "b*io", 4, 77),),
        wrong=(*wrong.VARIANCE_SCALING, *wrong.DRAWN, *wrong.SCALED),
        goldens=(golden("float32", 1, 3, MATRIX, scale=0.5, mode="fan_geo_avg"),),
    ),
    preset(
        "he_normal",
        HeNormal,
        scale=2.0,
        mode="fan_in",
        objects=(
            HeNormal(nonlinearity="leaky_relu", a=0.2, mode="fan_out"),
            HeNormal(truncated=True, layout="*io"),
        ),
        goldens=(
            golden("float32", 1, "conv", KERNEL),
            golden("bfloat16", 1, "conv", KERNEL, mode="fan_out", truncated=True),
        ),
    ),
    preset(
        "he_uniform",
        HeUniform,
        scale=2.0,
        mode="fan_in",
        objects=(HeUniform(layout="ioo"),),
        goldens=(golden("float32", 1, "fc", MATRIX, a=0.2, nonlinearity="leaky_relu"),),
    ),
    preset(
        "glorot_normal",
        GlorotNormal,
        scale=1.0,
        mode="fan_avg",
        objects=(GlorotNormal(truncated=True, layout="*io"),),
        goldens=(golden("float64", 1, "fc", MATRIX, truncated=True),),
    ),
    preset(
        "glorot_uniform",
        GlorotUniform,
        scale=1.0,
        mode="fan_avg",
        objects=(GlorotUniform(layout="ioo"),),
        goldens=(golden("float16", 1, "kernel", MATRIX, layout="*io"),),
    ),
    preset(
        "lecun_normal",
        LecunNormal,
        scale=1.0,
        mode="fan_in",
        objects=(LecunNormal(truncated=True, layout="*io"),),
        goldens=(golden("float32", 1, "fc", MATRIX, truncated=True),),
    ),
    preset(
        "fan_in_uniform",
        FanInUniform,
        scale=1 / 3,
        mode="fan_in",
        objects=(FanInUniform(layout="*io"),),
        goldens=(golden("float32", 1, "fc", MATRIX),),
    ),
    preset(
        "siren_uniform",
        SirenUniform,
        scale=2 / 30**2,
        mode="fan_in",
        objects=(SirenUniform(omega=10.0), SirenUniform(first=True)),
        goldens=(
            golden("float32", 1, "sine", MATRIX),
            golden("float32", 1, "first", (256, 2), first=True),
        ),
        refuses=(
            ({"omega": 0}, ValueError, "omega=0.0 is not positive; pass a positive number"),
            ({"omega": -1.0}, ValueError, "omega=-1.0 is not positive; pass a positive number"),
            ({"omega": INF}, ValueError, "omega=inf is not finite"),
            ({"omega": "30"}, TypeError, "omega='30' is a str"),
            ({"first": "no"}, TypeError, "first='no' is a str; pass True or False"),
        ),
    ),
    preset(
        "lecun_uniform",
        LecunUniform,
        scale=1.0,
        mode="fan_in",
        objects=(LecunUniform(layout="ioo"),),
        goldens=(golden("float32", 1, "grouped", KERNEL, groups=4),),
    ),
)

MATRICES = (
    Record(
        "orthogonal",
        Orthogonal,
        {"gain": 2.0},
        fits=(((3, 20, 18), {"layout": "boi"}), ((24, 20), {}), ((20, 24), {}), ((6, 5, 3), {})),
        least_rank=2,
        dtypes=(*WIDE, *HALF),
        elementwise=False,
        moments=lambda shape: (0.0, 2.0 / math.sqrt(max(shape))),
        objects=(Orthogonal(0.5, "boi"),),
        wrong=tuple(wrong.MATRIX),
        goldens=(
            *(golden(dtype, 1, "q", (67, 67), gain=1.5) for dtype in (*WIDE, *HALF)),
            *(golden(dtype, 1, "conv", KERNEL) for dtype in (*WIDE, *HALF)),
            *(golden(dtype, 1, "heads", (5, 16, 33), layout="boi") for dtype in (*WIDE, *HALF)),
            golden("float32", LAST_SEED, "blocks of 32", (140, 131)),
        ),
    ),
    Record(
        "delta_orthogonal",
        DeltaOrthogonal,
        {"gain": 2.0},
        fits=(((9, 8, 3), {}), ((3, 3, 16, 24), {"layout": "*io"})),
        dtypes=(*WIDE, *HALF),
        elementwise=False,
        objects=(DeltaOrthogonal(0.5, "*io"),),
        wrong=(*wrong.MATRIX, ({"layout": "o*"}, ValueError, "'o*' has no input axis i")),
        goldens=(golden("float32", 1, "conv", (3, 3, 16, 24), layout="*io"),),
    ),
)

MASKS = (
    Record(
        "sparse",
        Sparse,
        {"sparsity": 0.75},
        fits=(
            ((20, 30), {}),
            ((6, 8, 3), {"per": "out"}),
            ((3, 2, 4, 6), {"layout": "*io"}),
            ((20, 30), {"per": "tensor"}),
            ((6, 8, 3), {"per": "tensor", "block": (2, 4, 3)}),
        ),
        least_rank=2,
        elementwise=False,
        moments=lambda _: (0.0, 0.01 * 0.5),
        objects=(
            Sparse(0.9),
            Sparse(nonzeros=15, per="out", base="he_normal", correct_fan=True),
            Sparse(0.5, base=TruncatedNormal(std=0.02)),
            Sparse(0.5, per="tensor", block=(4, 8, 3)),
        ),
        required={"sparsity": 0.5},
        wrong=tuple(wrong.SPARSE),
        goldens=(
            golden("float32", 7, "weight", (61, 45), sparsity=0.9),
            golden("bfloat16", 7, "weight", (61, 45), sparsity=0.9, per="out"),
            golden("float64", 7, "conv", KERNEL, nonzeros=15, base="he_normal"),
            golden("float32", 7, "weight", (61, 45), sparsity=0.9, per="tensor"),
            golden("bfloat16", 7, "conv", KERNEL, sparsity=0.4, per="tensor", block=(4, 5, 1, 3)),
        ),
    ),
    Record(
        "mask",
        None,
        {"sparsity": 0.75},
        fits=(
            ((20, 30), {}),
            ((6, 8, 3), {"per": "out"}),
            ((3, 2, 4, 6), {"layout": "*io"}),
            ((20, 30), {"per": "tensor"}),
            ((6, 8, 3), {"per": "tensor", "block": (1, 8, 3)}),
        ),
        least_rank=2,
        dtypes=EVERY_DTYPE,
        elementwise=False,
        moments=lambda _: (0.25, math.sqrt(3 / 16)),
        required={"sparsity": 0.5},
        wrong=(*wrong.LAYOUT, *wrong.COUNTS),
        goldens=(
            golden("bool", 7, "conv", KERNEL, nonzeros=3, per="out", layout="io*"),
            golden("bool", 7, "weight", (61, 45), nonzeros=100, per="tensor"),
        ),
    ),
    Record(
        "n_m",
        NM,
        fits=(((20, 32), {}), ((3, 3, 12, 10), {"n": 1, "layout": "*io"})),
        dtypes=EVERY_DTYPE,
        elementwise=False,
        moments=lambda _: (0.5, 0.5),
        objects=(NM(1, 4, base=HeNormal(mode="fan_out", layout="*io"), layout="*io"),),
        wrong=tuple(wrong.N_M),
        goldens=(
            golden("bool", 7, "weight", (61, 44)),
            golden("bool", 7, "kernel", (3, 3, 12, 10), n=1, layout="*io"),
        ),
    ),
    Record(
        "bernoulli",
        Bernoulli,
        {"p": 0.3},
        fits=(((20, 30), {}), ((6, 4, 3), {}), ((6, 4, 3), {"block": (3, 2, 3)})),
        least_rank=0,
        dtypes=EVERY_DTYPE,
        moments=lambda _: (0.3, math.sqrt(0.3 * 0.7)),
        objects=(
            Bernoulli(0.25),
            Bernoulli(0.5, base="he_normal"),
            Bernoulli(0.5, block=(8, 2, 1)),
        ),
        wrong=tuple(wrong.BERNOULLI),
        goldens=(
            golden("bool", 7, "weight", MATRIX, p=0.3),
            golden("bool", 7, "weight", (60, 44), p=0.3, block=(3, 11)),
        ),
    ),
)

RECORDS: dict[str, Record] = {
    record.name: record
    for family in (
        CONSTANTS,
        DISTRIBUTIONS,
        SCALED,
        MATRICES,
        MASKS,
        COMPUTED,
        DISCRETE,
        STRUCTURES,
    )
    for record in family
}
ALL_RECORDS = RECORDS | {record.name: record for record in (*TABLES, *SCHEMES, *ATTENTION, *GROWN)}
# By its key in golden.json: a golden array and the name of the function that draws it.
GOLDENS: dict[str, tuple[str, Golden]] = {
    each.key(name): (name, each) for name, record in ALL_RECORDS.items() for each in record.goldens
}
KERNELS = {kernel.name: kernel for record in RECORDS.values() for kernel in record.kernels}
OBJECTS = [each for record in ALL_RECORDS.values() for each in record.objects]
