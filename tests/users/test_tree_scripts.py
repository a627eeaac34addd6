"""Programs that use trees and sparse weights, as a new user writes them, run through."""

import runpy
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.mark.parametrize("name", ["jax_tree", "keras_tree", "sparse_training"])
def test_script(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs here, since a process of its own would import the framework once more."""
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
