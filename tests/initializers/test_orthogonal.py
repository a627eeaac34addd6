"""Orthogonal matrices: orthogonality, the reference, layouts, parts and dtypes."""

import itertools
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from fastinit import Orthogonal
from fastinit.native.box import flat
from helpers.bits import bits, check_bits, f64
from helpers.reference import orthogonal as reference
from helpers.requests import fill, joined, requests_for
from helpers.settings import SETS, instruction_set, threads

# 1 x 1, 1 x n, n x 1, primes, tall, wide, and sizes at which blocks and strips end.
SHAPES = [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (7, 7), (16, 16), (17, 13), (31, 37), (64, 64)]
SHAPES += [(65, 64), (101, 97), (128, 128), (129, 129), (131, 257), (300, 200), (521, 20), (8, 999)]
PRECISIONS = ("float64", "float32")
UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}


def deviation(q: NDArray[Any]) -> float:
    """max|Q'Q - I| of the tall matrix, over a batch."""
    tall = f64(q if q.shape[-2] >= q.shape[-1] else np.swapaxes(q, -1, -2))
    gram = np.matmul(np.swapaxes(tall, -1, -2), tall)
    return float(np.abs(gram - np.eye(tall.shape[-1])).max())


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orthogonal(shape: tuple[int, int], dtype: str) -> None:
    """The error is within the bound of docs/streams.md, for every shape."""
    q = fastinit.orthogonal(shape, seed=3, dtype=dtype)
    assert q.shape == shape
    assert deviation(q) <= (1e-14 if dtype == "float64" else 1e-6)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_orthogonal_batch(dtype: str) -> None:
    """The worst of thousands of small matrices is within the bound."""
    for size, count in [(1, 100), (2, 3000), (5, 2000), (16, 1000), (33, 200), (64, 60)]:
        q = fastinit.orthogonal((count, size, size), layout="boi", seed=1, name=0, dtype=dtype)
        assert deviation(q) <= (1e-14 if dtype == "float64" else 1e-6), size


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_orthogonal_large(dtype: str) -> None:
    """There are blocks of 128, several strips, and panels that threads share."""
    q = fastinit.orthogonal((2200, 2100), seed=1, dtype=dtype)
    columns = f64(q[:, ::77])
    gram = f64(q).T @ columns
    gram[np.arange(0, 2100, 77), np.arange(columns.shape[1])] -= 1
    assert np.abs(gram).max() <= (1e-14 if dtype == "float64" else 1e-6)


def test_one_by_one_is_exact() -> None:
    """A matrix of one entry is exactly plus or minus the gain."""
    q = fastinit.orthogonal((4000, 1, 1), gain=0.3, layout="boi", seed=0)
    assert set(np.unique(q)) == {-np.float32(0.3), np.float32(0.3)}


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reference(shape: tuple[int, int], dtype: str) -> None:
    """The definition in plain NumPy agrees within a few n ulps of one."""
    precision: Any = 64 if dtype == "float64" else 32
    expected = reference.matrix(*shape, seed=3, stream="weight", bits=precision)
    found = f64(fastinit.orthogonal(shape, seed=3, name="weight", dtype=dtype))
    # The normals are the reference's to 5e-7 |z| in float32, which is 8 units.
    allowed = (8 + 4 * min(shape)) * UNIT[dtype]
    assert np.abs(found - expected).max() <= allowed


def test_reference_batch() -> None:
    """Matrix p of a batch starts at element p M N of the stream, also where it is wide."""
    for rows, columns in [(6, 6), (7, 4), (4, 7)]:
        expected = reference.batch(5, rows, columns, seed=2, stream=9)
        found = fastinit.orthogonal((5, rows, columns), layout="boi", seed=2, name=9)
        assert np.abs(f64(found) - expected).max() <= 40 * UNIT["float32"]


def test_wide_is_tall_transposed() -> None:
    tall = fastinit.orthogonal((50, 20), seed=1)
    check_bits(fastinit.orthogonal((20, 50), seed=1, name=0), np.ascontiguousarray(tall.T))


LAYOUTS = [
    ("oi*", (24, 5, 3, 3)),
    ("*io", (3, 3, 5, 24)),
    ("io*", (5, 24, 3)),
    ("*io", (3, 40, 24)),
    ("boi", (3, 9, 7)),
    ("obi", (9, 3, 7)),
    ("bo*", (2, 9, 4, 2)),
    ("ioo", (6, 2, 5)),
    ("oib", (9, 7, 3)),
    ("bobi", (2, 9, 3, 7)),
    ("o", (7,)),
]


def as_matrices(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """The array as (batch, output, all other axes), each in C order."""
    letters = layout.replace("*", "*" * (array.ndim - len(layout) + layout.count("*")))
    order = [k for part in ("b", "o", "i*") for k, each in enumerate(letters) if each in part]
    sizes = [
        int(np.prod([n for n, each in zip(array.shape, letters, strict=True) if each in part]))
        for part in ("b", "o", "i*")
    ]
    return array.transpose(order).reshape(sizes)


@pytest.mark.parametrize(("layout", "shape"), LAYOUTS)
def test_layouts(layout: str, shape: tuple[int, ...]) -> None:
    """The same matrices as a plain batch, seen through the layout."""
    matrices = as_matrices(fastinit.orthogonal(shape, layout=layout, seed=4), layout)
    check_bits(matrices, fastinit.orthogonal(matrices.shape, layout="boi", seed=4, name=0))


PARTS = [
    ((200, 150), "oi*", np.s_[10:77, 3:140]),
    ((200, 150), "oi*", np.s_[:, 149]),
    ((150, 200), "oi*", np.s_[149, :]),
    ((150, 200), "oi*", np.s_[5:6, 100:]),
    ((24, 5, 3, 3), "oi*", np.s_[3:20, 1:4, :, 2]),
    ((3, 3, 5, 24), "*io", np.s_[1, :, 2:, 7:9]),
    ((4, 3, 9, 7), "bboi", np.s_[1:3, 2, :, 1:]),
    ((9, 4, 7), "obi", np.s_[2:7, 1:3, :]),
    ((9, 4, 7), "oi*", np.s_[2:2]),
]


@pytest.mark.parametrize(("shape", "layout", "index"), PARTS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_parts(shape: tuple[int, ...], layout: str, index: Any, dtype: str) -> None:
    options: dict[str, Any] = {"layout": layout, "seed": 8, "dtype": dtype}
    expected = np.ascontiguousarray(fastinit.orthogonal(shape, **options)[index])
    check_bits(fastinit.orthogonal(shape, index=index, **options), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(65, 33), (33, 65)])
def test_narrow_is_float32_rounded(shape: tuple[int, int], dtype: str) -> None:
    """The value is rounded once, also after a gain."""
    wide = fastinit.orthogonal(shape, gain=1.7, seed=1)
    narrow = fastinit.orthogonal(shape, gain=1.7, seed=1, name=0, dtype=dtype)
    check_bits(narrow, wide.astype(np.dtype(getattr(ml_dtypes, dtype, dtype))))


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_gain_is_multiplied_last(dtype: str) -> None:
    """It is multiplied in the precision of the array."""
    plain = fastinit.orthogonal((40, 30), seed=1, dtype=dtype)
    gained = fastinit.orthogonal((40, 30), gain=-1.3, seed=1, name=0, dtype=dtype)
    check_bits(gained, plain * np.dtype(dtype).type(-1.3))


@pytest.mark.parametrize("shape", [(8, 5, 3, 3), (8, 8, 4), (6, 5, 1, 2, 3), (7, 3)])
def test_delta_orthogonal(shape: tuple[int, ...]) -> None:
    """The orthogonal matrix is at the center of every kernel axis, +0 elsewhere."""
    kernel = fastinit.delta_orthogonal(shape, gain=2.0, seed=5)
    expected = np.zeros(shape, np.float32)
    center: Any = (slice(None), slice(None), *((size - 1) // 2 for size in shape[2:]))
    expected[center] = fastinit.orthogonal(shape[:2], gain=2.0, seed=5, name=0)
    check_bits(kernel, expected)


def test_delta_orthogonal_layout_and_part() -> None:
    """JAX's layout is a permutation, and a part is that of the whole, with or without a center."""
    torch_like = fastinit.delta_orthogonal((8, 5, 3, 4), seed=5)
    jax_like = fastinit.delta_orthogonal((3, 4, 5, 8), layout="*io", seed=5, name=0)
    check_bits(jax_like, np.ascontiguousarray(torch_like.transpose(2, 3, 1, 0)))
    for index in (np.s_[2:5, :, 1:, :2], np.s_[:, 1:3, 0, :], np.s_[3, :, 1, 1]):
        part = fastinit.delta_orthogonal((8, 5, 3, 4), seed=5, name=0, index=index)
        check_bits(part, np.ascontiguousarray(torch_like[index]))


def test_delta_orthogonal_needs_outputs() -> None:
    """Fewer outputs than inputs cannot keep a norm."""
    with pytest.raises(ValueError, match="7 outputs and 8 inputs"):
        fastinit.delta_orthogonal((7, 8, 3), seed=0)


def test_one_dimension_is_refused() -> None:
    """Torch refuses it too; a layout may allow it."""
    with pytest.raises(ValueError, match="pass the layout of this weight"):
        fastinit.orthogonal((8,))


def test_a_flat_piece_is_refused() -> None:
    """Pieces of a checkpoint are for elementwise draws."""
    (template,) = Orthogonal().templates((8, 8), np.dtype(np.float32))
    assert not template.elementwise
    with pytest.raises(ValueError, match="draw it whole"):
        template.requests(flat(0, 8), 64, 0, 0)


def test_too_many_axes_are_refused() -> None:
    """A request has eight axes, once neighbors are merged."""
    with pytest.raises(ValueError, match="alternates between rows, columns"):
        fastinit.orthogonal((2,) * 10, layout="oioioioioi")


def test_malformed_requests() -> None:
    """Numbers that describe no part of a whole array never reach the kernels."""
    memory = np.zeros(30, np.float32)
    good = joined(requests_for(Orthogonal(), "float32", (6, 5), memory.ctypes.data))
    wrong = [("whole_count", 31), ("whole_count", 0), ("offset", 5), ("dtype", 4), ("item_size", 2)]
    for field, value in wrong:
        bad = good.copy()
        bad[field] = value
        with pytest.raises(ValueError, match="request 0 is malformed"):
            fill(bad)
    bad = good.copy()
    bad["stride"][0, 0] = 0
    with pytest.raises(ValueError, match="request 0 is malformed"):
        fill(bad)
    bad = good.copy()
    bad["role"][0, 0] = 4
    with pytest.raises(ValueError, match="request 0 is malformed"):
        fill(bad)
    assert not memory.any()


BITS = [((1, 1), "oi"), ((5, 9), "oi"), ((3, 17, 17), "boi"), ((70, 64), "oi"), ((131, 131), "oi")]
BITS += [((140, 300), "oi"), ((3, 4, 24, 31), "*io"), ((40, 20, 20), "boi")]


@pytest.mark.parametrize(("shape", "layout"), BITS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_instruction_sets_and_threads(shape: tuple[int, ...], layout: str, dtype: str) -> None:
    found = {}
    for isa, count in itertools.product(SETS, (1, 2, 3, 7)):
        with instruction_set(isa), threads(count):
            q = fastinit.orthogonal(shape, gain=1.3, layout=layout, seed=5, name=0, dtype=dtype)
        found[isa, count] = bits(q).tobytes()
    assert len(set(found.values())) == 1


def test_instruction_sets_on_a_large_matrix() -> None:
    """There are blocks of 32, 64 and 128; the scalar set would take minutes."""
    for shape in ((700, 600), (2100, 2060)):
        found = set()
        for isa, count in itertools.product(SETS[1:] or SETS, (1, 3)):
            with instruction_set(isa), threads(count):
                found.add(fastinit.digest(fastinit.orthogonal(shape, seed=5, name=0)))
        assert len(found) == 1


def test_batches_split_anywhere() -> None:
    """A batch drawn in pieces is the batch."""
    whole_batch = fastinit.orthogonal((30, 24, 24), layout="boi", seed=6)
    pieces = [
        fastinit.orthogonal((30, 24, 24), layout="boi", seed=6, index=np.s_[start:stop])
        for start, stop in itertools.pairwise((0, 1, 8, 29, 30))
    ]
    check_bits(np.concatenate(pieces), whole_batch)


def test_many_requests_in_one_call() -> None:
    """Fills, small and large matrices in any order share one call."""
    shapes = [(300, 280), (5, 20, 20), (64, 64), (2, 150, 90), (7, 7)] * 2
    memory = [np.zeros(shape, np.float32) for shape in shapes]
    noise = [np.zeros(1000, np.float32) for _ in shapes]
    records = []
    for k, (q, z) in enumerate(zip(memory, noise, strict=True)):
        layout = "boi" if q.ndim == 3 else "oi"
        draws = [(fastinit.Normal(), z, 100 + k), (Orthogonal(layout=layout), q, k)]
        for what, array, stream in draws:
            address = array.ctypes.data
            records += requests_for(what, "float32", array.shape, address, seed=1, stream=stream)
    with threads(3):
        fill(records)
    for k, (q, z) in enumerate(zip(memory, noise, strict=True)):
        layout = "boi" if q.ndim == 3 else "oi"
        check_bits(q, fastinit.orthogonal(q.shape, layout=layout, seed=1, name=k), k)
        check_bits(z, fastinit.normal(1000, seed=1, name=100 + k), k)
