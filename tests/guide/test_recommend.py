"""Advice: the rows of the tutorials, what is said about wrong choices, and errors."""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit.guide.advice import knowledge
from fastinit.guide.recommend import recommend
from fastinit.guide.recommendation import Recommendation
from fastinit.plots.chart import LineChart
from helpers.ids import shortened

GLOROT = ("GlorotUniform", "GlorotNormal")

# What tutorials say: (options, the name of the initializer or names).
ROWS: list[tuple[dict[str, Any], str | tuple[str, ...]]] = [
    ({"activation": "relu"}, "HeNormal"),
    ({"activation": "leaky_relu"}, "HeNormal"),
    ({"activation": "PReLU"}, "HeNormal"),
    ({"activation": "elu"}, "HeNormal"),
    ({"activation": "sigmoid"}, GLOROT),
    ({"activation": "tanh"}, GLOROT),
    ({"activation": "linear"}, GLOROT),
    ({"activation": "softmax", "layer": "output"}, GLOROT),
    ({"activation": "selu"}, "LecunNormal"),
    ({"activation": "gelu"}, "HeNormal"),
    ({"activation": "silu"}, "HeNormal"),
    ({"activation": "swiglu"}, "HeNormal"),
    ({"activation": np.arctan}, GLOROT),
    ({"activation": lambda x: x**3}, "HeNormal"),
    ({"activation": "sin", "layer": "first"}, "SirenUniform"),
    ({"activation": "sin"}, "SirenUniform"),
    ({"activation": "relu", "architecture": "cnn"}, "HeNormal"),
    ({"activation": "tanh", "architecture": "cnn"}, GLOROT),
    ({"architecture": "resnet"}, "HeNormal"),
    ({"architecture": "rnn", "layer": "recurrent"}, "Orthogonal"),
    ({"architecture": "lstm", "layer": "recurrent"}, "Orthogonal"),
    ({"architecture": "gru", "layer": "recurrent"}, "Orthogonal"),
    ({"activation": "relu", "architecture": "rnn", "layer": "recurrent"}, "Identity"),
    ({"architecture": "lstm", "layer": "input"}, "LecunUniform"),  # glorot per gate
    ({"architecture": "lstm", "layer": "forget_bias"}, "Constant"),
    ({"architecture": "transformer"}, "Normal"),
    ({"architecture": "transformer", "layer": "embedding"}, "Normal"),
    ({"architecture": "gpt", "layer": "residual_output", "depth": 12}, "Normal"),
    ({"activation": "relu", "depth": 100}, "HeNormal"),
    ({"activation": "tanh", "depth": 100}, GLOROT),
    ({"architecture": "autoencoder"}, GLOROT),
    ({"architecture": "sparse"}, "Sparse"),
    ({"architecture": "small"}, "Sparse"),
    ({"activation": "relu", "architecture": "sparse"}, "Sparse"),
    ({"architecture": "gan"}, "Normal"),
    ({"layer": "bias"}, "Constant"),
    ({"layer": "norm"}, "Constant"),
]


@pytest.mark.parametrize(("options", "names"), ROWS, ids=shortened)
def test_rows_of_tutorials(options: dict[str, Any], names: str | tuple[str, ...]) -> None:
    """Each is ready to call, and has a reason in a sentence, a formula and a source."""
    found = recommend(**options)
    assert type(found.initializer).__name__ in ((names,) if isinstance(names, str) else names)
    assert found.initializer((64, 64), seed=0).shape == (64, 64)
    assert found.reason.endswith(".")
    assert found.reason.count(". ") == 0
    assert found.formula
    assert any(year in found.source for year in map(str, range(1998, 2027)))


def test_numbers() -> None:
    he, leaky = recommend("relu"), recommend(fastinit.activation("leaky_relu", 0.2))
    assert he.initializer == fastinit.HeNormal()
    assert leaky.initializer == fastinit.HeNormal(gain=fastinit.gain("leaky_relu", 0.2, "forward"))
    assert recommend("relu", "cnn").initializer == fastinit.HeNormal(mode="fan_out")
    gelu = recommend("gelu").initializer
    assert gelu == fastinit.HeNormal(gain=fastinit.gain("gelu", match="forward"))
    assert recommend("sin", layer="input").initializer == fastinit.SirenUniform(first=True)
    assert recommend(architecture="gpt").initializer == fastinit.Normal(std=0.02)
    last = recommend(architecture="gpt", layer="residual_output", depth=8).initializer
    assert last == fastinit.Normal(std=0.005)
    assert recommend(layer="bias").initializer == fastinit.Constant(0)
    assert recommend(architecture="lstm", layer="forget_bias").initializer == fastinit.Constant(1)


def test_factors_of_depth() -> None:
    """T-Fixup and Fixup scale presets by their gains."""
    options: dict[str, Any] = {"architecture": "transformer", "normalization": "none", "depth": 9}
    found = recommend(layer="residual_output", **options).initializer
    assert found((400, 400), seed=0).std() == pytest.approx(1 / 20 / 3, rel=0.01)
    fixup = recommend("relu", depth=16, normalization="none", residual=True)
    assert fixup.initializer == fastinit.HeNormal(gain=math.sqrt(2) / 4)
    end = recommend("relu", layer="residual_output", normalization="none", residual=True)
    assert end.initializer == fastinit.Constant(0)


def test_narrow_transformers() -> None:
    """N(0, 0.02^2) is for wide ones; narrow ones have the variance of their fans, a stream of 1."""

    def std(shape: tuple[int, int], **options: Any) -> float:
        found = recommend(architecture="gpt", depth=8, **options).initializer
        return (found.resolve(shape).moments(shape) or (0, 0))[1]

    for width in (768, 256):
        assert std((width, width), width=width) == 0.02
    assert std((64, 64), width=64) == pytest.approx((2 / 64) ** 0.5)
    assert std((100, 64), width=64, layer="output") == pytest.approx(1 / 8)
    last = std((64, 256), width=64, layer="residual_output")
    assert last == pytest.approx((1 / 256) ** 0.5 / 4)
    narrow: dict[str, Any] = {"architecture": "gpt", "width": 64}
    assert recommend(layer="embedding", **narrow).initializer == fastinit.Normal(std=1.0)
    assert recommend(layer="tied_embedding", **narrow).initializer == fastinit.LecunNormal()


def test_every_rule_is_reached() -> None:
    """By some case, and its text is whole; so are notes."""
    data = knowledge()
    seen, said = set(), set()
    activations = ("relu", "sigmoid", "tanh", "linear", "selu", "sin", "swiglu", "gelu")
    cases = itertools.product(
        activations,
        data["architectures"],
        (None, 12, 20, 64),
        data["layers"],
        (None, "none", "layer"),
        (None, True),
        (None, "adam", "muon"),
    )
    from fastinit.guide.advice import case_of, notes_for, rule_for

    known = {name: fastinit.activation(name) for name in activations}
    for layer in data["layers"]:  # narrow transformers
        for asked in ("gelu", "linear"):
            narrow: Any = {"depth": 12, "normalization": "layer", "residual": True, "width": 64}
            case = case_of(asked, "transformer", layer=layer, **narrow)
            tied = dataclasses.replace(case, tied=True)
            seen |= {id(rule_for(each)) for each in (case, tied)}
    names = ("depth", "layer", "normalization", "residual", "optimizer")
    for asked, architecture, *facts in cases:
        options: Any = dict(zip(names, facts, strict=True))
        case = case_of(known[asked], architecture, **options)
        seen.add(id(rule_for(case)))
        said |= set(notes_for(case))
    assert [rule["formula"] for rule in data["rules"] if id(rule) not in seen] == []
    assert said == {note["text"] for note in data["notes"]}
    for rule in data["rules"]:
        assert rule["reason"].endswith(".")
        assert set(rule["when"]) <= {"layer", "activation", "architecture", "depth"} | {
            "normalization",
            "residual",
            "optimizer",
            "narrower_than",
            "tied",
        }
        for fact in ("layer", "architecture"):
            known_names = data["layers" if fact == "layer" else "architectures"]
            assert set(rule["when"].get(fact, ())) <= set(known_names)
        assert set(rule["when"].get("activation", ())) <= {*data["families"], "other"}


def test_never_zeros() -> None:
    """Each weight's notes say why."""
    for activation in ("relu", "tanh", "gelu", "selu"):
        assert any(
            "Never start all of these weights at 0" in n for n in recommend(activation).notes
        )
    assert not any("Never" in note for note in recommend(layer="bias").notes)
    assert all("Pre-trained weights" in recommend(**options).notes[0] for options, _ in ROWS)


def test_what_is_said_of_wrong_choices() -> None:
    """The numbers in the texts are what theory gives."""
    relu, tanh, linear = map(fastinit.activation, ("relu", "tanh", "linear"))
    assert relu.variance_map(1, 1) == pytest.approx(1 / 2)  # glorot
    assert relu.variance_map(1, math.sqrt(1 / 3)) == pytest.approx(1 / 6)  # torch's default
    assert linear.variance_map(1, math.sqrt(2)) == pytest.approx(2)  # he
    assert tanh.chi_1(math.sqrt(2)) > 1  # he is chaotic
    assert tanh.chi_1(5 / 3) > 1  # torch's gain
    points = np.linspace(-9, 9, 10001)
    slopes = np.gradient(fastinit.activation("sigmoid").function(points), points)
    assert slopes.max() == pytest.approx(1 / 4, rel=1e-5)
    weights = fastinit.uniform((144, 144), -1 / 12, 1 / 12, seed=0)
    assert abs(np.linalg.eigvals(weights)).max() == pytest.approx(0.58, abs=0.03)


def test_print_and_data() -> None:
    found = recommend("relu", "cnn")
    lines = str(found).splitlines()
    assert lines[0] == "HeNormal(mode='fan_out') for relu, cnn"
    assert max(map(len, lines)) <= 100
    data = found.to_dict()
    assert data["initializer"] == {"type": "HeNormal", "mode": "fan_out"}
    assert data["case"] == {"activation": "relu", "architecture": "cnn", "layer": "hidden"}
    assert set(data) == {"case", "initializer", "formula", "reason", "source", "avoid"} | {
        "alternatives",
        "notes",
    }


@pytest.mark.parametrize(
    ("found", "is_simulated"),
    [
        (recommend("relu", "cnn"), True),
        (recommend("swiglu"), True),
        (recommend(architecture="lstm", layer="forget_bias"), False),
        (recommend("relu", layer="norm_scale"), False),
    ],
    ids=["relu", "gated", "bias", "norm"],
)
def test_weights_between_units_have_charts(found: Recommendation, is_simulated: bool) -> None:
    assert ("plain network" in found.summary().subtitle) == is_simulated


def test_charts_name_each_start_once() -> None:
    """The initializer is not drawn again as one of the usual ones."""
    (chart, *_) = recommend("relu").charts()
    assert isinstance(chart, LineChart)
    labels = [each.label for each in chart.series if not each.is_theory]
    assert labels == ["HeNormal()", "GlorotNormal()", "torch's default"]


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({}, ValueError, "depends on what follows; pass activation=, or architecture="),
    ({"activation": "geluu"}, ValueError, "did you mean 'gelu'"),
    ({"architecture": "transformr"}, ValueError, "did you mean 'transformer'"),
    ({"architecture": 3}, TypeError, "architecture=3 is an int; pass a name"),
    ({"layer": "hidd"}, ValueError, "layer='hidd' is not known; did you mean 'hidden'"),
    ({"normalization": "bach"}, ValueError, "did you mean 'batch'"),
    ({"optimizer": "zzz"}, ValueError, "optimizer='zzz' is not known; known are sgd"),
    ({"activation": "relu", "residual": 1}, TypeError, "residual=1 is an int; pass True or False"),
    ({"activation": "relu", "depth": 0}, ValueError, "depth=0 is not positive"),
    ({"architecture": "gpt", "layer": "residual_output"}, ValueError, "pass depth="),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG, ids=str)
def test_wrong_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        recommend(**options)
