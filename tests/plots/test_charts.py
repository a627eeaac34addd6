"""Charts in SVG and in figures of matplotlib."""

import math
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from fastinit.plots import figure, svg
from fastinit.plots.chart import Chart, HeatMap, LineChart, Mask, Series
from helpers.pages import SVG, numbers_are_finite, parsed, texts

NAN, INF = math.nan, math.inf

CHARTS: dict[str, Chart] = {
    "lines": LineChart(
        "A < B & C",
        "layer",
        "mean square",
        (
            Series("x > 1", (1, 2, 3, 4), (1.0, 1e-20, NAN, 1e-60)),
            Series("a long label that no legend has room for, so it is cut", (1, 4), (1.0, INF)),
            Series("theory", (1, 4), (1.0, 1e-60), is_theory=True),
        ),
        may_be_log=True,
    ),
    "bands": LineChart(
        "loss", "step", "loss", (Series("a", (0, 9), (2, 1), False, ((1, 0), (3, 2))),)
    ),
    "one point": LineChart("one", "x", "y", (Series("a", (1,), (0.0,)),)),
    "nothing": LineChart("none", "x", "y", (Series("a", (), ()),)),
    "histogram": LineChart(
        "weights",
        "value",
        "density",
        (Series("theory", (-1, 0, 1), (0.1, 0.4, 0.1), is_theory=True),),
        bars=(0.1, 0.4, 0.2),
        edges=(-1, -0.3, 0.3, 1),
    ),
    "heat map": HeatMap(
        "growth",
        ("relu", "tanh"),
        ("HeNormal()", "torch's default"),
        ((0.0, -1.0), (0.5, NAN)),
        (("1", "0.17"), ("1.5", "")),
    ),
    "mask": Mask("kept", "input", "output", ((True, True, False), (False, False, True))),
}


@pytest.mark.parametrize("kind", CHARTS)
def test_svg(kind: str) -> None:
    """Well-formed, finite, titled, and in the colors of the page but for the palette."""
    chart = CHARTS[kind]
    root = parsed(svg.draw(chart))
    assert root.tag == f"{SVG}svg"
    assert root.get("aria-label") == chart.title == texts(root)[0]
    assert numbers_are_finite(root)


def test_lines_are_interrupted() -> None:
    """A point that is not finite is left out, and the line ends before it."""
    steps = [each.get("d", "") for each in parsed(svg.draw(CHARTS["lines"])).iter(f"{SVG}path")]
    (line,) = [each for each in steps if each.count("L") == 1 and each.count("M") == 2]
    assert line.count(" ") == 3


def test_points_say_their_values() -> None:
    root = parsed(svg.draw(CHARTS["lines"]))
    said = [each.text for each in root.iter(f"{SVG}title")]
    assert "x > 1, 2: 1e-20" in said


def test_legend_names_theory_once() -> None:
    lines = (Series("theory", (0, 1), (0, 1), True), Series("theory", (0, 1), (1, 0), True))
    root = parsed(svg.draw(LineChart("t", "x", "y", (Series("a", (0, 1), (0, 1)), *lines))))
    assert texts(root).count("theory") == 1
    drawn = figure.draw((LineChart("t", "x", "y", lines),), Figure())
    (legend,) = [axes.get_legend() for axes in drawn.axes]
    assert legend is not None
    assert [each.get_text() for each in legend.get_texts()] == ["theory"]


def test_mask_has_a_run_per_row() -> None:
    mask = next(iter(parsed(svg.draw(CHARTS["mask"])).iter(f"{SVG}path")))
    assert mask.get("d", "").count("M") == 2


def test_figures() -> None:
    """Every kind of chart, in one figure, whose values are those of the charts."""
    drawn = figure.draw(tuple(CHARTS.values()), Figure(layout="constrained"))
    drawn.canvas.draw()
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert titles == [each.title for each in CHARTS.values()]
    lines = drawn.axes[0]
    assert lines.get_yscale() == "log"
    assert lines.lines[0].get_ydata()[1] == 1e-20
    assert [each.get_text() for each in drawn.axes[5].texts] == ["1", "0.17", "1.5", ""]


def test_figures_of_pyplot() -> None:
    """Without a figure, a new one of pyplot, which ``show`` shows."""
    from matplotlib import pyplot

    drawn = figure.draw((CHARTS["bands"],))
    try:
        assert drawn.number in pyplot.get_fignums()
    finally:
        pyplot.close(drawn)


def test_svg_is_deterministic() -> None:
    for chart in CHARTS.values():
        assert svg.draw(chart) == svg.draw(chart)
        ElementTree.fromstring(svg.draw(chart))


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError, match="plots need matplotlib, which is not installed"):
        figure.draw((CHARTS["lines"],))
