"""The command line, run in this process."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from fastinit.cli.app import app


def run(*arguments: object, columns: int = 80) -> Result:
    """Run a command in a terminal of this width."""
    texts = [str(each) for each in arguments]
    return CliRunner().invoke(app, texts, prog_name="fastinit", env={"COLUMNS": str(columns)})


def written(model: dict[str, Any], folder: Path) -> Path:
    """Write a manifest to a file."""
    path = folder / "small.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    return path
