"""The initializers of ``fastinit.jax``: JAX's own cases, eagerly and in compiled programs."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fastinit
import fastinit.jax as ours
from fastinit.initializers.distributions.presets import PRESETS
from helpers.bits import check_bits, f64

theirs = jax.nn.initializers
KEY = jax.random.key(3)

SHAPES = [(2,), (2, 2), (2, 3), (3, 2), (2, 3, 4), (4, 3, 2), (2, 3, 4, 5)]
FLOATS = ("float16", "float32", "bfloat16")
EIGHT_BITS = ("float8_e4m3fn", "float8_e5m2")


def geometric(dtype: Any = None) -> Any:
    return ours.variance_scaling(1, "fan_geo_avg", "normal", dtype=dtype)


# The function, and the least and most axes of its shapes.
CASES = [
    (ours.uniform, 1, 4),
    (ours.normal, 1, 4),
    (ours.truncated_normal, 1, 4),
    *((getattr(ours, name), 2, 4) for name in PRESETS),
    (geometric, 2, 4),
    (ours.orthogonal, 2, 4),
    (ours.delta_orthogonal, 4, 4),
]


@pytest.mark.parametrize(
    ("function", "least", "most"), CASES, ids=lambda case: getattr(case, "__name__", "")
)
def test_shapes_and_dtypes(function: Callable[..., Any], least: int, most: int) -> None:
    """The dtype comes from the call or from the function, and compiled programs draw the same."""
    key = jax.random.PRNGKey(0)
    dtypes = FLOATS if "orthogonal" in function.__name__ else FLOATS + EIGHT_BITS
    for shape in (each for each in SHAPES if least <= len(each) <= most):
        for dtype in dtypes:
            drawn = function()(key, shape, dtype)
            assert (drawn.shape, drawn.dtype) == (shape, dtype)
            check_bits(function(dtype=dtype)(key, shape), drawn)
    check_bits(jax.jit(function(dtype=dtype), static_argnums=1)(key, shape), drawn)


@pytest.mark.parametrize("name", [name for name in ours.__all__ if hasattr(theirs, name)])
def test_signatures_are_those_of_jax(name: str) -> None:
    """The same names in the same order, with the same defaults."""
    own, expected = (
        [
            (each.name, each.default)
            for each in inspect.signature(getattr(module, name)).parameters.values()
        ]
        for module in (ours, theirs)
    )
    if name != "Initializer":
        assert own == expected


def test_all_names_of_jax_are_there() -> None:
    assert {name for name in dir(theirs) if not name.startswith("_")} <= set(dir(ours))
    assert isinstance(ours.he_normal(), theirs.Initializer)
    call = inspect.signature(ours.Initializer.__call__).parameters
    assert list(call)[1:] == list(inspect.signature(theirs.Initializer.__call__).parameters)[1:]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_those_of_the_table(name: str) -> None:
    """They draw what the row draws in JAX's layout, which truncates normals."""
    truncated = PRESETS[name].distribution == "normal"
    for shape in ((40, 30), (3, 3, 8, 16)):
        drawn = getattr(ours, name)()(jax.random.key(7), shape)
        row = PRESETS[name](layout="*io", truncated=truncated)
        check_bits(drawn, row(shape, seed=7, name=0))


@pytest.mark.parametrize(
    ("mode", "distribution", "axes"),
    [
        ("fan_in", "truncated_normal", {}),
        ("fan_out", "normal", {}),
        ("fan_geo_avg", "uniform", {}),
        ("fan_avg", "truncated_normal", {"in_axis": (0, 1), "out_axis": (-2, -1)}),
        ("fan_avg", "uniform", {"in_axis": 0, "out_axis": (2, 3), "batch_axis": 1}),
        ("fan_in", "normal", {"in_axis": -2, "out_axis": 2}),
        ("fan_out", "normal", {"in_axis": [-2], "out_axis": [-1], "batch_axis": [0]}),
    ],
)
def test_deviations_are_those_of_jax(mode: str, distribution: str, axes: dict[str, Any]) -> None:
    """Both have the same standard deviation, to five deviations of its estimate."""
    shape = (10, 12, 14, 16)
    mine, other = (
        f64(module.variance_scaling(2.0, mode, distribution, **axes)(KEY, shape)).std()
        for module in (ours, theirs)
    )
    assert math.isclose(mine, other, rel_tol=5 * math.sqrt(2 / (2 * math.prod(shape))))


@pytest.mark.parametrize("name", ["uniform", "normal", "truncated_normal"])
def test_scales_are_those_of_jax(name: str) -> None:
    mine, other = (f64(getattr(module, name)(0.5)(KEY, (100, 100))) for module in (ours, theirs))
    assert math.isclose(mine.mean(), other.mean(), abs_tol=0.02)
    assert math.isclose(mine.std(), other.std(), rel_tol=0.04)
    limits = {"uniform": (0.0, 0.5), "normal": (-5.0, 5.0), "truncated_normal": (-1.0, 1.0)}[name]
    assert limits[0] <= mine.min()
    assert mine.max() <= limits[1]


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 4)])
def test_columns_are_those_of_jax(shape: tuple[int, ...], axis: int) -> None:
    """The same sides are orthonormal."""
    for module in (ours, theirs):
        drawn = np.moveaxis(f64(module.orthogonal(2.0, axis)(KEY, shape)), axis, -1)
        matrix = drawn.reshape(-1, drawn.shape[-1]) / 2.0
        small = matrix.T @ matrix if len(matrix) >= matrix.shape[1] else matrix @ matrix.T
        assert np.allclose(small, np.eye(len(small)), atol=1e-5)


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("shape", [(3, 4, 6), (3, 5, 4, 4), (1, 2, 3, 4, 6)])
def test_delta_orthogonal_is_that_of_jax(shape: tuple[int, ...], axis: int) -> None:
    """The middle holds a matrix with orthonormal rows, all else is zero."""
    for module in (ours, theirs):
        drawn = f64(module.delta_orthogonal(column_axis=axis)(KEY, shape))
        middle = drawn[tuple((size - 1) // 2 for size in shape[:-2])]
        assert np.allclose(middle @ middle.T, np.eye(shape[-2]), atol=1e-5)
        assert np.count_nonzero(drawn) == middle.size


def test_constants_are_jax_itself() -> None:
    assert ours.zeros is theirs.zeros
    assert ours.ones is theirs.ones
    assert ours.constant is theirs.constant


def test_numbers_of_jax_do_not_widen() -> None:
    """A float32 scalar as the scale leaves the dtype as it is, traced or not."""
    scale = jnp.array(1.0, jnp.float32)
    for function in (ours.uniform, ours.normal, ours.truncated_normal):
        drawn = function(scale, jnp.bfloat16)(KEY, (4, 4))
        assert drawn.dtype == jnp.bfloat16
        traced = jax.jit(lambda s, f=function: f(s, jnp.bfloat16)(KEY, (4, 4)))(scale)
        check_bits(traced, drawn)


def test_any_other_initializer() -> None:
    """Masks, products and the like are drawn eagerly and in programs."""
    for drawn in (
        fastinit.SirenUniform(layout="*io"),
        fastinit.Sparse(0.5, layout="*io"),
        fastinit.Sparse(0.5, per="tensor", base=fastinit.Orthogonal(layout="*io"), layout="*io"),
        fastinit.LogUniform(0.1, 1.0),
    ):
        init = ours.initializer(drawn, "bfloat16" if "Log" in repr(drawn) else None)
        expected = drawn((8, 12), seed=3, name=0, dtype=init.dtype)
        check_bits(init(KEY, (8, 12)), expected, drawn)
        check_bits(jax.jit(lambda key, init=init: init(key, (8, 12)))(KEY), expected, drawn)


def test_empty_shapes() -> None:
    for shape in ((0, 4), (3, 0, 2)):
        for init in (ours.he_normal(), ours.orthogonal(), ours.normal()):
            assert init(KEY, shape).shape == shape
            assert jax.jit(lambda key, init=init, shape=shape: init(key, shape))(KEY).shape == shape
    assert ours.normal()(KEY, ()).shape == ()
    check_bits(jax.jit(lambda key: ours.normal()(key, ()))(KEY), ours.normal()(KEY, ()))


def test_64_bits() -> None:
    """They are an option of JAX, which warns where it is off."""
    with pytest.warns(UserWarning, match="float64"):
        assert ours.he_normal()(KEY, (4, 4), "float64").dtype == "float32"
    with jax.enable_x64(True):
        drawn = ours.he_normal()(jax.random.key(3), (4, 4))
        assert drawn.dtype == "float64"
        expected = fastinit.HeNormal(layout="*io", truncated=True)
        check_bits(drawn, expected((4, 4), seed=3, name=0, dtype="float64"))
        check_bits(jax.jit(lambda key: ours.he_normal()(key, (4, 4)))(jax.random.key(3)), drawn)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ours.he_normal()(KEY, (5,)), ValueError, r"in_axis=\(\) and out_axis=0"),
        (lambda: ours.he_normal(in_axis=4)(KEY, (5, 5)), ValueError, "in_axis=4 is not an axis"),
        (lambda: ours.variance_scaling(1, "fan", "normal"), ValueError, "mode='fan'"),
        (lambda: ours.variance_scaling(1, "fan_in", "cauchy"), ValueError, "distribution='cauchy'"),
        (lambda: ours.orthogonal()(KEY, (5,)), ValueError, "a matrix needs two or more"),
        (lambda: ours.orthogonal(1.0, 2)(KEY, (5, 5)), ValueError, "column_axis=2"),
        (lambda: ours.delta_orthogonal()(KEY, (5, 5)), ValueError, "3, 4 or 5"),
        (lambda: ours.delta_orthogonal()(KEY, (3, 6, 5)), ValueError, "as many outputs"),
        (lambda: ours.he_normal()(0, (5, 5)), TypeError, "key"),
        (lambda: ours.he_normal()(jax.random.split(KEY, 2), (5, 5)), ValueError, "jax.vmap"),
        (lambda: ours.he_normal()(KEY, (5, 5), "int32"), ValueError, "dtype=int32"),
        (lambda: ours.he_normal()(KEY, (0, 5), "int4"), ValueError, "dtype=int4 is not drawn"),
        (
            lambda: jax.eval_shape(lambda: ours.he_normal()(KEY, (0, 5), "int4")),
            ValueError,
            "dtype=int4 is not drawn",
        ),
        (
            lambda: ours.initializer(ours.he_normal()),  # type: ignore[arg-type]
            TypeError,
            "not an initializer of fastinit",
        ),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_representations() -> None:
    """An initializer shows the call that makes it, as flax prints the fields of modules."""
    for text in (
        "he_normal()",
        "glorot_uniform(in_axis=0, out_axis=1, dtype='bfloat16')",
        "variance_scaling(scale=1.0, mode='fan_in', distribution='normal', out_axis=0)",
        "orthogonal(scale=2.0)",
        "delta_orthogonal(column_axis=-2)",
        "initializer(Normal(std=0.02))",
    ):
        assert repr(eval(text, vars(fastinit) | vars(ours))) == text
