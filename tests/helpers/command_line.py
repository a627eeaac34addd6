"""What the tests of the command line share."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from fastinit.cli import app


def run(*arguments: object) -> Result:
    """What a command does."""
    return CliRunner().invoke(app, [str(each) for each in arguments])


def written(model: dict[str, Any], folder: Path) -> Path:
    """The file of a manifest."""
    path = folder / "small.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    return path
