"""All reports have text, notebooks, pages, figures and data."""

import dataclasses
import importlib
import inspect
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from rich.console import Console

import fastinit
from fastinit.plots.chart import Chart, LineChart, Series
from fastinit.plots.report import Report
from fastinit.plots.summary import Summary
from fastinit.tables import Table
from helpers.pages import numbers_are_finite, parsed

NAMED = ("Audit", "Balance", "Compare", "Coord", "Lsuv", "Probe")
LONG = "a.module.with.a.name.that.is.as.long.as.those.of.large.models.are.weight"


@dataclasses.dataclass(frozen=True, repr=False)
class Example(Report):
    """A report with all that one may have."""

    rows: int = 3
    verdicts: tuple[str, ...] = ("x < 1 & y; " + "because " * 20,)

    def summary(self) -> Summary:
        cells = [(f"{LONG}.{k}", f"{k}", "words " * 8) for k in range(self.rows)]
        named = frozenset(("name",))
        table = Table(("name", "number", "text"), cells, frozenset(("number",)), named)
        second = Table(("", ""), [("reason", "there is one")])
        tables = (("First", table), ("Second", second))
        return Summary("A title", tables, "A subtitle.", ("A note.",), self.verdicts)

    def charts(self) -> tuple[Chart, ...]:
        return (LineChart("t", "x", "y", (Series("a", (0, 1), (0, 1)),)),)

    def details(self) -> tuple[tuple[str, Table], ...]:
        return (("More", Table(("cell",), [("folded away",)])),)

    def to_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}


REPORTS: dict[str, Callable[[], Report]] = {
    "example": Example,
    "advice": lambda: fastinit.recommend("relu", "cnn"),
    "advice for a bias": lambda: fastinit.recommend(architecture="lstm", layer="forget_bias"),
    "recipe": lambda: fastinit.recommend_recipe(fastinit.Manifest.load("gpt2")),
    "description": lambda: fastinit.describe("orthogonal", (8, 8)),
    "propagation": lambda: fastinit.propagate("tanh", ["torch", "zeros"], depth=6, width=16),
}


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("columns", [60, 100])
def test_text(kind: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins with the title, and is as wide as the terminal; rich prints the same."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")
    report = REPORTS[kind]()
    lines = str(report).splitlines()
    assert lines[0] == report.summary().title
    if columns == 100 or kind == "example":
        assert max(map(len, lines)) <= columns
    console = Console(file=io.StringIO(), width=columns, force_terminal=True, color_system=None)
    console.print(report, crop=False)
    assert isinstance(console.file, io.StringIO)
    shown = [line for line in console.file.getvalue().splitlines() if set(line) != {"─"}]
    assert [line.rstrip() for line in shown] == lines


@pytest.mark.parametrize("kind", REPORTS)
def test_pages_figures_and_data(kind: str, tmp_path: Path) -> None:
    report = REPORTS[kind]()
    report.html(tmp_path / "page.html")
    root = parsed((tmp_path / "page.html").read_text())
    assert numbers_are_finite(root)
    assert report.summary().title in "".join(root.itertext())
    parsed(f'<html xmlns="http://www.w3.org/1999/xhtml">{report._repr_html_()}</html>')
    json.dumps(report.to_dict(), allow_nan=False)
    if report.charts():
        assert len(report.plot(Figure()).axes) == len(report.charts())
    else:
        with pytest.raises(ValueError, match="has no charts to draw; html"):
            report.plot(Figure())


def test_wrong_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts come last, and where there are none that is said."""
    monkeypatch.setenv("COLUMNS", "100")
    assert str(Example()).splitlines()[-2].startswith("! x < 1 & y; because because")
    assert str(Example(verdicts=())).splitlines()[-1] == "nothing is wrong"
    assert "Nothing is wrong." in Example(verdicts=())._repr_html_()


def test_a_file_has_a_sentence_per_line() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(Example(), soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue().splitlines()[-1]
    assert said == f"! {Example().verdicts[0]}"


def test_repr_is_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves rows out; text has all of them."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LINES", "24")
    many = Example(rows=100)
    assert len(repr(many).splitlines()) < 30
    assert "more lines; print() shows all ..." in repr(many)
    assert len(str(many).splitlines()) > 100


def test_every_report_is_one() -> None:
    """Whatever the library calls a report has all of it."""
    found = set()
    package = Path(fastinit.__file__).parent
    for path in package.rglob("*report.py"):
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for name, each in vars(importlib.import_module(module)).items():
            if name.endswith("Report") and not inspect.isabstract(each):
                found.add(name)
                assert issubclass(each, Report), name
    assert found == {f"{each}Report" for each in NAMED}
