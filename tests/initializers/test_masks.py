"""Masks are the reference's, to the bit, for every layout, part, dtype and thread count."""

import math
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastinit
from fastinit import NM, Bernoulli, Constant, Initializer, Normal, Sparse
from helpers import reference, reference_masks
from helpers.bits import bits, check_bits
from helpers.dtypes import DTYPES
from helpers.requests import fill, requests_for
from helpers.settings import SETS, instruction_set, threads

LAYOUTS = ["oi*", "io*", "*io", "boi", "bio*", "o*i", "i*o", "oib", "obi", "iob", "bo*i", "ioo"]
LAYOUTS += ["i*ob", "oi", "io", "obbi"]
SIZES = {"o": 6, "i": 8, "b": 3}
KERNEL = (3, 2)
SHAPES = [
    (1, 1),
    (1, 7),
    (7, 1),
    (5, 3),
    (3, 500),
    (500, 3),
    (64, 64),
    (33, 2100),
    (2100, 33),
    (129, 71),
]


def shape_for(layout: str) -> tuple[int, ...]:
    """A shape of this layout."""
    sizes = [(SIZES[letter],) if letter != "*" else KERNEL for letter in layout]
    return tuple(size for group in sizes for size in group)


def counts(length: int) -> list[int]:
    """None, one, a third, all except one, and all."""
    return sorted({0, 1, length // 3, length - 1, length})


@pytest.mark.parametrize("per", ["in", "out"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_counts(shape: tuple[int, int], per: str) -> None:
    """Every column or row has exactly the number that was asked for."""
    axis = 0 if per == "in" else 1
    for nonzeros in counts(shape[axis]):
        kept = fastinit.mask(shape, nonzeros=nonzeros, per=per, seed=1, name=0)
        assert kept.dtype == np.bool_
        assert np.all(kept.sum(axis=axis) == nonzeros), nonzeros


@pytest.mark.parametrize("per", ["in", "out"])
@pytest.mark.parametrize("sparsity", [0, 0.07, 0.1, 0.5, 0.9, 0.999, 1, np.float32(0.3)])
def test_sparsity(sparsity: float, per: str) -> None:
    """There are ceil(sparsity * n) zeros, as torch counts them."""
    shape = (100, 130)
    drawn = fastinit.sparse(shape, sparsity, per=per, seed=1)
    n = 100 if per == "in" else 130
    zeros = (drawn == 0).sum(axis=0 if per == "in" else 1)
    assert np.all(zeros == math.ceil(float(sparsity) * n))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("per", ["in", "out"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matrices_are_those_of_the_reference(shape: tuple[int, int], per: str, name: str) -> None:
    """Every instruction set runs with one thread and three."""
    nonzeros = max(1, shape[0 if per == "in" else 1] // 3)
    expected = reference_masks.kept_per(shape, per, nonzeros, 3, "w", "oi")
    for count in (1, 3):
        with instruction_set(name), threads(count):
            drawn = fastinit.mask(shape, nonzeros=nonzeros, per=per, seed=3, name="w")
        check_bits(drawn, expected, count)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", ["bool", "int8", *DTYPES, "int64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_those_of_the_reference(layout: str, dtype: str, name: str) -> None:
    """Counts per input, per output and n of m, wherever the axes lie, in elements of any size."""
    shape = shape_for(layout)
    ones: dict[str, Any] = {"seed": 3, "name": "w", "dtype": dtype}
    with instruction_set(name):
        drawn = {
            per: Sparse(nonzeros=2, per=per, base=Constant(1), layout=layout)(shape, **ones)
            for per in ("in", "out")
        }
        grouped = fastinit.n_m(shape, 1, 4, layout=layout, **ones)
        single = fastinit.bernoulli(shape, 0.3, layout=layout, **ones)
    for per, found in drawn.items():
        expected = reference_masks.kept_per(shape, per, 2, 3, "w", layout)
        check_bits(found, expected.astype(found.dtype), per)
    expected = reference_masks.kept_n_m(shape, 1, 4, 3, "w", layout)
    check_bits(grouped, expected.astype(grouped.dtype), "n_m")
    expected = reference_masks.kept_bernoulli(shape, 0.3, 3, "w")
    check_bits(single, expected.astype(single.dtype), "bernoulli")


def masked(layout: str) -> list[Initializer]:
    """One initializer of each kind of mask."""
    return [
        Sparse(nonzeros=2, layout=layout),
        Sparse(nonzeros=5, per="out", layout=layout),
        NM(3, 4, base="he_normal", layout=layout),
        Bernoulli(0.4, base="lecun_uniform", layout=layout),
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_part(layout: str) -> None:
    """Value, shape and dtype are those of whole[index]."""
    shape = shape_for(layout)
    drawn_whole = [(what, what(shape, seed=4, name=0)) for what in masked(layout)]

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        index: list[int | slice] = []
        for size in shape:
            start = data.draw(st.integers(0, size - 1))
            stop = data.draw(st.integers(start + 1, size))
            taken: list[int | slice] = [slice(start, stop), slice(None), start]
            index.append(data.draw(st.sampled_from(taken)))
        for what, expected in drawn_whole:
            drawn = what(shape, seed=4, name=0, index=tuple(index))
            check_bits(drawn, np.asarray(expected[tuple(index)]), (what, index))

    check()


@pytest.mark.parametrize("per", ["in", "out"])
def test_rows_of_a_far_part(per: str) -> None:
    """The array is too large for any machine, and the part is in columns far beyond 2^32."""
    shape = (5, 1 << 40) if per == "in" else (1 << 40, 5)
    far = slice((1 << 39) - 3, (1 << 39) + 1000)
    index = (slice(1, 4), far) if per == "in" else (far, slice(1, 4))
    drawn = fastinit.mask(shape, nonzeros=2, per=per, seed=9, index=index)
    columns = np.arange(far.start, far.stop)
    flat = (
        np.arange(5)[:, None] * (1 << 40) + columns
        if per == "in"
        else columns * 5 + np.arange(5)[:, None]
    )
    need, kept = np.full(len(columns), 3, np.uint64), []
    for at, line in enumerate(flat):
        zeroed = reference.words(line, 9, 0, 2) * np.uint64(5 - at) >> np.uint64(32) < need
        need -= zeroed
        kept.append(~zeroed)
    expected = np.array(kept)[1:4]
    check_bits(drawn, expected if per == "in" else np.ascontiguousarray(expected.T))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("per", ["in", "out"])
def test_kept_values_are_those_of_the_dense_array(per: str, dtype: str) -> None:
    """The bits are equal; the others are +0."""
    where: dict[str, Any] = {"seed": 5, "name": "w", "dtype": dtype}
    dense = fastinit.he_normal((257, 301), **where)
    kept = fastinit.mask((257, 301), 0.8, per=per, seed=5, name="w")
    drawn = fastinit.sparse((257, 301), 0.8, base="he_normal", per=per, **where)
    check_bits(bits(drawn), np.where(kept.ravel(), bits(dense), bits(dense).dtype.type(0)))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_threads(count: int) -> None:
    """One call also draws many tensors."""
    shapes = [(300, 1000), (1000, 300), (16, 8, 3, 3), (5, 8), (4000, 8)]
    records, arrays, kinds = [], [], masked("oi*")
    for stream, shape in enumerate(shapes):
        arrays.append(np.zeros(shape, np.float32))
        records += requests_for(
            kinds[stream % 4], "float32", shape, arrays[-1].ctypes.data, seed=1, stream=stream
        )
    with threads(count):
        fill(records)
    for stream, (shape, found) in enumerate(zip(shapes, arrays, strict=True)):
        check_bits(found, kinds[stream % 4](shape, seed=1, name=stream), shape)


def test_digests() -> None:
    """A few masks' checksums are fixed for every instruction set."""
    expected: dict[Initializer, int] = {}
    for name in SETS:
        with instruction_set(name):
            for what in masked("oi*"):
                found = zlib.crc32(bits(what((40, 24, 3, 3), seed=7, name=0)).tobytes())
                assert expected.setdefault(what, found) == found, (name, what)


def test_std_is_short_for_a_normal() -> None:
    """Equal draws are equal objects."""
    assert Sparse(0.5, base=Normal(0.0, 0.02)) == Sparse(0.5, std=0.02)
    assert Sparse(0.5).std == 0.01


@pytest.mark.parametrize(
    ("what", "std"),
    [
        (Sparse(nonzeros=16, per="out", base="he_normal", correct_fan=True), math.sqrt(2 / 16)),
        (Sparse(0.75, base="he_normal", correct_fan=True), math.sqrt(2 / (400 / 4))),
        (NM(1, 4, base="lecun_normal", correct_fan=True), math.sqrt(1 / (400 / 4))),
        (Bernoulli(0.1, base="lecun_normal", correct_fan=True), math.sqrt(1 / 40)),
    ],
    ids=str,
)
def test_corrected_fans(what: Initializer, std: float) -> None:
    """The values are those of the fan that is left."""
    drawn = what((800, 400), seed=1)
    dense = Normal(0.0, std)((800, 400), seed=1, name=0)
    np.testing.assert_allclose(drawn[drawn != 0], dense[drawn != 0], rtol=1e-6)
