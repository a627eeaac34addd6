"""What a new user writes first runs through, without an error or a warning.

The scripts run in this process, since torch takes longer to import than they take to run.
"""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.settings import process_seed

SCRIPTS = Path(__file__).parent / "scripts"
NOTEBOOK = SCRIPTS / "notebook.py"


@pytest.fixture(autouse=True)
def place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Scripts run in an empty folder, with a new seed of the process."""
    monkeypatch.chdir(tmp_path)
    with process_seed(None):
        yield


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(SCRIPTS.glob("*.py")) if path != NOTEBOOK],
    ids=lambda path: path.stem,
)
def test_script(path: Path) -> None:
    runpy.run_path(str(path), run_name="__main__")


def test_notebook() -> None:
    """Its cells run in order, and then again, one by one and in another order."""
    cells = [cell for cell in NOTEBOOK.read_text().split("# %%\n") if cell.strip()]
    code = [compile(cell, f"<cell {k}>", "exec") for k, cell in enumerate(cells)]
    names: dict[str, Any] = {"__name__": "__main__"}
    order = range(len(code))
    for k in (*order, 1, 1, 2, *order, *reversed(order)):
        exec(code[k], names)
