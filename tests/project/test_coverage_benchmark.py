"""The benchmark of recordings finds what differs, and nothing where nothing does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.coverage import __main__ as coverage
from benchmarks.coverage import compare, distributions, large, tiny_transformers
from benchmarks.tables import coverage as tables

SHAPE = (40, 30)


def normal(seed: int, std: float = 1.0, shape: tuple[int, ...] = SHAPE) -> Any:
    """Random values."""
    return np.random.default_rng(seed).normal(0, std, shape).astype(np.float32)


def padded(seed: int, value: float) -> Any:
    """Random values with one row that is constant."""
    values = normal(seed)
    values[3] = value
    return values


COMPUTED = np.linspace(0, 1, 30, dtype=np.float32)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (normal, lambda seed: normal(seed + 9), None),
        (normal, lambda seed: normal(seed + 9, 2**0.5), "std"),
        (normal, lambda seed: normal(seed + 9, shape=(30, 40)), "another shape"),
        (normal, lambda seed: normal(seed + 9) + 1, "mean"),
        (normal, lambda _: COMPUTED.repeat(40).reshape(SHAPE), "only one depends"),
        (lambda _: COMPUTED, lambda _: COMPUTED, None),
        (lambda _: COMPUTED, lambda _: COMPUTED * 1.001, "both are computed"),
        (lambda seed: padded(seed, 0), lambda seed: padded(seed + 9, 0), None),
        (lambda seed: padded(seed, 0), lambda seed: padded(seed + 9, 1), "rows that do not depend"),
        (lambda seed: padded(seed, 0), lambda seed: normal(seed + 9), "other rows depend"),
    ],
)
def test_faults(
    ours: Callable[[int], Any], theirs: Callable[[int], Any], expected: str | None
) -> None:
    samples = [tuple({"w": draw(seed)} for seed in (0, 1)) for draw in (ours, theirs)]
    found = distributions.faults_of(samples[0], samples[1], {})["faults"]  # type: ignore[arg-type]
    assert expected in found.get("w", "") if expected else found == {}, found


def test_small_differences_are_found_in_large_tensors() -> None:
    ours, theirs = ({"w": normal(seed, std, (500, 400))} for seed, std in ((0, 1), (1, 1.05)))
    found = distributions.faults_of((ours, {"w": ours["w"] * 2}), (theirs, {"w": -theirs["w"]}), {})
    assert found["faults"]["w"].startswith("std: p = ")


def test_small_tensors_are_pooled() -> None:
    names = [f"layers.{k}.bias" for k in range(20)]
    ours, theirs = (
        tuple(
            {name: normal(k + a + b, std, (20,)) for k, name in enumerate(names)} for b in (0, 40)
        )
        for a, std in ((0, 1.0), (100, 2.0))
    )
    found = distributions.faults_of(ours, theirs, dict.fromkeys(names, "layers.*.bias"))  # type: ignore[arg-type]
    assert list(found["faults"]) == ["layers.*.bias"]


def test_a_model_that_draws_by_itself_is_found() -> None:
    """Its code draws with the generator of NumPy, which ``accelerate`` leaves alone."""

    def build() -> nn.Module:
        module = nn.Linear(8, 8)
        module.register_buffer("table", torch.from_numpy(normal(len(drawn))))
        drawn.append(module)
        return module

    drawn: list[nn.Module] = []
    found = compare.compare(build)
    assert found["different"]["no memory"] == ["table"]
    assert "table" not in found["faults"]


def test_the_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plain modules are right; what is not run again keeps its entries."""
    path = tmp_path / "coverage.json"
    assert coverage.main(["--groups", "plain", "--processes", "1", "--json", str(path)]) == 0
    assert coverage.main(["--groups", "", "--json", str(path)]) == 0
    again = ["--groups", "plain", "--only", "SmallGPT", "--processes", "1"]
    assert coverage.main([*again, "--json", str(path)]) == 0
    capsys.readouterr()
    report = json.loads(path.read_text())
    models = [each["model"] for each in report["results"]]
    assert models == ["StateSpace", "ResidualNet", "SmallGPT"]
    assert all(map(tables.is_right, report["results"]))
    shown = tables.section(report)
    assert "| plain | 3 | 3 | 3 |" in shown
    assert "Exceptions" not in shown


def test_special_sizes_belong_to_types() -> None:
    assert tiny_transformers._SPECIAL.keys() <= set(tiny_transformers.TYPES)


def test_a_configuration_of_a_large_model(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text((large.CONFIGS / "gpt2.json").read_text())
    found = large.record(str(path))
    assert found["parameters"] == 124_439_808
    assert found["seconds"] < 20
