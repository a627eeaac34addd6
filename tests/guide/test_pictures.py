"""Pictures of simulated networks: what they show, and that pages need nothing else."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

import fastinit
from fastinit.guide.propagation.propagation import Propagation
from helpers.command_line import run
from helpers.pages import numbers_are_finite, parsed, texts

SIZES = ("--depth", 12, "--width", 32)


@pytest.fixture(scope="module")
def one() -> Propagation:
    wanted = ["glorot_normal", "torch", "zeros", fastinit.Normal(std=1e3)]
    return fastinit.propagate("tanh", wanted, depth=12, width=32, jacobian=True)


@pytest.fixture(scope="module")
def several() -> Propagation:
    return fastinit.propagate(["relu", "tanh"], ["he_normal", "torch"], depth=12, width=32)


def test_page(one: Propagation, tmp_path: Path) -> None:
    """It is whole, has a chart per signal, every verdict and every layer."""
    path = tmp_path / "report.html"
    path.write_text("another file")
    one.html(path)
    root = parsed(path.read_text())
    assert numbers_are_finite(root)
    shown = "".join(root.itertext())
    for title in ("signal, forward", "gradient, backward", "correlation of two inputs"):
        assert title in texts(root)
    assert "singular values of the Jacobian" in texts(root)
    assert "saturated values" in texts(root)
    for profile in one.profiles:
        for said in profile.verdicts:
            assert said in shown
        assert f"{profile.layers[-1].q:.4g}" in shown
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_page_that_cannot_be_written(one: Propagation, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="could not be written"):
        one.html(tmp_path / "none" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder could not be written"):
        one.html(tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_heat_map(several: Propagation) -> None:
    """Of several activations: a cell per pair, with its growth."""
    root = parsed(f'<html xmlns="http://www.w3.org/1999/xhtml">{several._repr_html_()}</html>')
    shown = texts(root)
    assert "growth of the signal per layer" in shown
    for each in several.profiles:
        assert f"{each.forward:.3g}" in shown
        assert f"{each.backward:.3g}" in shown
    assert "relu: signal, forward" in shown


def test_figure(one: Propagation) -> None:
    drawn = one.plot(Figure())
    signal = drawn.axes[0]
    assert signal.lines[0].get_ydata().tolist() == [each.q for each in one.profiles[0].layers]
    assert [each.get_label() for each in signal.lines[:3]] == [
        "GlorotNormal()",
        "torch's default",
        "zeros",
    ]


def test_repr_is_a_screen(several: Propagation) -> None:
    lines = repr(several).splitlines()
    assert lines[2].split()[:3] == ["activation", "initializer", "forward"]
    assert max(map(len, lines[:5])) <= 80


def test_command(tmp_path: Path) -> None:
    asked = ("propagate", "--activation", "relu,tanh", "--init", "he_normal", *SIZES)
    plot, page = tmp_path / "out.png", tmp_path / "out.html"
    done = run(*asked, "--plot", plot, "--html", page)
    assert done.exit_code in (0, 1), done.output
    assert plot.read_bytes().startswith(b"\x89PNG")
    parsed(page.read_text())
    assert max(map(len, done.stdout.splitlines()[:4])) <= 80
    assert run(*asked, "--plot", plot.with_suffix(".xyz")).exit_code == 2
    done = run(*asked, "--html", tmp_path / "none" / "x.html")
    assert "is in a folder that does not exist; make" in done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.html", "out.png"]
