"""Arrays of scipy.sparse equal the dense ones converted, index by index."""

import itertools
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import Constant
from helpers.bits import check_bits
from helpers.settings import SETS, instruction_set


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
