"""Identities and Dirac kernels, sparse initializers with fans, and scipy's sparse formats."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import NM, Bernoulli, Constant, Initializer, Normal, Sparse
from helpers.bits import check_bits
from helpers.dtypes import DTYPES
from helpers.settings import SETS, instruction_set

torch: Any = pytest.importorskip("torch")


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (3, 7), (7, 3), (300, 200)], ids=str)
def test_eye_is_that_of_torch(shape: tuple[int, int]) -> None:
    check_bits(fastinit.eye(shape), torch.nn.init.eye_(torch.empty(shape)).numpy())


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [(3,), (4, 5), (1, 2, 3)], ids=str)
@pytest.mark.parametrize("channels", [(8, 8), (8, 2), (4, 16)], ids=str)
def test_dirac_is_that_of_torch(
    channels: tuple[int, int], kernel: tuple[int, ...], groups: int
) -> None:
    """The kernels have one, two and three axes of odd and even sizes, and groups."""
    shape = (*channels, *kernel)
    expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    check_bits(fastinit.dirac(shape, groups), expected)
    moved = np.ascontiguousarray(np.moveaxis(expected, (0, 1), (-1, -2)))
    if groups == 1:
        check_bits(fastinit.dirac(moved.shape, layout="*io"), moved)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", *DTYPES])
def test_identity_of_any_dtype(dtype: str) -> None:
    """It is batched, and the gain is rounded as a constant is."""
    gain = 1 if dtype == "bool" else 3 if "int" in dtype else 0.3
    drawn = fastinit.identity((2, 4, 3), gain, layout="boi", dtype=dtype)
    one = fastinit.constant((), gain, dtype=dtype)
    expected = np.zeros((2, 4, 3), drawn.dtype)
    expected[:, range(3), range(3)] = one
    check_bits(drawn, expected)


@pytest.mark.parametrize("layout", ["oi*", "*io", "io*", "boi*", "o*ib"])
def test_parts(layout: str) -> None:
    sizes = {"o": 4, "i": 6, "b": 2, "*": 3}
    shape = tuple(sizes[letter] for letter in layout)
    what = fastinit.Dirac(2, 0.5, layout)
    whole = what(shape)
    cuts = [[slice(a, b) for a, b in itertools.combinations(range(n + 1), 2)] for n in shape]
    generator = np.random.default_rng(0)
    for _ in range(200):
        index = tuple(each[generator.integers(len(each))] for each in cuts)
        check_bits(what(shape, index=index), np.ascontiguousarray(whole[index]), index)
    for place in np.ndindex(*shape):
        assert what(shape, index=place) == whole[place]


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
    dense = Normal(0.0, std)((800, 400), seed=1)
    np.testing.assert_allclose(drawn[drawn != 0], dense[drawn != 0], rtol=1e-6)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", ["oi", "io"])
@pytest.mark.parametrize("per", ["in", "out"])
def test_formats_are_the_dense_array(per: str, layout: str, dtype: str, name: str) -> None:
    """CSR, CSC and COO agree in every array and dtype of theirs, whole and in part."""
    scipy_sparse: Any = pytest.importorskip("scipy.sparse")
    options: list[dict[str, Any]] = [
        {"sparsity": 0.9},
        {"sparsity": 0},
        {"sparsity": 1},
        {"nonzeros": 1, "base": Constant(3)},
        {"sparsity": 0.5, "base": "he_uniform"},
        {"sparsity": 0.5, "base": fastinit.TruncatedNormal(std=0.02)},
    ]
    places: list[tuple[tuple[int, int], Any]] = [
        ((1, 1), None),
        ((5, 1300), None),
        ((1300, 5), np.s_[7:, :]),
        ((300, 310), np.s_[11:200, 3:301]),
        ((3, 4), np.s_[:0, :]),
    ]
    for (shape, index), chosen in itertools.product(places, options):
        where: dict[str, Any] = {"seed": 3, "name": "w", "dtype": dtype, "index": index}
        with instruction_set(name):
            drawn = fastinit.sparse(shape, per=per, layout=layout, **chosen, **where)
            for form in ("csr", "csc", "coo"):
                found = fastinit.sparse(
                    shape, per=per, layout=layout, format=form, **chosen, **where
                )
                expected = getattr(scipy_sparse, f"{form}_array")(drawn)
                check_same(found, expected, (form, shape, index, chosen))


def check_same(found: Any, expected: Any, case: object) -> None:
    """Fail unless two sparse arrays have the same parts, of the same dtypes."""
    assert found.shape == expected.shape, case
    assert found.has_canonical_format, case
    check_bits(found.data, expected.data, case)
    parts = ("row", "col") if found.format == "coo" else ("indptr", "indices")
    for part in parts:
        check_bits(getattr(found, part), getattr(expected, part), (part, case))


def test_format_of_a_far_part() -> None:
    """At 2^34 a block's number gets a second word; indices are int64 where needed."""
    shape, index = (5, 1 << 40), np.s_[:, (1 << 34) - 300 : (1 << 34) + 300]
    where: dict[str, Any] = {"seed": 3, "index": index}
    dense = fastinit.sparse(shape, nonzeros=2, **where)
    made = fastinit.sparse(shape, nonzeros=2, format="csc", **where)
    check_bits(made.toarray(), dense)
