"""Adapters: peft's and VeRA's starts, PiSSA and OLoRA, compared with NumPy's decompositions."""

from typing import Any

import numpy as np
import pytest

import fastinit
from helpers.bits import check_bits
from helpers.settings import threads


def test_gaussian() -> None:
    a, b = fastinit.adapter((40, 300), 8, seed=0, name="w")
    check_bits(a, fastinit.normal((8, 300), std=1 / 8, seed=0, name="w.a"))
    assert b.shape == (40, 8)
    assert not b.any()


def test_orthogonal() -> None:
    """As in peft: A and B are not zero, and their product is."""
    a, b = fastinit.adapter((50, 60), 8, "orthogonal", seed=0, name="w", dtype="float64")
    assert abs(b @ a).max() < 1e-14
    assert abs(float(a.std()) - 0.1 * 0.5**0.5) < 0.02
    with pytest.raises(ValueError, match="rank=7 is odd; kind='orthogonal' needs an even rank"):
        fastinit.adapter((50, 60), 7, "orthogonal", seed=0, name="w")


def test_vera() -> None:
    a, b = fastinit.adapter((50, 60), 4, "vera", seed=0, name="shared")
    check_bits(a, fastinit.he_uniform((4, 60), seed=0, name="shared.a"))
    check_bits(b, fastinit.he_uniform((50, 4), seed=0, name="shared.b"))


@pytest.mark.parametrize("sparsity", [None, 3, 48**0.5])
def test_randlora(sparsity: float | None) -> None:
    """As in peft, but that its samples have the standard deviation 1 exactly."""
    for shape in ((64, 48), (48, 64)):
        a, b = fastinit.randlora(shape, 10, sparsity=sparsity, seed=0, name="r")
        assert (a.shape, b.shape) == ((10, 1, 48), (64, 5, 10))
        check_bits(a, fastinit.RandloraBasis(sparsity)(a.shape, seed=0, name="r.a"))
        narrow = fastinit.randlora(shape, 10, sparsity=sparsity, seed=0, name="r", dtype="bfloat16")
        for each, part in zip(narrow, "ab", strict=True):
            basis = fastinit.RandloraBasis(sparsity)
            check_bits(each, basis(each.shape, seed=0, name=f"r.{part}", dtype="bfloat16"))
        if sparsity is None:
            assert float(abs(b).max()) < 3**0.5
        else:
            assert len(np.unique(b)) == 3
            assert abs(float((b != 0).mean()) - 1 / sparsity) < 0.05
        assert abs(float(b.std()) - 1) < 0.05
    with pytest.raises(ValueError, match="rank=49 is more than the 48 of shape"):
        fastinit.randlora((64, 48), 49)
    with pytest.raises(ValueError, match=r"sparsity=0\.5 is below 1; pass 1 or more, such as 3"):
        fastinit.randlora((64, 48), 4, sparsity=0.5)
    if sparsity is not None:
        return
    # With any lambda and gamma the update has full rank, which that of one basis has not.
    scales = np.random.default_rng(0)
    inner = a[:, 0] * scales.standard_normal((5, 10, 1)) * scales.standard_normal((5, 1, 48))
    assert np.linalg.matrix_rank(b.reshape(64, 50) @ inner.reshape(50, 48)) == 48
    assert np.linalg.matrix_rank(b[:, 0] @ inner[0]) == 10


@pytest.mark.parametrize("shape", [(60, 40), (40, 60)])
def test_pissa(shape: tuple[int, int]) -> None:
    weight = fastinit.normal(shape, seed=1, name="w")
    a, b, rest = fastinit.pissa(weight, 6, scaling=2.0, rounds=4, seed=0, name="p")
    s = np.linalg.svd(weight.astype(np.float64))[1]
    best = float(np.sqrt((s[6:] ** 2).sum()))
    assert float(np.linalg.norm(weight - 2 * b @ a)) < 1.001 * best
    np.testing.assert_allclose(2 * b @ a + rest, weight, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=0), rtol=1e-4)
    with threads(1):
        for one, other in zip(
            fastinit.pissa(weight, 6, scaling=2.0, rounds=4, seed=0, name="p"),
            (a, b, rest),
            strict=True,
        ):
            check_bits(one, other)


def test_olora() -> None:
    weight = fastinit.normal((30, 20), seed=1, name="w", dtype="float64")
    a, b, rest = fastinit.olora(weight, 5, scaling=0.5)
    q, r = np.linalg.qr(weight)
    signs = np.sign(np.diag(r))[:5]
    np.testing.assert_allclose(b, q[:, :5] * signs, atol=1e-13)
    np.testing.assert_allclose(a, r[:5] * signs[:, None], atol=1e-13)
    np.testing.assert_allclose(rest, weight - 0.5 * b @ a, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("factors", [fastinit.olora, lambda w, r: fastinit.pissa(w, r, name="p")])
def test_rests_complete_the_factors_as_returned(factors: Any, dtype: str) -> None:
    """One rounding remains, that of the rest, not those of both factors."""
    weight = fastinit.normal((256, 128), seed=1, name="w", dtype=dtype)
    a, b, rest = factors(weight, 8)
    wide = [each.astype(np.float64) for each in (a, b, rest, weight)]
    exact = wide[3] - wide[1] @ wide[0]
    half = {"float16": 2.0**-11, "bfloat16": 2.0**-8}[dtype]
    np.testing.assert_allclose(wide[2], exact, rtol=1.001 * half, atol=2.0**-25)


def test_wrong_arguments() -> None:
    weight = np.ones((4, 3), np.float32)
    with pytest.raises(ValueError, match="rank=4 is more than a matrix of"):
        fastinit.pissa(weight, 4)
    with pytest.raises(ValueError, match=r"is not \(out, in\); pass a matrix"):
        fastinit.olora(weight[0], 1)
    with pytest.raises(ValueError, match=r"scaling=0\.0 is not positive"):
        fastinit.pissa(weight, 1, scaling=0)
    with pytest.raises(ValueError, match="kind='lora' is not known; use one of gaussian"):
        fastinit.adapter((4, 3), 1, "lora")
