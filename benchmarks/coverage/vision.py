"""Models of timm, at least one of each of its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.common import required


class Timm:
    """The models of ``data/timm.json``."""

    package = "timm"

    def names(self) -> list[str]:
        """Return the names of the models."""
        required(self.package)
        found: list[str] = json.loads((Path(__file__).parent / "data" / "timm.json").read_text())
        return found

    def build(self, name: str) -> Any:
        """Return a function that builds a model."""
        timm = required(self.package)
        return lambda: timm.create_model(name)
