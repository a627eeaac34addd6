"""Pages of probed models, comparisons and coordinate checks, and the command that probes a file."""

import json
import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import nn

import fastinit.torch
from helpers.command_line import run
from helpers.pages import numbers_are_finite, parsed, texts

FILE = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 4))

def with_batch():
    return build(), torch.ones(4, 8) * torch.arange(4)[:, None]

def wrong():
    model = build()
    torch.nn.init.normal_(model[0].weight, std=9)
    return model

def tokens():
    return torch.nn.Sequential(torch.nn.Embedding(10, 8), torch.nn.Linear(8, 4))

def nothing():
    return 3
"""


def transformer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)


def test_probe(tmp_path: Path) -> None:
    """Stacks, modules, attention and weights have their charts, with every verdict."""
    report = fastinit.torch.probe(transformer(), torch.randn(4, 6, 16), lr={"adam": 1e-3})
    report.html(tmp_path / "report.html")
    root = parsed((tmp_path / "report.html").read_text())
    assert numbers_are_finite(root)
    shown = texts(root)
    assert {"signals, module by module", "attention", "matrices"} <= set(shown)
    assert "update to weight, adam" in shown
    assert any(each.startswith("layers: signal x") for each in shown)
    assert len(report.plot(Figure()).axes) == len(report.charts())
    parsed(f'<html xmlns="http://www.w3.org/1999/xhtml">{report._repr_html_()}</html>')


def test_verdicts_are_on_the_page() -> None:
    model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 2))
    nn.init.normal_(model[0].weight, std=9.0)  # type: ignore[arg-type]
    report = fastinit.torch.probe(model, torch.randn(32, 8))
    page = report.page().html()
    assert report.verdicts
    shown = "".join(parsed(page).itertext())
    assert all(said in shown for said in report.verdicts)
    assert "dead and saturated units" in shown


def build(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 2))


def test_coordinate_check(tmp_path: Path) -> None:
    """Every layer has its line, and a slope per step."""
    report = fastinit.torch.coord_check(build, (16, 64), torch.randn(16, 8), steps=2, lr=0.01)
    report.html(tmp_path / "report.html")
    root = parsed((tmp_path / "report.html").read_text())
    shown = texts(root)
    for row in report.rows:
        assert row.layer in shown
        assert f"{row.slope:+.2f}" in shown
    assert len(report.plot(Figure()).axes) == 3


def test_comparison(tmp_path: Path) -> None:
    """A curve per start with the spread of seeds, and gradients at the first and last step."""
    x = torch.randn(64, 8)
    starts = {"own": None, "default": "default"}
    data = x, (x[:, 0] > 0).long()
    report = fastinit.torch.compare(lambda: build(16), starts, data, steps=12, seeds=2)
    report.html(tmp_path / "report.html")
    root = parsed((tmp_path / "report.html").read_text())
    assert numbers_are_finite(root)
    assert {"training loss", "own", "default"} <= set(texts(root))
    curve = report.charts()[0].series[0]  # type: ignore[union-attr]
    runs = [run.losses for run in report.runs if run.start == "own"]
    assert list(curve.y) == [sum(each) / 2 for each in zip(*runs, strict=True)]
    assert curve.band is not None
    assert list(curve.band[0]) == [min(each) for each in zip(*runs, strict=True)]


def test_command(tmp_path: Path) -> None:
    """A file and a function; exit code 1 for verdicts, 2 for what is wrong with the question."""
    path, page = tmp_path / "small_model.py", tmp_path / "report.html"
    path.write_text(FILE)
    done = run("probe", f"{path}:with_batch", "--html", page)
    assert done.exit_code in (0, 1), done.output
    parsed(page.read_text())
    assert run("probe", f"{path}:build", "--batch", "32,8").exit_code == 0
    done = run("probe", f"{path}:wrong", "--batch", "32,8", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["verdicts"]
    assert run("probe", f"{path}:tokens", "--batch", "16,4", "--tokens", 10).exit_code in (0, 1)
    for given, message in (
        ((f"{path}:build",), "returns a model alone; pass --batch"),
        ((f"{path}:with_batch", "--batch", "4,8"), "a batch of its own; leave --batch out"),
        ((f"{path}:none",), "has no function 'none'; it has build, with_batch, wrong"),
        ((f"{path}:nothing",), "returns an int; return a model"),
        ((f"{path}:build", "--batch", "4,x"), "is not a shape"),
        ((f"{path}:build", "--tokens", 4), "pass --batch with it"),
        ((str(path),), "write it as model.py:build"),
        ((f"{tmp_path}/no.py:build",), "no such file"),
    ):
        done = run("probe", *given)
        assert done.exit_code == 2, given
        assert message in done.stderr


def test_a_file_with_the_name_of_a_module(tmp_path: Path) -> None:
    path = tmp_path / "json.py"
    path.write_text(FILE)
    assert run("probe", f"{path}:with_batch").exit_code in (0, 1)
    assert sys.modules["json"] is json
