"""Gains, fans and formulas of initializers, constants, and the distributions of other libraries."""

import importlib
import json
import math
from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import fastinit
from fastinit import Constant, Initializer, Normal, TruncatedNormal, Uniform, VarianceScaling
from fastinit.initializers import gains
from fastinit.initializers.fans import fans
from helpers.bits import check_bits, f64
from helpers.dtypes import DTYPES, INTEGERS, dtype_of

PRESETS = {"he": (math.sqrt(2), "fan_in"), "glorot": (1, "fan_avg"), "lecun": (1, "fan_in")}
GAINS: list[tuple[Any, float | None]] = [
    *((name, None) for name in gains._GAINS),
    *(("leaky_relu", a) for a in (0, 0.01, 0.2, -1.5, 3, math.sqrt(5))),
]
KERNEL = (80, 100, 5, 5)  # 200,000 values of unequal fans


def preset(name: str, kind: str = "normal", **options: Any) -> Any:
    """The object of a preset, such as HeNormal."""
    return getattr(fastinit, f"{name.title()}{kind.title()}")(**options)


@pytest.fixture(scope="module")
def keras() -> Any:
    return importlib.import_module("keras")


@pytest.mark.parametrize(("name", "a"), GAINS)
def test_gains(name: Any, a: float | None) -> None:
    """They are torch's; identity, which torch lacks, is linear."""
    theirs = torch.nn.init.calculate_gain("linear" if name == "identity" else name, a)
    assert fastinit.gain(name, a) == theirs


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 3, 2), (5, 7, 1, 2, 3), (1, 1)])
def test_fans_of_torch(shape: tuple[int, ...]) -> None:
    """These layers are ungrouped and not transposed, where torch is right."""
    assert fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@pytest.mark.parametrize(
    ("shape", "layout", "axes"),
    [
        ((5, 7), "*io", {}),
        ((3, 5, 7), "*io", {}),
        ((8, 2, 5, 7), "b*io", {"batch_axis": 0}),
        ((8, 9, 5, 7), "bbio", {"batch_axis": (0, 1)}),
        ((12, 4, 5), "ioo", {"in_axis": 0, "out_axis": (1, 2)}),
        ((4, 5, 12), "iio", {"in_axis": (0, 1), "out_axis": 2}),
        ((7, 5, 2, 3), "oi*", {"in_axis": 1, "out_axis": 0}),
        ((7, 2, 3, 5), "o*i", {"in_axis": 3, "out_axis": 0}),
    ],
)
def test_fans_of_jax(shape: tuple[int, ...], layout: str, axes: dict[str, Any]) -> None:
    initializers = importlib.import_module("jax._src.nn.initializers")
    assert fans(shape, layout) == initializers._compute_fans(shape, **axes)


@pytest.mark.parametrize(
    ("shape", "layout", "groups", "wanted"),
    [
        pytest.param((16, 32, 3, 3), "io*", 1, (144, 288), id="transposed"),
        pytest.param((16, 8, 3, 3), "io*", 4, (36, 72), id="transposed in groups"),
        pytest.param((64, 1, 3, 3), "oi*", 64, (9, 9), id="depthwise"),
        pytest.param((64, 8, 3), "oi*", 4, (24, 48), id="grouped"),
        pytest.param((3, 3, 1, 64), "*io", 64, (9, 9), id="depthwise of JAX"),
        pytest.param((8, 1024, 4096), "boi", 1, (4096, 1024), id="stacked experts"),
        pytest.param((8, 16, 32, 3), "bio*", 2, (24, 96), id="stacked transposed in groups"),
        pytest.param((12, 4, 5), "ioo", 1, (12, 20), id="heads"),
    ],
)
def test_fans(shape: tuple[int, ...], layout: str, groups: int, wanted: tuple[int, int]) -> None:
    """The fans count what feeds one output and what one input feeds; torch differs for most."""
    assert fans(shape, layout, groups) == wanted


@pytest.mark.parametrize(
    ("mode", "fan"), [("fan_in", 24), ("fan_out", 54), ("fan_avg", 39), ("fan_geo_avg", 36)]
)
def test_modes(mode: str, fan: float) -> None:
    """(9, 4, 6) has the fans 24 and 54, whose means are 39 and 36."""
    resolved = VarianceScaling(mode=mode).resolve((9, 4, 6))
    assert resolved == Normal(0.0, 1 / math.sqrt(fan))


@pytest.mark.parametrize("shape", [(30, 20), (30, 20, 3), (1, 1), (1000, 3, 7, 7)])
@pytest.mark.parametrize("name", PRESETS)
def test_formulas(name: str, shape: tuple[int, ...]) -> None:
    """The std is gain / sqrt(fan), also of truncated values; the bound is sqrt(3) times it."""
    gain, mode = PRESETS[name]
    fan_in, fan_out = shape[1] * math.prod(shape[2:]), shape[0] * math.prod(shape[2:])
    std = gain / math.sqrt(fan_in if mode == "fan_in" else (fan_in + fan_out) / 2)
    bound = math.sqrt(3) * std
    assert preset(name).resolve(shape) == Normal(0, std)
    assert preset(name, "uniform").resolve(shape) == Uniform(-bound, bound)
    assert preset(name, truncated=True).resolve(shape) == TruncatedNormal(0, std, compensate=True)


@settings(deadline=None, derandomize=True)
@given(st.floats(1.5e-154, 1.3e154), st.sampled_from(sorted(PRESETS)))
def test_gain_replaces(gain: float, name: str) -> None:
    """The gain is kept exactly, although its square is stored."""
    assert preset(name, gain=gain, fan=1).resolve((3, 4)) == Normal(0, gain)


@pytest.mark.parametrize(("name", "a"), GAINS)
def test_nonlinearity_is_its_gain(name: str, a: float | None) -> None:
    """It is given by name, with its slope, or as a number."""
    for each in PRESETS:
        assert preset(each, nonlinearity=name, a=a) == preset(each, gain=fastinit.gain(name, a))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "type=None is not an initializer; known are .*Constant, Custom, D"),
        ({"type": "Preset"}, "type='Preset' is not an initializer"),
        ({"type": "Distribution"}, "type='Distribution' is not an initializer"),
        ({"type": "Normal", "sd": 1, "mu": 2}, "Normal has no field mu, sd"),
        ({"type": "Normal", "std": -1}, "std=-1 is negative"),
        ({"type": "VarianceScaling", "mode": "in"}, "mode='in' is not known"),
    ],
)
def test_from_dict_refuses(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Initializer.from_dict(data)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("first", [0.0, -0.0])
def test_zeros_keep_their_sign(first: float, dtype: str) -> None:
    """This holds also where the other zero, which is equal, was drawn before."""
    for value in (first, -first):
        what = Initializer.from_dict(json.loads(json.dumps(Constant(value).to_dict())))
        check_bits(what(5, dtype=dtype), np.full(5, value, dtype_of(dtype)))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        *((value, dtype) for dtype in DTYPES for value in (0.1, -448, True, math.nan)),
        *((value, dtype) for dtype in DTYPES[:4] for value in (math.inf, -math.inf, 65504)),
        *((value, dtype) for dtype in INTEGERS for value in (True, 1, 1.0, -0.0)),
        *((np.iinfo(dtype).min, dtype) for dtype in INTEGERS[1:]),
        *((np.iinfo(dtype).max, dtype) for dtype in INTEGERS[1:]),
        *((each(2**53 + 1), "int64") for each in (int, np.int64, np.uint64)),
        *((value, "float64") for value in (-(2**63), np.finfo("float64").max, 5e-324)),
        (1e-45, "float32"),
        (57344, "float8_e5m2"),
    ],
)
def test_constants(value: float, dtype: str) -> None:
    """Integers are exact; floats are rounded once, from float32 if narrow."""
    wanted = dtype_of(dtype)
    work = wanted if dtype in INTEGERS or dtype == "float64" else np.float32
    check_bits(fastinit.constant(37, value, dtype=dtype), np.full(37, value, work).astype(wanted))


@pytest.mark.parametrize("dtype", [*DTYPES, *INTEGERS])
def test_zeros_and_ones(dtype: str) -> None:
    check_bits(fastinit.zeros((3, 5), dtype=dtype), np.zeros((3, 5), dtype_of(dtype)))
    check_bits(fastinit.ones((3, 5), dtype=dtype), np.ones((3, 5), dtype_of(dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", [Uniform(0.7, 0.7), TruncatedNormal(0.7, 0)], ids=repr)
def test_without_variance(what: Initializer, dtype: str) -> None:
    check_bits(what(37, seed=1, dtype=dtype), fastinit.constant(37, 0.7, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_compensate(dtype: str) -> None:
    """The std is divided by JAX's and Keras' constant, that of a normal truncated at 2 sigmas."""
    drawn = TruncatedNormal(0.1, 0.02, compensate=True)(999, seed=3, dtype=dtype)
    wanted = TruncatedNormal(0.1, 0.02 / 0.87962566103423978)(999, seed=3, name=0, dtype=dtype)
    check_bits(drawn, wanted)


@pytest.mark.parametrize("cut", [(-2, 2), (-1, 3), (0, math.inf), (-math.inf, 0.5), (2, 2.5)])
def test_compensated_std(cut: tuple[float, float]) -> None:
    """The sample variance is tested at p > 1e-4, with its normal error."""
    values = f64(TruncatedNormal(0, 0.02, *cut, compensate=True)(400_000, seed=1))
    squares = (values - values.mean()) ** 2
    error = squares.std() / math.sqrt(squares.size)
    assert 2 * scipy.stats.norm.sf(abs(squares.mean() - 0.02**2) / error) > 1e-4


def test_aliases() -> None:
    """The names of torch are the same functions."""
    for alias, name in (("kaiming", "he"), ("xavier", "glorot")):
        for kind in ("normal", "uniform"):
            assert getattr(fastinit, f"{alias}_{kind}") is getattr(fastinit, f"{name}_{kind}")


FUNCTIONS: list[tuple[str, type[Initializer], tuple[Any, ...]]] = [
    ("constant", Constant, (0.3,)),
    ("normal", Normal, (1, 2)),
    ("uniform", Uniform, (1, 2)),
    ("truncated_normal", TruncatedNormal, (1, 2, -1, 3, True)),
    ("variance_scaling", VarianceScaling, (3, "fan_out", "uniform")),
]
WHERE: dict[str, Any] = {"seed": 5, "name": "w", "dtype": "bfloat16", "index": np.s_[2:, 1]}


@pytest.mark.parametrize(("name", "kind", "arguments"), FUNCTIONS)
def test_functions(name: str, kind: type[Initializer], arguments: tuple[Any, ...]) -> None:
    drawn = getattr(fastinit, name)((6, 4, 3), *arguments, **WHERE)
    check_bits(drawn, kind(*arguments)((6, 4, 3), **WHERE))


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("options", [{}, {"gain": 2, "layout": "*io"}, {"groups": 2}], ids=str)
def test_preset_functions(options: dict[str, Any], name: str, kind: str) -> None:
    """Options of the object and of the array may be mixed."""
    drawn = getattr(fastinit, f"{name}_{kind}")((6, 4, 3), **options, **WHERE)
    check_bits(drawn, preset(name, kind, **options)((6, 4, 3), **WHERE))


def check_distribution(ours: Any, theirs: Any) -> None:
    """Fail if two samples of 200,000 values are of two distributions: p > 1e-4."""
    assert ours.size == theirs.size == 200_000
    assert scipy.stats.ks_2samp(ours.ravel(), theirs.ravel(), method="asymp").pvalue > 1e-4


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize("name", PRESETS)
def test_distribution_of_torch(name: str, kind: str) -> None:
    """The output axis is first; torch's lecun is a kaiming of gain 1."""
    function = getattr(torch.nn.init, f"{'xavier' if name == 'glorot' else 'kaiming'}_{kind}_")
    nonlinearity = {"he": {"nonlinearity": "relu"}, "lecun": {"nonlinearity": "linear"}}
    generator = torch.Generator().manual_seed(11)
    theirs = function(torch.empty(KERNEL), generator=generator, **nonlinearity.get(name, {}))
    check_distribution(preset(name, kind)(KERNEL, seed=21), theirs.numpy())


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("library", ["jax", "keras"])
def test_distribution_of_jax_and_keras(library: str, name: str, kind: str, keras: Any) -> None:
    """The output axis is last; their normals are truncated at 2 sigmas."""
    if library == "jax":
        theirs = getattr(jax.nn.initializers, f"{name}_{kind}")()(jax.random.key(12), KERNEL[::-1])
    else:
        theirs = getattr(keras.initializers, f"{name}_{kind}")(seed=13)(KERNEL[::-1])
    what = preset(name, kind, layout="*io", truncated=kind == "normal")
    check_distribution(what(KERNEL[::-1], seed=22), np.asarray(theirs))
