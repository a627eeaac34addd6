"""Golden values: one digest per fill in data/golden.json, and first values that a person can read.

``SKBUILD_EDITABLE_VERBOSE=0 PYTHONPATH=tests python tests/initializers/test_golden.py`` prints the
JSON anew (the variable keeps an editable installation from printing its build). Before 0.1.0 is
tagged, a digest may change together with docs/streams.md; after it, a changed digest is a changed
stream and needs a new ``fastinit.STREAM_VERSION``.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from helpers import reference
from helpers.bits import DTYPES, SETS, check_bits, f64, instruction_set, threads

PATH = Path(__file__).parents[1] / "data" / "golden.json"
LENGTH = 1003  # no multiple of any vector's length
LARGE = 200003  # enough for two threads
INF = float("inf")
DISTANT = 2**34 - 501  # the block number carries into its second word at 2^34
LAST_SEED = 2**64 - 1


class Fill(NamedTuple):
    """A call of one of fastinit's functions; its key is what a person would write."""

    function: str
    options: dict[str, Any]
    dtype: str = "float32"
    seed: int = 0
    name: str | int = 0
    shape: tuple[int, ...] = (LENGTH,)
    start: int | None = None  # of a part of LENGTH elements

    @property
    def key(self) -> str:
        """What is drawn: "normal mean=0.1 std=0.02 bfloat16 seed=7 name=weight shape=1003"."""
        options = [f"{key}={value}" for key, value in self.options.items()]
        shape = "shape=" + "x".join(map(str, self.shape))
        part = [] if self.start is None else [f"start={self.start}"]
        placed = [self.dtype, f"seed={self.seed}", f"name={self.name}", shape]
        return " ".join([self.function, *options, *placed, *part])

    def draw(self) -> Any:
        """The array."""
        part = None if self.start is None else np.s_[self.start : self.start + LENGTH]
        function = getattr(fastinit, self.function)
        where = {"dtype": self.dtype, "seed": self.seed, "name": self.name, "index": part}
        return function(self.shape, **self.options, **where)


def fills() -> list[Fill]:
    """All fills that golden.json knows."""
    unit, narrow = {"low": 0.0, "high": 1.0}, {"low": 1.0, "high": 1.0625}
    skewed = {"low": -1.0, "high": 3.0}
    normal, small = {"mean": 0.0, "std": 1.0}, {"mean": 0.1, "std": 0.02}
    matrix, kernel = (37, 29), (24, 5, 3, 3)
    result = [
        Fill("constant", {"value": 0.1}, "float64"),
        Fill("constant", {"value": 0.1}, "float32"),
        Fill("constant", {"value": 0.1}, "bfloat16"),
        Fill("constant", {"value": -3.0}, "float8_e4m3fn"),
    ]
    result += [Fill("uniform", unit, dtype) for dtype in DTYPES]
    result += [Fill("uniform", skewed, dtype, 7, "weight") for dtype in DTYPES]
    result += [Fill("uniform", narrow, dtype, 7, "b") for dtype in ("float64", "float32")]
    result += [Fill("uniform", narrow, dtype, 7, "b") for dtype in ("float16", "bfloat16")]
    result += [Fill("normal", normal, dtype) for dtype in DTYPES]
    result += [Fill("normal", small, dtype, 7, "weight") for dtype in DTYPES]
    result += [cut(dtype, -2.0, 2.0) for dtype in DTYPES]
    for lower, upper in [(-1.0, 1.0), (-3.0, 3.0), (-0.5, 2.5), (0.0, INF), (2.0, INF)]:
        result += [cut(dtype, lower, upper) for dtype in ("float64", "float32")]
    result += [cut("float64", -INF, -6.0), cut("float32", -INF, -6.0), cut("bfloat16", -INF, -6.0)]
    result += [cut("float64", -INF, INF), cut("float32", -INF, INF)]
    result += [
        Fill("truncated_normal", {"std": 0.02, "compensate": True}, "bfloat16", 1, "head"),
        Fill("he_normal", {}, "float32", 1, "conv", kernel),
        Fill("he_normal", {"mode": "fan_out", "truncated": True}, "bfloat16", 1, "conv", kernel),
        Fill("he_uniform", {"a": 0.2, "nonlinearity": "leaky_relu"}, "float32", 1, "fc", matrix),
        Fill("glorot_normal", {"truncated": True}, "float64", 1, "fc", matrix),
        Fill("glorot_uniform", {"layout": "*io"}, "float16", 1, "kernel", matrix),
        Fill("lecun_normal", {"truncated": True}, "float32", 1, "fc", matrix),
        Fill("lecun_uniform", {"groups": 4}, "float32", 1, "grouped", kernel),
        Fill("variance_scaling", {"scale": 0.5, "mode": "fan_geo_avg"}, "float32", 1, 3, matrix),
    ]
    halves = {"sparsity": 0.9}
    result += [
        Fill("sparse", halves, "float32", 7, "weight", (61, 45)),
        Fill("sparse", halves | {"per": "out"}, "bfloat16", 7, "weight", (61, 45)),
        Fill("sparse", {"nonzeros": 15, "base": "he_normal"}, "float64", 7, "conv", kernel),
        Fill("mask", {"nonzeros": 3, "per": "out", "layout": "io*"}, "bool", 7, "conv", kernel),
        Fill("n_m", {}, "bool", 7, "weight", (61, 44)),
        Fill("n_m", {"n": 1, "layout": "*io"}, "bool", 7, "kernel", (3, 3, 12, 10)),
        Fill("bernoulli", {"p": 0.3}, "bool", 7, "weight", matrix),
        Fill("dirac", {"groups": 3, "gain": 0.1}, "bfloat16", 0, 0, kernel),
        Fill("eye", {"layout": "io"}, "float32", 0, 0, matrix),
    ]
    placements: list[tuple[int, str | int]] = [(LAST_SEED, "weight"), (2**32, 0), (0, "größe.β")]
    placements += [(0, "層.0.重み"), (0, ""), (0, 1), (LAST_SEED, 2**63 - 1)]
    result += [Fill("normal", normal, "float32", *placement) for placement in placements]
    result += [Fill("uniform", unit, "float64", *placement) for placement in placements[:2]]
    for function, options in [("uniform", unit), ("normal", normal), ("truncated_normal", {})]:
        result += [
            Fill(function, options, dtype, LAST_SEED, "far", (2**40,), DISTANT)
            for dtype in ("float64", "float32")
        ]
        result.append(Fill(function, options, "bfloat16", 5, "large", (LARGE,)))
    square, wide, batch = {"gain": 1.5}, {}, {"layout": "boi"}
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        result += [
            Fill("orthogonal", square, dtype, 1, "q", (67, 67)),
            Fill("orthogonal", wide, dtype, 1, "conv", (24, 5, 3, 3)),
            Fill("orthogonal", batch, dtype, 1, "heads", (5, 16, 33)),
        ]
    result += [
        Fill("orthogonal", {}, "float32", LAST_SEED, "blocks of 32", (140, 131)),
        Fill("delta_orthogonal", {"layout": "*io"}, "float32", 1, "conv", (3, 3, 16, 24)),
    ]
    return result


def cut(dtype: str, lower: float, upper: float) -> Fill:
    """A truncated normal between two bounds."""
    return Fill("truncated_normal", {"lower": lower, "upper": upper}, dtype, 2**40 + 3, "cut")


def digests() -> dict[str, str]:
    """The digest of every fill."""
    return {fill.key: fastinit.digest(fill.draw()) for fill in fills()}


def recorded() -> dict[str, str]:
    """What golden.json holds."""
    return dict(json.loads(PATH.read_text(encoding="utf-8")))


FIRST = {  # the first four float32 values of seed 0
    "uniform": (
        "0x1.cc4fd00000000p-1",
        "0x1.85a7160000000p-2",
        "0x1.e2bd640000000p-3",
        "0x1.b00db80000000p-4",
    ),
    "normal": (
        "0x1.fb76660000000p-1",
        "-0x1.d96d600000000p-1",
        "-0x1.3c373c0000000p-1",
        "-0x1.eda3620000000p-2",
    ),
    "truncated_normal": (
        "-0x1.f3951e0000000p-3",
        "0x1.1847600000000p+0",
        "0x1.3208d20000000p-1",
        "0x1.053c8e0000000p-2",
    ),
}


def first_by_reference(function: str) -> NDArray[Any]:
    """The first four values of seed 0 by the other definition, unrounded but for the uniform's."""
    index = np.arange(4)
    if function == "uniform":
        return reference.uniform(index, 0, 0, 0.0, 1.0, np.float32)
    if function == "normal":
        return reference.standard_normal(index, 0, 0)
    return reference.standard_truncated_normal(index, 0, 0, -2.0, 2.0)


def plain_uniform() -> list[Fill]:
    """The fills that the reference defines to the bit."""
    return [fill for fill in fills() if fill.function == "uniform"]


def test_the_file_knows_every_fill() -> None:
    """A key too many or too few means that golden.json was not printed anew."""
    keys = [fill.key for fill in fills()]
    assert sorted(recorded()) == sorted(keys)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("isa", SETS)
def test_digests_are_golden(isa: str, count: int) -> None:
    """Whatever the instruction set and the number of threads."""
    with instruction_set(isa), threads(count):
        found = digests()
    golden = recorded()
    assert [key for key in found if found[key] != golden.get(key)] == []


@pytest.mark.parametrize("fill", plain_uniform(), ids=lambda fill: fill.key)
def test_uniform_digests_are_those_of_the_reference(fill: Fill) -> None:
    """The golden digests of uniform values, from the definition that shares no code with ours."""
    start = fill.start or 0
    count = LENGTH if fill.start is not None else fill.shape[0]
    bounds = fill.options["low"], fill.options["high"]
    index, dtype = np.arange(start, start + count), reference.DTYPES[fill.dtype]
    values = reference.uniform(index, fill.seed, reference.stream_of(fill.name), *bounds, dtype)
    assert fastinit.digest(values) == recorded()[fill.key]


@pytest.mark.parametrize("function", FIRST)
def test_first_values_are_these(function: str) -> None:
    """Literal values, so that a change is seen by eye."""
    found = getattr(fastinit, function)(LENGTH, seed=0)[:4]
    assert tuple(float(x).hex() for x in found) == FIRST[function]


def test_first_uniform_values_are_those_of_the_reference() -> None:
    """To the bit."""
    literal = np.array([float.fromhex(x) for x in FIRST["uniform"]], np.float32)
    check_bits(literal, first_by_reference("uniform"))


@pytest.mark.parametrize("function", ["normal", "truncated_normal"])
def test_first_normal_values_are_those_of_the_reference(function: str) -> None:
    """Within the bound of docs/streams.md: 5e-7 |z| + 1e-12."""
    z = f64(first_by_reference(function))
    literal = np.array([float.fromhex(x) for x in FIRST[function]])
    assert np.all(np.abs(literal - z) <= 5e-7 * np.abs(z) + 1e-12)


if __name__ == "__main__":
    print(json.dumps(digests(), indent=2, ensure_ascii=False))
