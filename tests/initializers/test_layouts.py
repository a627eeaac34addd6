"""Layouts: fans of any axes, as JAX and Keras count them, and matrices along any axis."""

import importlib
import itertools
import math
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit.initializers.fans import axes_of, fan, fans
from helpers.bits import check_bits

LETTERS = "oib*"


@pytest.mark.parametrize(
    ("shape", "layout", "expected"),
    [
        ((), "*", (1, 1)),
        ((7,), "o", (1, 7)),
        ((7,), "i", (7, 1)),
        ((7,), "*", (7, 7)),
        ((7,), "b", (1, 1)),
        ((7,), "o*", (1, 7)),
        ((3, 7), "bo", (1, 7)),
        ((3, 7), "ok", (7, 21)),
        ((3, 7), "kk", (21, 21)),
        ((3, 5, 7), "kio", (15, 21)),
        ((3, 5, 7), "iko", (15, 35)),
        ((3, 5, 2, 7), "kiko", (30, 42)),
        ((3, 5, 2, 7), "k*", (210, 210)),
        ((3, 5, 2, 7), "ki*o", (30, 42)),
        ((11, 3, 5, 2, 7), "bkiko", (30, 42)),
    ],
)
def test_fans(shape: tuple[int, ...], layout: str, expected: tuple[int, int]) -> None:
    """Axes that a layout lacks have size 1; kernel axes may be anywhere."""
    assert fans(shape, layout) == expected


@pytest.mark.parametrize("rank", range(5))
def test_fans_by_definition(rank: int) -> None:
    """All orders of letters: the product of kernel axes, times that of inputs or of outputs."""
    shape = (2, 3, 5, 7)[:rank]
    for letters in itertools.product(LETTERS, repeat=rank):
        layout = "".join(letters).replace("*", "k") or "*"
        size = {
            letter: math.prod(n for n, each in zip(shape, letters, strict=True) if each == letter)
            for letter in LETTERS
        }
        assert axes_of(shape, layout) == "".join(letters)
        assert fans(shape, layout) == (size["i"] * size["*"], size["o"] * size["*"])


def test_fans_are_those_of_jax() -> None:
    """For every choice of input, output and batch axes."""
    pytest.importorskip("jax")
    from jax._src.nn.initializers import _compute_fans

    shape = (2, 3, 5, 7)
    for letters in itertools.product("oib*", repeat=4):
        axes = {
            letter: tuple(k for k, each in enumerate(letters) if each == letter)
            for letter in LETTERS
        }
        theirs = _compute_fans(shape, axes["i"], axes["o"], axes["b"])
        assert fans(shape, "".join(letters).replace("*", "k")) == theirs


def test_fans_of_vectors_are_those_of_keras() -> None:
    pytest.importorskip("keras")
    compute_fans = importlib.import_module(
        "keras.src.initializers.random_initializers"
    ).compute_fans
    shapes: list[tuple[int, ...]] = [(), (7,), (3, 7), (4, 3, 7), (5, 4, 3, 7)]
    for shape in shapes:
        assert fans(shape, "*io" if len(shape) > 1 else "*") == compute_fans(shape)


def test_groups_of_a_transposed_convolution() -> None:
    """Its input axis counts all groups, whichever way its kernel axes are written."""
    for layout in ("io*", "iokk", "iok*"):
        assert fans((6, 2, 3, 5), layout, groups=3) == (30, 30)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
@pytest.mark.parametrize("shape", [(0,), (0, 4), (4, 0), (3, 0, 4), (0, 0)])
def test_fans_of_empty_shapes(shape: tuple[int, ...], mode: str) -> None:
    """They have an answer, so that a plan can hold such parameters."""
    for layout in ("*", "o*", "i*", "*o"):
        assert fan(shape, mode, layout, 1) >= 1
        found = fastinit.HeNormal(mode=mode, layout=layout).resolve(shape)
        assert found(shape, seed=0).shape == shape


@pytest.mark.parametrize("name", ["he_normal", "glorot_uniform", "lecun_normal"])
def test_biases(name: str) -> None:
    """A bias draws what its fan says, and an unknown layout is still an error."""
    drawn = getattr(fastinit, name)(5, layout="o", seed=0)
    fan_of = {"he_normal": 1, "glorot_uniform": 3, "lecun_normal": 1}[name]
    check_bits(drawn, getattr(fastinit, name)(5, fan=fan_of, seed=0, name=0))
    with pytest.raises(ValueError, match="of a bias, 'o'"):
        getattr(fastinit, name)(5, seed=0)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (fastinit.he_normal, {}),
        (fastinit.orthogonal, {}),
        (fastinit.sparse, {"sparsity": 0.5}),
        (fastinit.sparse, {"sparsity": 0.5, "per": "out"}),
        (fastinit.n_m, {"n": 2, "m": 5}),
        (fastinit.dirac, {}),
        (fastinit.delta_orthogonal, {}),
        (lambda shape, **options: fastinit.factorized(shape, **options)[0], {"rank": 2}),
    ],
)
def test_single_kernel_axes_are_kernel_axes(function: Any, options: dict[str, Any]) -> None:
    """The layouts kkio, k*io and *io are one for a shape of four axes."""
    first, *others = (
        function((3, 4, 5, 6), layout=layout, seed=0, name=0, **options)
        for layout in ("*io", "kkio", "k*io")
    )
    for other in others:
        check_bits(other, first)


def test_kernel_axes_in_two_places() -> None:
    """Moving the axes of a kernel moves the identity, the matrices and the samples with them."""
    shape = (3, 4, 5, 6)  # as kiko: kernel 3 x 5, 4 inputs, 6 outputs
    identity = fastinit.identity(shape, layout="kiko")
    assert np.array_equal(identity[1, :, 2], np.eye(4, 6, dtype=np.float32))
    assert (identity != 0).sum() == 4
    delta = fastinit.delta_orthogonal(shape, layout="kiko", seed=0)
    assert np.allclose(delta[1, :, 2] @ delta[1, :, 2].T, np.eye(4), atol=1e-6)
    assert (delta != 0).sum() == 24
    sparse = fastinit.sparse(
        shape, nonzeros=7, per="out", layout="kiko", base="he_normal", seed=0, name=0
    )
    assert set((sparse != 0).sum(axis=(0, 1, 2)).tolist()) == {7}


def check_orthonormal(matrix: Any) -> None:
    """Rows are orthonormal where they are fewer than columns, else columns."""
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    assert np.abs(small @ small.T - np.eye(len(small))).max() < 1e-6


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (3, 4, 5), (2, 3, 9, 2)])
@pytest.mark.parametrize(("layout", "axis"), [("*o", -1), ("o*", 0), ("io*", 1), ("*oi", -2)])
def test_column_axis(shape: tuple[int, ...], layout: str, axis: int) -> None:
    """The output axis is the column_axis of JAX: both have the same orthonormal side."""
    jax = pytest.importorskip("jax")
    ours = fastinit.orthogonal(shape, layout=layout, seed=0)
    init = jax.nn.initializers.orthogonal(column_axis=axis)
    for drawn in (ours, np.asarray(init(jax.random.key(0), shape))):
        check_orthonormal(np.moveaxis(drawn, axis, 0).reshape(shape[axis], -1))


CAPITALS = {
    "OIHW": "oikk",
    "HWIO": "kkio",
    "OHWI": "okki",
    "IOHW": "iokk",
    "DHWIO": "kkkio",
    "OIW": "oik",
    "WIO": "kio",
    "OI": "oi",
    "IO": "io",
}


@pytest.mark.parametrize("layout", CAPITALS)
def test_capitals(layout: str) -> None:
    """The names of layouts that JAX has are those of letters here, in every initializer."""
    letters = CAPITALS[layout]
    assert fastinit.HeNormal(layout=layout) == fastinit.HeNormal(layout=letters)
    assert fastinit.Orthogonal(layout=layout) == fastinit.Orthogonal(layout=letters)
    assert fastinit.Dirac(layout=layout) == fastinit.Dirac(layout=letters)
    sparse = fastinit.Sparse(0.5, base="he_normal", layout=layout)
    assert sparse == fastinit.Sparse(0.5, base=fastinit.HeNormal(layout=letters), layout=letters)
    assert fastinit.HeNormal(layout=layout).to_dict()["layout"] == letters
    shape = tuple({"o": 8, "i": 4, "k": 3}[letter] for letter in letters)
    fan_in = 4 * 3 ** letters.count("k")
    assert fastinit.HeNormal(layout=layout).resolve(shape) == fastinit.Normal(
        0.0, math.sqrt(2) / math.sqrt(fan_in)
    )
    named = "factorized" if letters[0] == "o" or letters[-1] == "o" else None
    if named:
        left, right = fastinit.factorized(shape, 2, layout=layout, seed=0)
        assert (2 in left.shape, 2 in right.shape) == (True, True)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "NCDHW", "channels_last"])
def test_layouts_of_activations(layout: str) -> None:
    with pytest.raises(ValueError, match=f"layout='{layout}' is .*a layout of activations, and"):
        fastinit.HeNormal(layout=layout)


@pytest.mark.parametrize("layout", ["OIHWX", "OIhw", "oihw", "HWCN", "torch"])
def test_layouts_that_are_not_understood(layout: str) -> None:
    with pytest.raises(ValueError, match=r"one letter per axis: o \(output\).*JAX and Keras"):
        fastinit.HeNormal(layout=layout)
