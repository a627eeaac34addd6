"""Tensors that cannot be drawn in pieces: the same in files and in memory, and verified."""

from pathlib import Path

import numpy as np
import pytest

import fastinit
from fastinit import Manifest, Parameter, Plan, Recipe, Rule
from fastinit.checkpoints import batches, pipeline
from helpers.bits import check_bits
from helpers.settings import threads
from helpers.small_checkpoint import read

PLAN = Plan(
    Manifest(
        "m",
        (
            Parameter("a.plain", (1000, 301)),
            Parameter("b.square", (200, 200)),
            Parameter("c.sparse", (500, 301)),
            Parameter("d.sparse", (512, 256)),
            Parameter("e.plain", (7,)),
            Parameter("f.square", (3, 3)),
        ),
    ),
    Recipe(
        "r",
        "test",
        (
            Rule("**.square", fastinit.Orthogonal()),
            Rule("**.sparse", fastinit.Sparse(nonzeros=15)),
            Rule("**", fastinit.Normal(std=0.02)),
        ),
    ),
    seed=4,
)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("size", [1 << 14, 1 << 18, 4 << 20])
def test_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, size: int) -> None:
    """Some buffers hold all of such a tensor, others do not."""
    monkeypatch.setattr(batches, "BUFFER", size)
    monkeypatch.setattr(pipeline, "BUFFER", size)
    monkeypatch.setattr(batches, "PIECE", size)
    with threads(count):
        path = PLAN.save(tmp_path / "m.safetensors").path
        found, _ = read(path)
        for name, array in PLAN.init().items():
            check_bits(found[name], array, name)
        verified = PLAN.verify(path)
    assert all(each.status == "as drawn" for each in verified.tensors)


def test_digests(tmp_path: Path) -> None:
    digests = PLAN.save(tmp_path / "m.safetensors").digests
    assert digests == {name: fastinit.digest(array) for name, array in PLAN.init().items()}


def test_they_are_what_they_are_called(tmp_path: Path) -> None:
    """This shows that the test above covers what it says."""
    found, _ = read(PLAN.save(tmp_path / "m.safetensors").path)
    square = found["b.square"].astype(np.float64)
    assert np.abs(square @ square.T - np.eye(200)).max() < 1e-5
    assert np.count_nonzero(found["c.sparse"]) <= 301 * 500 // 2
