"""The benchmarks run from end to end at tiny sizes: they check their answers before they time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import checkpoints, fill, overhead, report

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


def test_the_documents_show_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    """README.md and docs/benchmarks.md are what the result files make them."""
    status = report.main(["--check"])
    assert status == 0, capsys.readouterr().out


def test_checkpoints_checks_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file, a process and a plan have figures, in the JSON file, and no file is left."""
    path = tmp_path / "checkpoints.json"
    sizes = ["--repeats", "1", "--model", "gpt2", "--large", "gpt2", "--layers", "2"]
    checkpoints.main([*sizes, "--folder", str(tmp_path), "--json", str(path)])
    capsys.readouterr()
    assert {each["task"] for each in json.loads(path.read_text())["results"]} == {
        "save",
        "large",
        "plan",
    }
    assert list(tmp_path.iterdir()) == [path]
