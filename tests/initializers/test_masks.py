"""Masks are the reference's, to the bit, for every layout, part, dtype and thread count."""

import itertools
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastinit
from fastinit import NM, Bernoulli, Constant, Initializer, Normal, Sparse
from fastinit.native import _cpu, masks
from helpers import reference
from helpers.bits import bits, check_bits
from helpers.dtypes import DTYPES
from helpers.reference import masks as reference_masks
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
        Sparse(0.4, per="tensor", layout=layout),
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
            kinds[stream % len(kinds)],
            "float32",
            shape,
            arrays[-1].ctypes.data,
            seed=1,
            stream=stream,
        )
    with threads(count):
        fill(records)
    for stream, (shape, found) in enumerate(zip(shapes, arrays, strict=True)):
        check_bits(found, kinds[stream % len(kinds)](shape, seed=1, name=stream), shape)


# ---- counts of the whole tensor, and blocks

TOTAL_SHAPES = [(1, 2), (5003,), (33, 71), (3, 5, 7, 2), (300, 1000)]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("shape", TOTAL_SHAPES, ids=str)
def test_counts_of_the_tensor_are_those_of_the_reference(shape: tuple[int, ...], name: str) -> None:
    """Every instruction set runs with one thread and three; the count is exact."""
    size = math.prod(shape)
    for zeros in {1, size // 3, size // 2, size - 1} - {0}:
        expected = reference_masks.kept_total(shape, zeros, 3, "w")
        assert size - expected.sum() == zeros
        for count in (1, 3):
            with instruction_set(name), threads(count):
                masks._border.cache_clear()
                drawn = fastinit.mask(shape, nonzeros=size - zeros, per="tensor", seed=3, name="w")
            check_bits(drawn, expected, (zeros, count))


@pytest.mark.parametrize("nonzeros", [0, 12])
def test_counts_of_the_tensor_at_their_ends(nonzeros: int) -> None:
    """Nothing is counted for all or none."""
    kept = fastinit.mask((3, 4), nonzeros=nonzeros, per="tensor", seed=3)
    assert kept.sum() == nonzeros


@pytest.mark.parametrize("dtype", ["bool", "int8", *DTYPES, "int64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_does_not_matter_to_the_tensor(layout: str, dtype: str) -> None:
    shape = shape_for(layout)
    what = Sparse(0.4, per="tensor", base=Constant(1), layout=layout)
    expected = reference_masks.kept_total(shape, math.ceil(0.4 * math.prod(shape)), 3, "w")
    found = what(shape, seed=3, name="w", dtype=dtype)
    check_bits(found, expected.astype(found.dtype))


BLOCKS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((8, 12), (4, 3)),
    ((64, 96), (16, 16)),
    ((6, 8, 3, 3), (2, 4, 3, 3)),
    ((6, 8, 3, 3), (2, 4, 1, 3)),
    ((6, 8, 3, 3), (1, 1, 3, 1)),
    ((12, 1, 6), (4, 1, 6)),
    ((5000, 8), (5, 1)),
    ((8, 5000), (1, 5)),
    ((4, 5000), (4, 2500)),
    ((2, 4) * 4, (1, 2) * 4),
    ((40,), (1,)),
]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("shape", "block"), BLOCKS, ids=str)
def test_blocks_are_those_of_the_reference(
    shape: tuple[int, ...], block: tuple[int, ...], name: str
) -> None:
    """Whole blocks are kept, exactly as many as were asked for, or by a probability."""
    grid = tuple(size // each for size, each in zip(shape, block, strict=True))
    zeros = math.ceil(0.7 * math.prod(grid))
    where: dict[str, Any] = {"block": block, "seed": 3, "name": "w"}
    for count in (1, 3):
        with instruction_set(name), threads(count):
            counted = fastinit.mask(shape, 0.7, per="tensor", **where)
            single = fastinit.bernoulli(shape, 0.3, **where)
        expected = reference_masks.kept_total(grid, zeros, 3, "w")
        check_bits(counted, reference_masks.blocks_of(expected, block), "counted")
        expected = reference_masks.kept_bernoulli(grid, 0.3, 3, "w")
        check_bits(single, reference_masks.blocks_of(expected, block), "single")
    weights = (math.prod(grid) - zeros) * math.prod(block)
    same = fastinit.mask(shape, nonzeros=weights, per="tensor", **where)
    check_bits(same, counted)


@pytest.mark.parametrize("dtype", ["bool", "float16", "float32", "float64"])
def test_blocks_in_items_of_every_size(dtype: str) -> None:
    where: dict[str, Any] = {"seed": 3, "name": "w", "dtype": dtype}
    expected = fastinit.mask((64, 96), 0.7, per="tensor", block=(4, 6), seed=3, name="w")
    found = Sparse(0.7, per="tensor", block=(4, 6), base=Constant(1))((64, 96), **where)
    check_bits(found, expected.astype(found.dtype))


@pytest.mark.parametrize(("shape", "block"), BLOCKS, ids=str)
def test_any_part_of_blocks_and_of_counts_of_the_tensor(
    shape: tuple[int, ...], block: tuple[int, ...]
) -> None:
    kinds = [
        Sparse(0.7, per="tensor", block=block),
        Sparse(0.7, per="tensor"),
        Bernoulli(0.3, block=block, base="normal"),
    ]
    random = np.random.default_rng(0)
    for what in kinds:
        whole = what(shape, seed=4, name=0)
        for _ in range(10):
            starts = [int(random.integers(0, size)) for size in shape]
            stops = [int(random.integers(a, n)) + 1 for a, n in zip(starts, shape, strict=True)]
            index = tuple(itertools.starmap(slice, zip(starts, stops, strict=True)))
            check_bits(
                what(shape, seed=4, name=0, index=index), np.ascontiguousarray(whole[index]), index
            )


def border_of_a_tie(count: int) -> tuple[int, list[int]]:
    """How many zeros split elements with equal words, and these elements."""
    words = reference.words(np.arange(count), 0, 0, 2).astype(np.uint64)
    order = np.argsort(words, kind="stable")
    (at,) = np.nonzero(words[order][1:] == words[order][:-1])
    first = int(at[len(at) // 2])
    return first + 1, [int(order[first]), int(order[first + 1])]


def test_equal_words_at_the_border() -> None:
    """The first of the two is zeroed; the count is exact, also in parts and in scipy's arrays."""
    count = 300_000
    zeros, (first, second) = border_of_a_tie(count)
    shape = (500, 600)
    where: dict[str, Any] = {"nonzeros": count - zeros, "per": "tensor", "seed": 0, "name": 0}
    kept = fastinit.mask(shape, **where)
    check_bits(kept, reference_masks.kept_total(shape, zeros, 0, 0))
    assert (kept.ravel()[first], kept.ravel()[second]) == (False, True)
    for at in (first, second):
        row, column = divmod(at, 600)
        index = np.s_[row : row + 2, column : column + 3]
        check_bits(fastinit.mask(shape, **where, index=index), np.ascontiguousarray(kept[index]))
    for form in ("csr", "csc", "coo"):
        found = fastinit.sparse(shape, **where, base="ones", format=form)
        assert found.nnz == count - zeros
        check_bits(found.toarray() != 0, kept)


def test_equal_words_of_blocks_at_the_border() -> None:
    count = 300_000
    zeros, _ = border_of_a_tie(count)
    shape, block = (500, 600 * 3), (1, 3)
    where: dict[str, Any] = {"per": "tensor", "block": block, "seed": 0, "name": 0}
    kept = fastinit.mask(shape, nonzeros=3 * (count - zeros), **where)
    expected = reference_masks.kept_total((500, 600), zeros, 0, 0)
    check_bits(kept, reference_masks.blocks_of(expected, block))
    found = fastinit.sparse(shape, nonzeros=3 * (count - zeros), **where, base="ones", format="csr")
    check_bits(found.toarray() != 0, kept)


def test_pieces_of_a_count_of_the_tensor(tmp_path: Path) -> None:
    """A file is written in flat pieces, for which the border is found once."""
    shape = (3000, 2000)
    plan = fastinit.Plan({"w": shape}, [("**", Sparse(0.9, per="tensor", std=1.0))], seed=5)
    masks._border.cache_clear()
    plan.save(tmp_path / "w.safetensors")
    assert masks._border.cache_info().currsize == 1
    assert masks._border.cache_info().hits > masks._border.cache_info().misses
    assert fastinit.verify(tmp_path / "w.safetensors").ok
    assert all(template.elementwise for template in plan["w"].templates)
    assert (plan.init()["w"] == 0).sum() == 5_400_000


def test_too_many_weights() -> None:
    shape = (1 << 16, 1 << 16)
    with pytest.raises(ValueError, match="4294967296 weights to choose from; 4294967295 or fewer"):
        fastinit.mask(shape, 0.5, per="tensor", index=np.s_[:1, :1])
    kept = Sparse(0.5, per="tensor", block=(1 << 10, 1 << 10), base=Constant(1))
    part = kept(shape, seed=0, dtype="bool", index=np.s_[1000:1048, 5])
    assert part.shape == (48,)


def test_border_refuses_what_has_none() -> None:
    for count, zeros in [(5, 0), (5, 5), (1 << 32, 7)]:
        with pytest.raises(ValueError, match="zeros is not inside of count"):
            _cpu.mask_border(0, 0, count, zeros)


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
