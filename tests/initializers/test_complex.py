"""Complex arrays: the reference's values, distributions, parts, and unitary matrices."""

import dataclasses
import importlib
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import fastinit
from fastinit import Initializer
from helpers.bits import check_bits
from helpers.ids import shortened
from helpers.reference import complex as reference
from helpers.settings import SETS, instruction_set, threads

STATS: Any = importlib.import_module("scipy.stats")
DTYPES = ["complex64", "complex128"]
SCALED = fastinit.VarianceScaling(2.0, "fan_in", "uniform")
KINDS: tuple[tuple[Initializer, tuple[int, ...]], ...] = (
    (fastinit.Normal(std=0.3), (6, 7)),
    (fastinit.TruncatedNormal(0, 0.3, -1.5, 1.5), (6, 7)),
    (SCALED, (6, 7)),
    (fastinit.HeNormal(), (6, 5, 3)),
    (fastinit.GlorotNormal(truncated=True), (6, 7)),
    (fastinit.Constant(0), (6, 7)),
    (fastinit.Constant(-1.5), (6, 7)),
    (fastinit.Orthogonal(2.0), (8, 5)),
    (fastinit.Orthogonal(layout="boi"), (4, 5, 8)),
    (fastinit.Orthogonal(layout="*io"), (4, 3, 5)),
    (fastinit.DeltaOrthogonal(), (6, 4, 3, 5)),
    (fastinit.DeltaOrthogonal(2.0, "*io"), (4, 5, 6)),
    (fastinit.Identity(0.5), (6, 7)),
    (fastinit.Dirac(), (6, 5, 3)),
    (fastinit.Sinusoidal(), (6, 8)),
    (fastinit.Split({"a": "he_normal", "b": "ones", "c": "orthogonal"}, -1), (6, 9)),
    (fastinit.Stacked("orthogonal"), (4, 6, 5)),
    (fastinit.Transposed("he_normal"), (6, 7)),
    (fastinit.Existing("normal", (3, 9), ("tile", "copy")), (6, 7)),
    (fastinit.Sparse(0.5, base="he_normal"), (6, 7)),
    (fastinit.NM(2, 4, base="orthogonal"), (8, 8)),
    (fastinit.Normed(), (6, 7)),
    (fastinit.Normed("orthogonal", 2.0, None), (6, 7)),
    (fastinit.Product("normal", "orthogonal", 3, gain=0.5), (6, 7)),
    (fastinit.Mapped("normal", [("affine", 2, 1), ("affine", -0.5, 0.25)]), (6, 7)),
)
WHERE: dict[str, Any] = {"seed": 5, "name": "w"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("what", "shape"), KINDS, ids=shortened)
def test_parts_and_threads(what: Initializer, shape: tuple[int, ...], dtype: str) -> None:
    """Parts are those of the whole, on every instruction set and any number of threads."""
    whole = what(shape, dtype=dtype, **WHERE)
    assert whole.dtype.name == dtype
    for index in (np.s_[1:4], np.s_[2, 1:3], np.s_[..., -1], np.s_[0:1, ..., 1:2]):
        part = what(shape, dtype=dtype, index=index, **WHERE)
        check_same(part, np.asarray(whole[index]))
    for isa in SETS:
        for count in (1, 2):
            with instruction_set(isa), threads(count):
                check_same(what(shape, dtype=dtype, **WHERE), whole)
    out = torch.zeros(shape, dtype=getattr(torch, dtype))
    what(shape, out=out, **WHERE)
    check_same(out.numpy(), whole)


def floats(values: Any) -> Any:
    """The real and imaginary parts of complex values, side by side."""
    return np.ascontiguousarray(values).reshape(-1).view(values.real.dtype)


def check_same(found: Any, right: Any) -> None:
    assert (found.shape, found.dtype) == (right.shape, right.dtype)
    check_bits(floats(found), floats(right))


def close(found: Any, right: Any, dtype: str) -> None:
    bound = 1e-6 if dtype == "complex64" else 1e-14
    assert np.max(np.abs(found - right) / np.maximum(np.abs(right), 1e-6)) < bound


CASES: tuple[tuple[Initializer, Callable[..., Any]], ...] = (
    (fastinit.Normal(std=0.3), lambda *args: 0.3 * reference.normal(*args)),
    (
        fastinit.TruncatedNormal(0, 0.3, -1.5, 1.5),
        lambda i, seed, name, bits: 0.3 * reference.truncated(i, seed, name, bits, 1.5),
    ),
    (
        fastinit.VarianceScaling(4.0, distribution="uniform", fan=16),
        lambda *args: 0.5 * reference.disk(*args),
    ),
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("what", "right"), CASES, ids=shortened)
def test_values_are_the_references(what: Initializer, right: Any, dtype: str) -> None:
    found = what((500,) if not hasattr(what, "layout") else (500, 1), dtype=dtype, **WHERE).ravel()
    bits = 32 if dtype == "complex64" else 64
    close(found, right(np.arange(500), 5, "w", bits), dtype)


MODULI: tuple[tuple[Initializer, float, Callable[[Any], Any]], ...] = (
    (fastinit.Normal(std=2.0), 2.0, lambda r: -np.expm1(-((r / 2) ** 2))),
    (
        fastinit.TruncatedNormal(0, 1.0, -2.0, 2.0),
        math.sqrt(1 - 4 * math.exp(-4) / -math.expm1(-4)),
        lambda r: np.expm1(-(r**2)) / math.expm1(-4),
    ),
    (
        fastinit.TruncatedNormal(0, 1.0, -2.0, 2.0, compensate=True),
        1.0,
        lambda r: np.expm1(-((r * 0.9619618280082135) ** 2)) / math.expm1(-4),
    ),
    (
        fastinit.VarianceScaling(9.0, distribution="uniform", fan=1),
        3.0,
        lambda r: (r / (3 * math.sqrt(2))) ** 2,
    ),
    (
        fastinit.VarianceScaling(4.0, distribution="truncated_normal", fan=1),
        2.0,
        lambda r: np.expm1(-((r * 0.9619618280082135 / 2) ** 2)) / math.expm1(-4),
    ),
)


@pytest.mark.parametrize(("what", "std", "cdf"), MODULI, ids=shortened)
def test_modulus_and_phase(what: Initializer, std: float, cdf: Callable[[Any], Any]) -> None:
    """Kolmogorov and Smirnov's test does not reject them, p > 1e-4; the variance is as asked."""
    values = what((200, 200), dtype="complex128", **WHERE).ravel()
    moduli, phases = np.abs(values), np.angle(values)
    assert STATS.kstest(cdf(moduli), "uniform").pvalue > 1e-4
    assert STATS.kstest(phases / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-4
    assert abs(STATS.spearmanr(moduli, phases).statistic) < 0.025
    squares = moduli**2
    assert abs(squares.mean() - std**2) < 5 * squares.std() / 200


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (20, 13), (13, 20), (40, 40)], ids=str)
def test_unitary_matrices(shape: tuple[int, int], dtype: str) -> None:
    """They are the reference's product of reflectors, and unitary."""
    q = fastinit.Orthogonal()(shape, dtype=dtype, **WHERE)
    most, least = max(shape), min(shape)
    real = "float32" if dtype == "complex64" else "float64"
    pairs = fastinit.normal((1, most, least, 2), dtype=real, **WHERE)[0].astype(np.float64)
    right = reference.unitary(pairs[..., 0] + 1j * pairs[..., 1])
    bound = 1e-6 if dtype == "complex64" else 1e-13
    assert np.abs(q - (right if shape[0] >= shape[1] else right.T)).max() < bound
    tall = q if shape[0] >= shape[1] else q.T
    assert np.abs(tall.conj().T @ tall - np.eye(least)).max() < 2 * bound


def test_haar() -> None:
    """The phases of determinants are uniform, and |q|^2 of an entry has the beta distribution."""
    q = fastinit.Orthogonal(layout="boi")((4000, 3, 3), dtype="complex128", **WHERE)
    phases = np.angle(np.linalg.det(q)) / (2 * np.pi) + 0.5
    assert STATS.kstest(phases, "uniform").pvalue > 1e-4
    for i, j in ((0, 0), (2, 1), (1, 2)):
        assert STATS.kstest(np.abs(q[:, i, j]) ** 2, "beta", args=(1, 2)).pvalue > 1e-4


WRONG: tuple[tuple[Initializer, str], ...] = (
    (fastinit.Normal(1.0), "mean=1.0 of a complex array is not 0"),
    (fastinit.TruncatedNormal(0, 1, -1, 2), "has no complex values"),
    (fastinit.Uniform(), "dtype=complex64 does not hold Uniform values; use one of normal"),
    (fastinit.Rademacher(), "dtype=complex64 does not hold Rademacher values"),
    (
        fastinit.Mapped("normal", [("affine", 2, 0), "exp"]),
        "dtype=complex64 has affine maps alone, and maps has 'exp'",
    ),
    (fastinit.Normed(kind="spectral"), "dtype=complex64 has no spectral norms"),
    (fastinit.Normed("uniform"), "dtype=complex64 does not hold Uniform values"),
    (fastinit.Product("normal", "uniform", 2), "dtype=complex64 does not hold Uniform values"),
    (fastinit.Split(["normal", "uniform"]), "dtype=complex64 does not hold Uniform values"),
    (fastinit.DeltaOrthogonal(), "shape (4, 8) has 4 outputs and 8 inputs"),
)


@pytest.mark.parametrize(("what", "message"), WRONG, ids=shortened)
def test_what_has_no_complex_values(what: Initializer, message: str) -> None:
    out = np.full((4, 8), 7, np.complex64)
    with pytest.raises(ValueError, match=re.escape(message)):
        what(out.shape, out=out)
    assert (out == 7).all()


def test_delta_orthogonal() -> None:
    """The matrix at the center is that of orthogonal, and the rest of the kernel is 0."""
    kernel = fastinit.delta_orthogonal((6, 4, 3, 5), 2.0, dtype="complex128", **WHERE)
    matrix = fastinit.orthogonal((6, 4), 2.0, dtype="complex128", **WHERE)
    check_same(kernel[:, :, 1, 2], matrix)
    assert int((kernel != 0).sum()) == matrix.size
    np.testing.assert_allclose(matrix.conj().T @ matrix, 4 * np.eye(4), atol=1e-14)
    with pytest.raises(ValueError, match="has 4 outputs and 6 inputs"):
        fastinit.delta_orthogonal((4, 6, 3), dtype="complex64")


def test_real_values_have_imaginary_parts_of_zero() -> None:
    for what in (fastinit.HippoLegS(), fastinit.Hadamard(), fastinit.Dirac(), fastinit.Arange(1)):
        found = what((8, 8, 2) if isinstance(what, fastinit.Dirac) else (8, 8), dtype="complex64")
        expected = what(found.shape)
        check_same(found, expected.astype("complex64"))


def test_parts_have_their_own_streams() -> None:
    fused = fastinit.Split("he_normal", labels="qk", names="{grandparent}.{part}.weight")
    whole = fused((8, 4), seed=5, name="attn.qk.weight", dtype="complex64")
    key = fastinit.he_normal((4, 4), seed=5, name="attn.k.weight", dtype="complex64")
    check_same(whole[4:], key)


@pytest.mark.parametrize(
    "mask", [fastinit.Sparse(0.5, per="out"), fastinit.NM(1, 2), fastinit.Bernoulli(0.5)]
)
def test_masks(mask: Any) -> None:
    """They zero the elements that they zero of real arrays."""
    unset: dict[str, Any] = {"std": None} if isinstance(mask, fastinit.Sparse) else {}
    over = dataclasses.replace(mask, base=fastinit.Normal(), **unset)
    kept = mask((6, 8), **WHERE) != 0
    for dtype in DTYPES:
        found = over((6, 8), dtype=dtype, **WHERE)
        values = fastinit.normal((6, 8), dtype=dtype, **WHERE)
        check_same(found, np.where(kept, values, values.dtype.type(0)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_norms(dtype: str) -> None:
    """Vectors and wholes have the norm, and the directions of the base."""
    bound = 1e-6 if dtype == "complex64" else 1e-14
    base = fastinit.normal((6, 8), dtype=dtype, **WHERE)
    rows = fastinit.Normed("normal", 2.0)((6, 8), dtype=dtype, **WHERE)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 2, rtol=bound)
    np.testing.assert_allclose(rows / base, abs(rows / base), rtol=4 * bound)
    whole = fastinit.Normed("normal", 3.0, None)((6, 8), dtype=dtype, **WHERE)
    np.testing.assert_allclose(whole, base * (3 / np.linalg.norm(base)), rtol=4 * bound)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products(dtype: str) -> None:
    found = fastinit.Product("normal", "orthogonal", 3, gain=0.5)((6, 8), dtype=dtype, **WHERE)
    left = fastinit.normal((6, 3), dtype=dtype, seed=5, name="w.left").astype("complex128")
    right = fastinit.orthogonal((3, 8), dtype=dtype, seed=5, name="w.right").astype("complex128")
    close(found, 0.5 * left @ right, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_affine_maps(dtype: str) -> None:
    """An offset is real, and mapped tables are."""
    maps = [("affine", 2, 1), ("affine", -0.5, 0.25)]
    found = fastinit.Mapped("normal", maps)((6, 8), dtype=dtype, **WHERE)
    base = fastinit.normal((6, 8), dtype=dtype, **WHERE).astype("complex128")
    close(found, (2 * base + 1) * -0.5 + 0.25, dtype)
    table = fastinit.Mapped(fastinit.Arange(1), "log")((3, 4), dtype=dtype)
    check_same(
        table,
        fastinit.Mapped(fastinit.Arange(1), "log")((3, 4), dtype=table.real.dtype).astype(dtype),
    )
