"""The command line, run in this process."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from fastinit.cli.app import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def written(model: dict[str, Any], folder: Path) -> Path:
    """Write a manifest to a file."""
    path = folder / "small.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    return path
