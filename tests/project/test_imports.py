"""Imports between the rooms of the package point down, and no modules import each other."""

import graphlib
import sys
from pathlib import Path

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent.parent


def test_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts in pyproject.toml are kept; imports in functions and for types count too."""
    monkeypatch.setattr(sys, "path", list(sys.path))  # which lint_imports changes
    configuration = str(ROOT / "pyproject.toml")
    assert lint_imports(configuration, no_cache=True, no_logo=True) == EXIT_STATUS_SUCCESS


def test_no_circles() -> None:
    """Modules can be put in an order in which each imports only those before it."""
    graph = grimp.build_graph("fastinit", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    order = list(graphlib.TopologicalSorter(imports).static_order())
    assert order.index("fastinit.native.request") < order.index("fastinit")
