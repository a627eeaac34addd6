"""Mimetic attention, compared with NumPy's singular value decomposition."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from fastinit import Mimetic
from helpers.bits import check_bits
from helpers.settings import threads

WIDTH = 24


def weight(role: str, heads: int, inner: int = WIDTH, **options: Any) -> NDArray[Any]:
    shape = (WIDTH, inner) if role == "output" else (inner, WIDTH)
    drawn: NDArray[Any] = Mimetic(role, heads, **options)(
        shape, seed=3, name=f"l.attn.{role}.weight", dtype="float64"
    )
    return drawn


def z_of(what: str, number: int) -> NDArray[Any]:
    found: NDArray[Any] = fastinit.normal(
        (1 << 20, WIDTH, WIDTH),
        std=WIDTH**-0.5,
        seed=3,
        name=f"l.attn.mimetic.{what}",
        dtype="float64",
        index=number,
    )
    return found


def best(matrix: NDArray[Any], rank: int) -> NDArray[Any]:
    u, s, v = np.linalg.svd(matrix)
    found: NDArray[Any] = u[:, :rank] * s[:rank] @ v[:rank]
    return found


@pytest.mark.parametrize("heads", [1, 3, 8])
def test_queries_and_keys(heads: int) -> None:
    """The product of each head is the best approximation of its rank, with balanced factors."""
    query, key = (weight(role, heads) for role in ("query", "key"))
    for head in range(heads):
        rows = slice(head * WIDTH // heads, (head + 1) * WIDTH // heads)
        expected = best(0.7 * z_of("query-key", head) + 0.7 * np.eye(WIDTH), WIDTH // heads)
        np.testing.assert_allclose(query[rows].T @ key[rows], expected, atol=1e-12)
        sizes = [np.linalg.norm(each[rows], axis=1) for each in (query, key)]
        np.testing.assert_allclose(sizes[0], sizes[1], rtol=1e-10)


@pytest.mark.parametrize("inner", [WIDTH, 16])
def test_values_and_outputs(inner: int) -> None:
    """One product of all heads, with numbers of its own."""
    value, output = (weight(role, 4, inner, alpha=0.5, beta=0.3) for role in ("value", "output"))
    expected = best(0.5 * z_of("value-output", 0) - 0.3 * np.eye(WIDTH), inner)
    np.testing.assert_allclose(value.T @ output.T, expected, atol=1e-12)
    assert float(np.diag(weight("value", 4).T @ weight("output", 4).T).mean()) < -0.2


@pytest.mark.parametrize("role", ["query", "key", "value", "output"])
def test_layouts_parts_and_threads(role: str) -> None:
    whole = weight(role, 3, layout="oi")
    name = f"l.attn.{role}.weight"
    turned = Mimetic(role, 3, layout="*io")(whole.T.shape, seed=3, name=name, dtype="float64")
    check_bits(turned, np.ascontiguousarray(whole.T))
    shape, layout = ((3, 8, WIDTH), "iio") if role == "output" else ((WIDTH, 3, 8), "ioo")
    in_heads = Mimetic(role, 3, layout=layout)(shape, seed=3, name=name, dtype="float64")
    check_bits(in_heads, np.ascontiguousarray(whole.T.reshape(shape)))
    with threads(1):
        part = Mimetic(role, 3)(
            whole.shape, seed=3, name=name, dtype="float64", index=np.s_[5:9, 3:]
        )
    check_bits(part, np.ascontiguousarray(whole[5:9, 3:]))


def test_more_heads_change_none() -> None:
    """The same number of dimensions per head is meant."""
    few, many = weight("query", 2, 12), weight("query", 4, 24)
    check_bits(np.ascontiguousarray(many[:12]), few)


def test_a_plan() -> None:
    """A fused weight has the names of its parts, and so the same values."""
    parts: dict[str, fastinit.Initializer | str] = {
        role: Mimetic(role, 3) for role in ("query", "key", "value")
    }
    fused = fastinit.Split(parts, names="{grandparent}.{part}.weight")
    plan = fastinit.Plan({"l.attn.qkv.weight": (3 * WIDTH, WIDTH)}, fused, seed=3, dtype="float64")
    expected = np.concatenate([weight(role, 3) for role in parts])
    check_bits(plan.init()["l.attn.qkv.weight"], expected)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="role='q' is not known; use one of query, key, value"):
        Mimetic("q", 3)
    with pytest.raises(ValueError, match="24 dimensions, which are not a multiple of heads=5"):
        weight("query", 5)
    with pytest.raises(ValueError, match="24 x 24 has no factors of 32 dimensions; pass no more"):
        weight("value", 4, 32)
    with pytest.raises(ValueError, match="needs a name with 3 segments or more"):
        Mimetic("query", 2)((8, 8), seed=0, name="query.weight")
