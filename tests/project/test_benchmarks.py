"""The benchmarks run from end to end at tiny sizes, and check their answers before they time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import (
    checkpoints,
    fill,
    jax_init,
    keras_init,
    models,
    orthogonal,
    overhead,
    report,
    torch_init,
)
from benchmarks.tables import jax_init as jax_tables
from benchmarks.tables import keras_init as keras_tables
from benchmarks.tables import torch_init as tables

if TYPE_CHECKING:
    from pathlib import Path


def test_fill_checks_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every task has a rate, in the JSON file."""
    path = tmp_path / "fill.json"
    fill.main(["--size", "64", "--repeats", "1", "--peers", "numpy", "--json", str(path)])
    capsys.readouterr()
    assert json.loads(path.read_text())


def test_overhead_checks_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Small calls and a batch have figures, in the JSON file."""
    path = tmp_path / "overhead.json"
    sizes = ["--size", "10", "--repeats", "1", "--calls", "2", "--peers", "numpy"]
    overhead.main([*sizes, "--parts", "calls,many", "--json", str(path)])
    capsys.readouterr()
    assert json.loads(path.read_text())


def test_jax_init_checks_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "jax_init.json"
    sizes = ["--size", "64", "--layers", "0", "--width", "64", "--repeats", "1"]
    jax_init.main([*sizes, "--functions", "he_normal", "--json", str(path)])
    found = json.loads(path.read_text())
    assert {each["way"] for each in found["results"]} >= {"eager", "callback", "jit"}
    shown = jax_tables.section(found)
    assert "| `he_normal` |" in shown
    assert jax_tables.headline(found)
    capsys.readouterr()


def test_torch_init_checks_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every function and a model have figures, and a table shows them."""
    path = tmp_path / "torch_init.json"
    sizes = ["--size", "64", "--repeats", "1", "--slow-repeats", "1", "--calls", "1"]
    torch_init.main([*sizes, "--models", "tiny", "--json", str(path)])
    capsys.readouterr()
    shown = tables.section(json.loads(path.read_text()))
    assert all(f"| `{name}` |" in shown for name in torch_init.FUNCTIONS)
    assert "| tiny |" in shown


def test_keras_init_checks_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both libraries have figures, and a table shows them."""
    path = tmp_path / "keras_init.json"
    sizes = ["--width", "64", "--depth", "1", "--vocabulary", "64", "--repeats", "1"]
    keras_init.main([*sizes, "--tasks", "he_normal", "--json", str(path)])
    capsys.readouterr()
    found = json.loads(path.read_text())
    assert "| `he_normal` |" in keras_tables.section(found)
    assert keras_tables.headline(found)


def test_orthogonal_checks_and_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every size has figures, in the JSON file."""
    monkeypatch.setattr(orthogonal, "PAUSE", 0)  # which only the figures need
    path = tmp_path / "orthogonal.json"
    orthogonal.main(["--scale", "0.02", "--repeats", "1", "--peers", "torch", "--json", str(path)])
    capsys.readouterr()
    results = json.loads(path.read_text())["results"]
    assert {entry["library"] for entry in results} == {"fastinit", "torch"}


def test_the_documents_show_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    """README.md and docs/benchmarks.md agree with the result files."""
    status = report.main(["--check"])
    assert status == 0, capsys.readouterr().out


def test_models_checks_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole model has its rates and ratios, in the JSON file."""
    path = tmp_path / "models.json"
    options = ["--model", "resnet-50", "--repeats", "1", "--peers", "", "--json", str(path)]
    assert models.main(options) == 0
    capsys.readouterr()
    assert "fresh / limit" in json.loads(path.read_text())["ratios"]


def test_checkpoints_checks_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file, a process and a plan have figures, in the JSON file, and no file is left."""
    path = tmp_path / "checkpoints.json"
    sizes = ["--repeats", "1", "--model", "resnet-50", "--large", "resnet-50", "--layers", "2"]
    checkpoints.main([*sizes, "--folder", str(tmp_path), "--json", str(path)])
    capsys.readouterr()
    assert {each["task"] for each in json.loads(path.read_text())["results"]} == {
        "save",
        "large",
        "plan",
    }
    assert list(tmp_path.iterdir()) == [path]
