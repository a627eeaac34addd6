"""Comparisons of starts: paired runs, summaries and tests."""

import dataclasses
import itertools
import json
import math
import statistics
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import fastinit
from fastinit.torch import CompareReport, compare
from fastinit.torch.training.compare_report import sign_flip_p, summarized
from fastinit.torch.training.runs import Run

DEPTH = 6


def build() -> nn.Module:
    layers: list[nn.Module] = [nn.Linear(16, 48), nn.ReLU()]
    for _ in range(DEPTH):
        layers += [nn.Linear(48, 48), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(48, 4))


def data(count: int = 600) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.from_numpy(fastinit.normal((count, 16), seed=0, name=f"x {count}"))
    return x, (x @ torch.from_numpy(fastinit.normal((16, 4), seed=1, name="classes"))).argmax(1)


def zeros_biases(weights: fastinit.Initializer) -> list[tuple[str, fastinit.Initializer]]:
    return [("**.bias", fastinit.Constant(0)), ("**", weights)]


STARTS: dict[str, Any] = {
    "own": None,
    "he": zeros_biases(fastinit.HeNormal()),
    "small": zeros_biases(fastinit.Normal(std=0.01)),
}


@pytest.fixture(scope="module")
def report() -> CompareReport:
    return compare(build, STARTS, data(), steps=60, seeds=4, lr=0.003)


def test_a_good_start_wins(report: CompareReport) -> None:
    """He is better than weights that are too small, in loss, accuracy, steps and gradients."""
    own, he, small = report.starts
    assert (own.start, he.start, small.start) == ("own", "he", "small")
    assert he.final_loss < own.final_loss < small.final_loss
    assert he.accuracy > small.accuracy
    assert he.steps_to_loss < small.steps_to_loss
    gradients = {run.start: run.gradients for run in report.runs if run.seed == 0}
    assert gradients["he"][0].first > 1e3 * gradients["small"][0].first
    (test,) = [each for each in report.tests if {each.first, each.second} == {"he", "small"}]
    assert (test.first, test.p) == ("he", 2 / 2**4)


def test_runs_are_plain_training(report: CompareReport) -> None:
    """The first loss is that of the model as it starts; starts share their data."""
    assert len(report.runs) == 3 * 4
    for run in report.runs:
        assert len(run.losses) == report.steps == 60
        if run.start == "small":  # outputs of 0: the loss of equal probabilities
            assert run.losses[0] == pytest.approx(math.log(4), abs=1e-4)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        expected = build()
    fastinit.torch.init_(expected, STARTS["he"], 1)
    again = compare(build, {"same": lambda m: m.load_state_dict(expected.state_dict())}, data(),
                    steps=60, seeds=[1], lr=0.003)  # fmt: skip
    (run,) = [each for each in report.runs if (each.start, each.seed) == ("he", 1)]
    assert again.runs[0].losses == run.losses
    assert again.runs[0].test_loss == run.test_loss


def test_summaries(report: CompareReport) -> None:
    """They are means, deviations and medians of the runs."""
    for each in report.starts:
        runs = [run for run in report.runs if run.start == each.start]
        losses = [run.test_loss for run in runs]
        assert each.test_loss == pytest.approx(statistics.mean(losses))
        assert each.test_loss_spread == pytest.approx(statistics.stdev(losses))
        assert each.steps_to_loss == statistics.median_high(
            run.steps_to(report.target) for run in runs
        )
    finals = (
        statistics.median(run.final_loss for run in report.runs if run.start == name)
        for name in STARTS
    )
    assert report.target == max(finals)


def test_sign_flips() -> None:
    """The p is exact, as by trying all signs; of many pairs it is near the exact one's normal."""
    differences = [0.3, -0.1, 0.4, 0.2, 0.05]
    signs = itertools.product((-1, 1), repeat=5)
    sums = [abs(sum(a * abs(b) for a, b in zip(each, differences, strict=True))) for each in signs]
    expected = sum(each >= abs(sum(differences)) - 1e-12 for each in sums) / 32
    assert sign_flip_p(differences) == expected
    assert sign_flip_p([1.0] * 3) == 0.25
    assert sign_flip_p([0.0, 0.0]) == 1.0
    many = fastinit.normal((40,), seed=3, name="differences").astype(float) + 0.25
    z = abs(many.sum()) / np.sqrt((many**2).sum())
    assert sign_flip_p(many.tolist()) == pytest.approx(math.erfc(z / 2**0.5), abs=0.01)


@pytest.mark.parametrize("diverged", [math.nan, math.inf])
def test_runs_that_diverged(diverged: float) -> None:
    """They are worse than all others, of whichever start they are."""
    losses = {"good": [1.0, 2.0, 3.0], "bad": [0.5, diverged, diverged]}
    runs = [
        Run(name, seed, (loss,), loss, math.nan, ())
        for name, several in losses.items()
        for seed, loss in enumerate(several)
    ]
    for ordered in (runs, runs[3:] + runs[:3]):
        (test,) = summarized(ordered, 1.0).tests
        assert (test.first, test.second, test.difference) == ("good", "bad", math.inf)
        assert test.p == sign_flip_p([-0.5, 9.0, 9.0])


def test_digits() -> None:
    """On scikit-learn's digits, He's start is ahead of weights that are too small."""
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    model = lambda: nn.Sequential(  # noqa: E731
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    pixels = torch.from_numpy(digits.data).float() / 16
    starts = {name: STARTS[name] for name in ("he", "small")}
    found = compare(model, starts, (pixels, digits.target), steps=100, seeds=3, lr=0.003)
    he, small = found.starts
    assert he.accuracy > 0.9
    assert he.steps_to_loss < small.steps_to_loss


def test_numbers_as_targets() -> None:
    """The loss is the mean squared error, and there is no accuracy."""
    x, _ = data(100)
    model = lambda: nn.Linear(16, 1)  # noqa: E731
    found = compare(
        model, {"zeros": fastinit.Constant(0)}, (x, x[:, 0].numpy()), 1, 2, batch_size=80
    )
    assert math.isnan(found.starts[0].accuracy)
    assert 0.5 < found.runs[0].losses[0] < 1.5


def test_data_and_text(report: CompareReport) -> None:
    again = CompareReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again.to_dict() == report.to_dict()
    lines = str(report).splitlines()
    assert lines[2].split()[:2] == ["start", "steps"]
    assert lines[-1].startswith("Test loss: he is better than small by ")


def test_random_numbers_stay() -> None:
    state = torch.random.get_rng_state()
    compare(build, {"own": None}, data(50), 2, 1)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    compare(build, {"own": None}, data(50), 1, 2)
    assert capsys.readouterr().err == ""
    compare(build, {"own": None}, data(50), 1, 2, progress=True)
    assert "2/2 runs" in capsys.readouterr().err


ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"starts": {}}, "starts has no start"),
    ({"data": (torch.ones(3, 16), torch.ones(4))}, "data has 3 inputs and 4 targets"),
    ({"steps": 0}, "steps=0 is not positive"),
    ({"held_out": 1.0}, "held_out=1.0 leaves no data"),
    ({"optimizer": "lion"}, "optimizer='lion' is not known"),
]


@pytest.mark.parametrize(("options", "message"), ERRORS)
def test_errors(options: dict[str, Any], message: str) -> None:
    given = {"starts": STARTS, "data": data(50)} | options
    with pytest.raises(ValueError, match=message):
        compare(build, **given)


def test_language_models() -> None:
    """Targets with the shape of the logits but for the classes are classes of every token."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(5, 8), nn.Linear(8, 5)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.head(self.embed(tokens))  # type: ignore[no-any-return]

    tokens = torch.arange(40).reshape(10, 4) % 5
    report = compare(Model, {"zeros": fastinit.Constant(0)}, (tokens, tokens), steps=1, seeds=1)
    assert report.runs[0].losses[0] == pytest.approx(math.log(5))
    assert report.starts[0].accuracy == pytest.approx(float((tokens == 0).float().mean()), abs=0.3)


def test_classes_of_pixels() -> None:
    """They are on axis 1, and the accuracy counts pixels."""

    def start(model: nn.Module) -> None:
        with torch.no_grad():
            for each in model.parameters():
                each.zero_()
            model[0].bias[1] = 1.0  # type: ignore[index]

    x = torch.zeros(10, 1, 4, 5)
    y = torch.ones(10, 4, 5, dtype=torch.long)
    y[:, 0] = 2
    found = compare(
        lambda: nn.Sequential(nn.Conv2d(1, 3, 1)), {"a": start}, (x, y), 1, seeds=1, lr=1e-6
    )
    assert found.runs[0].accuracy == pytest.approx(15 / 20)
    loss = nn.functional.cross_entropy(
        torch.tensor([[0.0, 1.0, 0.0]] * 4), torch.tensor([1, 1, 1, 2])
    )
    assert found.runs[0].test_loss == pytest.approx(float(loss), rel=1e-4)


def test_a_layer_without_a_gradient() -> None:
    """A step may leave layers out."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.both, self.late = nn.Linear(2, 2), nn.Linear(2, 2)
            self.early = nn.Linear(2, 2)
            self.calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            found: torch.Tensor = self.both(x) + (self.early if self.calls == 1 else self.late)(x)
            return found

    found = compare(Model, {"own": None}, (torch.ones(9, 2), torch.zeros(9).long()), 2, seeds=1)
    gradients = {each.name: each for each in found.runs[0].gradients}
    assert gradients["early.weight"].last == gradients["late.weight"].first == 0
    assert min(gradients["early.weight"].first, gradients["late.weight"].last) > 0


def test_chance(report: CompareReport) -> None:
    """A difference of a large p is said to be no evidence."""
    large, small = (
        str(dataclasses.replace(report, tests=(dataclasses.replace(report.tests[0], p=p),)))
        for p in (0.5, 0.01)
    )
    least = str(dataclasses.replace(report, tests=(dataclasses.replace(report.tests[0], p=0.125),)))
    assert least.endswith("(p = 0.12, the least that 4 seeds can show)")
    assert large.endswith("(p = 0.5, which may be chance)")
    assert small.endswith("(p = 0.01)")
