"""Adapters by data, compared with NumPy's decompositions."""

from typing import Any

import numpy as np
import pytest
import torch

import fastinit
from helpers.bits import check_bits
from helpers.settings import threads

OUT, IN, RANK = 60, 40, 4
WHERE: dict[str, Any] = {"seed": 0, "name": "p"}


def decaying(rows: int, columns: int, name: str) -> Any:
    """A matrix with singular values that are apart."""
    u = fastinit.orthogonal((rows, columns), seed=2, name=name + ".u", dtype="float64")
    v = fastinit.orthogonal((columns, columns), seed=2, name=name + ".v", dtype="float64")
    return (u * 0.7 ** np.arange(columns)) @ v


WEIGHT = fastinit.normal((OUT, IN), seed=1, name="w", dtype="float64")
INPUTS = decaying(90, IN, "x")
COVARIANCE = INPUTS.T @ INPUTS


def test_corda_by_the_inverse_covariance() -> None:
    """As its authors and peft compute it."""
    inputs = COVARIANCE + 0.01 * np.diag(COVARIANCE).mean() * np.eye(IN)
    u, s, v = (each[..., :RANK] for each in turned(np.linalg.svd(WEIGHT @ inputs)))
    v = np.linalg.inv(inputs) @ v
    a, b, rest = fastinit.corda(WEIGHT, COVARIANCE, RANK, scaling=2.0, **WHERE)
    signs = np.sign((u * b).sum(0))
    np.testing.assert_allclose(b * signs, u * np.sqrt(s / 2), atol=1e-4)
    np.testing.assert_allclose(a.T * signs, v * np.sqrt(s / 2), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(rest, WEIGHT - 2 * b @ a, atol=1e-13)


def turned(factors: Any) -> tuple[Any, Any, Any]:
    """The factors of an SVD, with the right vectors in columns."""
    return factors[0], factors[1], factors[2].T


def test_corda_keeps_what_the_inputs_see() -> None:
    """No matrix of the rank is closer on the inputs."""
    a, b, _ = fastinit.corda(WEIGHT, COVARIANCE, RANK, damping=0, **WHERE)
    s = np.linalg.svd(WEIGHT @ COVARIANCE)[1]
    left = np.linalg.norm((WEIGHT - b @ a) @ COVARIANCE)
    assert left < 1.001 * np.sqrt((s[RANK:] ** 2).sum())


def test_corda_without_inputs_changes_nothing() -> None:
    a, b, rest = fastinit.corda(WEIGHT, np.zeros((IN, IN)), RANK, **WHERE)
    assert not a.any()
    assert not b.any()
    check_bits(rest, WEIGHT)


def test_eva() -> None:
    a, b = fastinit.eva(COVARIANCE.astype(np.float32), OUT, RANK, **WHERE)
    vectors = np.linalg.eigh(COVARIANCE)[1][:, ::-1][:, :RANK].T
    signs = np.sign((a * vectors).sum(1))
    np.testing.assert_allclose(a * signs[:, None], vectors, atol=1e-4)
    check_bits(b, np.zeros((OUT, RANK), np.float32))


def test_lora_ga() -> None:
    gradient = decaying(OUT, IN, "g").astype(np.float32)
    a, b, rest = fastinit.lora_ga(
        torch.tensor(WEIGHT), torch.tensor(gradient), RANK, gamma=9.0, scaling=0.5, **WHERE
    )
    u, _, v = np.linalg.svd(gradient.astype(np.float64), full_matrices=False)
    size = OUT**0.25 / 3
    for found, right in ((a.T, v[:RANK].T), (b, u[:, RANK : 2 * RANK])):
        signs = np.sign((found * right).sum(0))
        np.testing.assert_allclose(found * signs, size * right, atol=1e-4)
    np.testing.assert_allclose(rest, WEIGHT - 0.5 * b @ a, atol=1e-13)


@pytest.mark.parametrize(
    "factors",
    [
        lambda: fastinit.corda(WEIGHT, COVARIANCE, RANK, **WHERE),
        lambda: fastinit.eva(COVARIANCE, OUT, RANK, **WHERE),
        lambda: fastinit.lora_ga(WEIGHT, WEIGHT, RANK, **WHERE),
    ],
)
def test_threads(factors: Any) -> None:
    whole = factors()
    with threads(1):
        for one, other in zip(factors(), whole, strict=True):
            check_bits(one, other)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"covariance has shape \(3, 3\); pass \(40, 40\)"):
        fastinit.corda(WEIGHT, np.eye(3), RANK)
    with pytest.raises(ValueError, match="covariance has values that are not finite"):
        fastinit.eva(np.full((3, 3), np.nan), 3, 2)
    with pytest.raises(ValueError, match="rank=4 is more than the 3 inputs"):
        fastinit.eva(np.eye(3), 8, 4)
    with pytest.raises(ValueError, match=r"covariance has shape \(3,\); pass a matrix"):
        fastinit.eva(np.ones(3), 8, 1)
    with pytest.raises(ValueError, match=r"gradient has shape \(40, 60\), the weight \(60, 40\)"):
        fastinit.lora_ga(WEIGHT, WEIGHT.T, RANK)
    with pytest.raises(ValueError, match="rank=21 is more than half"):
        fastinit.lora_ga(WEIGHT, WEIGHT, 21)
    with pytest.raises(ValueError, match=r"gamma=0.* is not positive"):
        fastinit.lora_ga(WEIGHT, WEIGHT, 4, gamma=0)
