"""Parts have exactly the values of the whole array, at any offset and of any rank."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastinit
from fastinit.native.box import part
from fastinit.native.request import MAXIMUM_RANK
from helpers import reference
from helpers.bits import bits, check_bits, f64
from helpers.dtypes import DTYPES
from helpers.records.initializers import RECORDS
from helpers.records.record import Record
from helpers.settings import SETS, instruction_set

ANY_SHAPE = [name for name, record in RECORDS.items() if record.least_rank is not None]
DRAWS = [name for name in ANY_SHAPE if RECORDS[name].elementwise and RECORDS[name].random]
NORMAL = RECORDS["normal"]
VECTORS = [name for name in DRAWS if RECORDS[name].least_rank == 0]
CARRY = 1 << 34  # the first element of a block whose number has a second word
DEEP = (3,) * 10
INNER = np.s_[:2, 1:, :2, 1:, :2, 1:, :2, 1:, :2, 1:]
FAR: list[tuple[tuple[int, ...], Any]] = [
    ((1 << 57,), np.s_[-701:]),
    ((1 << 57,), np.s_[(1 << 32) - 350 : (1 << 32) + 351]),
    ((1 << 40, 1 << 17), np.s_[(1 << 39) + 5, 3:3003]),
    ((1 << 20, 1 << 20, 1 << 17), np.s_[-3:, -5:, -37:]),
    ((1 << 20, 1 << 20, 1 << 17), np.s_[(1 << 20) - 9 :, 12345, 77]),
    ((3, (1 << 55) + 1), np.s_[1:, (1 << 55) - 30 :]),
    ((1 << 19, 3, 1 << 19, 3, 1 << 15), np.s_[-2:, 1:, 7:9, :2, 100:131]),
    (((1 << 58) - 1,), np.s_[-9:]),
]


@st.composite
def selections(draw: st.DrawFn, size: int) -> int | slice:
    """An integer or a slice of one axis, whose ends may be open or negative."""
    start = draw(st.integers(0, max(size - 1, 0)))
    stop = draw(st.integers(min(start + 1, size), size))
    if size and draw(st.integers(0, 3)) == 0:
        return start - size * draw(st.integers(0, 1))
    if draw(st.integers(0, 15)) == 15:
        start, stop = stop, start
    negative = (n - size if n < size and draw(st.booleans()) else n for n in (start, stop))
    first, last = (None if n == end else n for n, end in zip(negative, (0, size), strict=True))
    return slice(first, last, draw(st.sampled_from([None, 1])))


@st.composite
def parts(draw: st.DrawFn, least: int = 0, most: int = 5) -> tuple[tuple[int, ...], Any]:
    """A shape of `least` to `most` axes, and a part of it with or without an Ellipsis."""
    sizes = st.sampled_from([2, 3, 4, 5, 6, 7] * 4 + [0, 1])
    shape = tuple(draw(st.lists(sizes, min_size=least, max_size=most)))
    index: list[Any] = [draw(selections(size)) for size in shape]
    start, stop = sorted(draw(st.lists(st.integers(0, len(index)), min_size=2, max_size=2)))
    match draw(st.integers(0, 5)):
        case 0 | 1:
            index[start:stop] = [...]
        case 2:
            index.insert(start, ...)
        case 3:
            del index[stop:]
    if len(index) == 1 and draw(st.booleans()):
        return shape, index[0]
    return shape, tuple(index)


def check_part(record: Record, shape: tuple[int, ...], index: Any, dtype: str) -> None:
    drawn = record.draw(shape, seed=9, name="w", dtype=dtype, index=index)
    whole = record.draw(shape, seed=9, name="w", dtype=dtype)
    check_bits(drawn, np.asarray(whole[index]), (shape, index))


@pytest.mark.parametrize("name", ANY_SHAPE)
def test_any_part(name: str) -> None:
    """Value, shape and dtype are those of whole[index]; a fan is that of the whole."""
    record = RECORDS[name]
    least_rank = record.least_rank or 0

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(parts(least=least_rank), st.sampled_from(["float64", "float32", "bfloat16"]))
    def check(case: tuple[tuple[int, ...], Any], dtype: str) -> None:
        shape, index = case
        if least_rank == 0 or 0 not in shape:
            check_part(record, shape, index, dtype)

    check()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 400), st.integers(1, 300), st.data())
def test_rectangles(rows: int, columns: int, data: st.DataObject) -> None:
    """Rows are longer than any vector and divided anywhere."""
    index = (data.draw(selections(rows)), data.draw(selections(columns)))
    check_part(NORMAL, (rows, columns), index, "float32")


@pytest.mark.parametrize(
    "index", [np.int8(-2), np.s_[np.uint8(1) : np.int64(-1)], (..., np.uint16(3))], ids=repr
)
def test_numpy_integers(index: Any) -> None:
    check_part(NORMAL, (5, 6), index, "float32")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("line", [np.s_[37], np.s_[:, 41], np.s_[37:38], np.s_[:, -1:]], ids=str)
def test_single_lines(line: Any, dtype: str) -> None:
    """A row or a column may be a vector or a matrix of one line."""
    for name in ANY_SHAPE:
        if dtype in RECORDS[name].dtypes:
            check_part(RECORDS[name], (131, 67), line, dtype)


@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((4, 5), np.s_[2:2]),
        ((4, 5), np.s_[3:1, 2]),
        ((4, 5), np.s_[..., 5:]),
        ((4, 5), np.s_[-1:-3, :]),
        ((0, 5), np.s_[:, 1:3]),
        ((3, 0, 4), np.s_[1]),
        ((1 << 40, 1 << 17), np.s_[5:5]),
        ((1 << 57, 0), np.s_[1 << 56]),
    ],
    ids=str,
)
def test_empty_parts(shape: tuple[int, ...], index: Any) -> None:
    """They have the shape that NumPy gives them, and no fan has to exist."""
    expected = np.broadcast_to(np.float32(0), shape)[index].shape
    assert fastinit.he_normal(shape, index=index).shape == expected


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize(
    "index",
    [INNER, (*INNER[:9], 2), (1, *INNER[1:]), (..., slice(1, 3)), (*INNER[:4], ..., *INNER[:3])],
    ids=str,
)
def test_many_axes(index: Any, dtype: str) -> None:
    """There are ten axes, of which up to ten cannot be merged."""
    check_part(NORMAL, DEEP, index, dtype)


def test_many_axes_are_several_requests() -> None:
    """There are more axes than a request has, which test_many_axes relies on."""
    box = part(DEEP, INNER)
    assert len(box.extents) == 10 > MAXIMUM_RANK
    assert len(list(box.pieces(MAXIMUM_RANK))) == 4


def test_many_axes_at_far_offsets() -> None:
    """Several requests lie at the end of an array of 2^57 - 4 * 2^50 elements."""
    shape = (2, 4, 4, 4, 4, 4, 4, 4, 4, (1 << 40) - 32)
    index: Any = (1, *[slice(1, 3)] * 8, slice(-5, -2))
    drawn = fastinit.uniform(shape, seed=4, name=6, index=index)
    assert len(part(shape, index).extents) > MAXIMUM_RANK
    check_bits(drawn, reference.uniform(reference.part(shape, index), 4, 6, 0, 1, "float32"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "index"), FAR, ids=str)
def test_far_offsets(shape: tuple[int, ...], index: Any, dtype: str) -> None:
    """Uniform values of wholes too large for any machine are the reference's, to the bit."""
    drawn = fastinit.uniform(shape, -0.3, 0.7, seed=7, name="far", dtype=dtype, index=index)
    indices = reference.part(shape, index)
    wanted = reference.DTYPES[dtype]
    check_bits(drawn, reference.uniform(indices, 7, "far", -0.3, 0.7, wanted))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("before", [1, 2, 3, 701])
@pytest.mark.parametrize("boundary", [CARRY, 3 * CARRY, 1 << 56], ids=hex)
def test_across_the_carry(boundary: int, before: int, dtype: str, name: str) -> None:
    """A block's number gets a second word, or another one, in the middle of a part."""
    start, stop = boundary - before, boundary + 701
    with instruction_set(name):
        drawn = fastinit.uniform(1 << 57, seed=7, dtype=dtype, index=np.s_[start:stop])
    wanted = reference.DTYPES[dtype]
    check_bits(drawn, reference.uniform(np.arange(start, stop), 7, 0, 0, 1, wanted))


def test_carry_within_rows() -> None:
    """One row has the boundary inside."""
    shape, index = (1 << 20, (1 << 16) + 3), np.s_[(1 << 18) - 20 : (1 << 18), 30:-3]
    drawn = fastinit.uniform(shape, seed=7, index=index)
    flat = reference.part(shape, index)
    assert np.any((flat[:, 0] < CARRY) & (flat[:, -1] > CARRY))
    check_bits(drawn[:, ::997], reference.uniform(flat[:, ::997], 7, 0, 0, 1, "float32"))


@pytest.mark.parametrize("start", [0, CARRY - 1001, (1 << 58) - 2049])
def test_truncated_normal_rises_with_the_word(start: int) -> None:
    index = np.s_[start : start + 2048]
    drawn = fastinit.truncated_normal((1 << 58) - 1, seed=7, name="far", index=index)
    order = np.argsort(reference.words(np.arange(start, start + 2048), 7, "far"))
    assert np.all(np.diff(drawn[order]) >= 0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("start", [CARRY - 1001, (1 << 58) - 2049])
def test_normal_at_far_offsets(start: int, dtype: str) -> None:
    """The values are as close to the reference's z as docs/streams.md promises."""
    index = np.s_[start : start + 2047]
    drawn = f64(fastinit.normal((1 << 58) - 1, seed=7, name=2, dtype=dtype, index=index))
    exact = reference.standard_normal(
        np.arange(start, start + 2047), 7, 2, 64 if dtype == "float64" else 32
    )
    bound = 2e-15 * abs(exact) if dtype == "float64" else 5e-7 * abs(exact) + 1e-12
    assert np.all(abs(drawn - exact) <= bound)


@pytest.mark.parametrize("start", [CARRY - 33, (1 << 58) - 68])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("name", VECTORS)
def test_elements_alone(name: str, dtype: str, start: int) -> None:
    """An element drawn alone is that of a longer part, and has no axes."""
    where: dict[str, Any] = {"seed": 7, "dtype": dtype}
    draw, count = RECORDS[name].draw, ((1 << 58) - 1,)
    whole = draw(count, index=np.s_[start : start + 67], **where)
    alone = [draw(count, index=start + k, **where) for k in range(67)]
    assert {each.shape for each in alone} == {()}
    check_bits(np.array(alone, whole.dtype), whole)


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name in DRAWS for dtype in RECORDS[name].dtypes]
)
@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((70, 90), np.s_[3:17, 5:72]),
        ((70, 90), np.s_[:, 89]),
        ((70, 90), np.s_[11]),
        ((70, 90), np.s_[4, 4]),
        ((70, 90), np.s_[5:5]),
        (DEEP, INNER),
    ],
    ids=str,
)
def test_out(shape: tuple[int, ...], index: Any, name: str, dtype: str) -> None:
    """`out` has the shape of the part, and memory before and after it stays as it was."""
    draw = RECORDS[name].draw
    wanted = draw(shape, seed=5, dtype=dtype, index=index)
    memory = np.frombuffer(bytearray(b"\xa5" * (wanted.nbytes + 80)), wanted.dtype)
    first = 40 // wanted.itemsize
    expected = memory.copy()
    expected[first : first + wanted.size] = wanted.reshape(-1)
    out = memory[first : first + wanted.size].reshape(wanted.shape)
    assert draw(shape, seed=5, index=index, out=out) is out
    check_bits(memory, expected)


def test_out_of_the_wholes_shape() -> None:
    """It does not fit a part, and keeps its values."""
    out = np.zeros((8, 8), np.float32)
    with pytest.raises(ValueError, match=r"out= has shape \(8, 8\), but \(2, 8\) is drawn"):
        fastinit.normal((8, 8), seed=1, index=np.s_[:2], out=out)
    assert not bits(out).any()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(parts(most=6))
def test_boxes(case: tuple[tuple[int, ...], Any]) -> None:
    """Merged extents and strides run through the flat indices of the part, in its order."""
    expected = reference.part(*case)
    box = part(*case)
    assert box.shape == expected.shape
    axes = (np.arange(n) * stride for n, stride in zip(box.extents, box.strides, strict=True))
    flat = sum(np.ix_(*axes), np.array(box.offset))
    assert np.array_equal(flat.ravel(), expected.ravel())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(parts(most=6))
def test_boxes_are_merged(case: tuple[tuple[int, ...], Any]) -> None:
    """No axis except the innermost has extent 1, and none continues where the next ends."""
    box = part(*case)
    assert 1 not in box.extents[:-1]
    ends = (n * stride for n, stride in zip(box.extents[1:], box.strides[1:], strict=True))
    assert all(end != stride for end, stride in zip(ends, box.strides, strict=False))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(parts(most=6), st.integers(1, 3))
def test_pieces(case: tuple[tuple[int, ...], Any], rank: int) -> None:
    """Pieces of few axes follow one another without a gap, and keep the order."""
    end, flat = 0, []
    for position, count, piece in part(*case).pieces(rank):
        assert (position, count) == (end, math.prod(piece.extents))
        assert len(piece.extents) <= rank
        places = np.indices(piece.extents).reshape(len(piece.extents), -1)
        flat.append(np.array(piece.strides) @ places + piece.offset)
        end += count
    assert np.array_equal(np.concatenate(flat), reference.part(*case).ravel())
