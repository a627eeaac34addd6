"""Simulated networks: growth as theory has it, wrong starts named, and errors."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import Normal, propagate
from helpers.command_line import run

GELU, SILU, ELU = (fastinit.recommend(each).initializer for each in ("gelu", "silu", "elu"))

SATURATED = Normal(std=1.0)

# The pairs of the guide, and whether each keeps signals and gradients in 100 layers of width 1024.
PAIRS: list[tuple[str, Any, bool]] = [
    ("relu", "he_normal", True),
    ("relu", "he_uniform", True),
    ("relu", fastinit.Orthogonal(gain=math.sqrt(2)), True),
    ("relu", "glorot_normal", False),
    ("relu", "torch", False),
    ("relu", Normal(std=0.01), False),
    ("leaky_relu", fastinit.recommend("leaky_relu").initializer, True),
    ("tanh", "glorot_uniform", True),
    ("tanh", "orthogonal", True),
    ("tanh", "he_normal", False),
    ("tanh", Normal(std=0.01), False),
    ("tanh", SATURATED, False),
    ("sigmoid", "glorot_normal", False),
    ("linear", "glorot_normal", True),
    ("linear", "orthogonal", True),
    ("linear", "he_normal", False),
    ("selu", "lecun_normal", True),
    ("selu", "torch", False),
    ("elu", ELU, True),
    ("gelu", GELU, False),
    ("gelu", "glorot_normal", False),
    ("silu", SILU, False),
]


def check(
    activation: str, initializer: Any, is_right: bool, depth: int, width: int, within: float
) -> None:
    (found,) = propagate(activation, initializer, depth=depth, width=width).profiles
    assert found.forward == pytest.approx(found.forward_theory, rel=within)
    assert found.backward == pytest.approx(found.backward_theory, rel=within)
    assert (found.verdicts == ()) == is_right, found.verdicts


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "initializer", "is_right"), PAIRS, ids=str)
def test_hundred_layers(activation: str, initializer: Any, is_right: bool) -> None:
    # A saturated layer passes gradients through some 25 of its 1024 units. In the mean logarithm of
    # its layers such a network loses some 2 % to the theory of wide ones, and it amplifies the
    # rounding of products, which differs between machines.
    within = 0.04 if initializer is SATURATED else 0.02
    check(activation, initializer, is_right, 100, 1024, within)


@pytest.mark.parametrize(
    ("activation", "initializer", "is_right"),
    [
        *(("relu", "he_normal", True), ("relu", "glorot_normal", False), ("relu", "torch", False)),
        *(("tanh", "glorot_normal", True), ("tanh", Normal(std=0.01), False)),
        *(("selu", "lecun_normal", True), ("linear", "he_normal", False)),
    ],
)
def test_growth(activation: str, initializer: Any, is_right: bool) -> None:
    check(activation, initializer, is_right, 20, 512, 0.06)


GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
NAMED = {
    "He": "he_normal",
    "Glorot": "glorot_normal",
    "torch's default": "torch",
    "Glorot or orthogonal": "orthogonal",
    "N(0, 0.01^2)": Normal(std=0.01),
    "N(0, 1)": SATURATED,
    "LeCun": "lecun_normal",
    "He with the gain of gelu": GELU,
}


@pytest.mark.slow
@pytest.mark.skipif(not GUIDE.exists(), reason="the pages are not beside the tests")
def test_figures_of_the_guide() -> None:
    """The table of 100 layers says what is measured."""
    table = GUIDE.read_text().partition("### 100 layers of width 1024")[2].partition("## ")[0]
    rows = re.findall(r"^\| (\w+), (.+?) \| ([\d.]+) \| ([\d.]+) \| (.+) \|$", table, re.M)
    assert len(rows) == 11
    for activation, weights, forward, backward, said in rows:
        (found,) = propagate(activation, NAMED[weights], depth=100, width=1024).profiles
        assert found.forward == pytest.approx(float(forward), rel=0.03), (activation, weights)
        assert found.backward == pytest.approx(float(backward), rel=0.03), (activation, weights)
        if total := re.search(r"1e(-?\d+)", said):
            layers = found.layers
            ratios = layers[-1].q / layers[0].q, layers[0].gradient / layers[-1].gradient
            away = [abs(math.log10(each) - int(total[1])) for each in ratios]
            assert min(away) < 0.6, (activation, weights, ratios)


def test_theory_of_every_layer() -> None:
    """Each layer is near what theory expects from the one before."""
    (found,) = propagate("tanh", "he_normal", depth=8, width=1024, sigma_b=0.3).profiles
    for layer in found.layers:
        assert layer.q == pytest.approx(layer.q_theory, rel=0.05)
        assert layer.correlation == pytest.approx(layer.correlation_theory, abs=0.02)
        assert layer.gradient == pytest.approx(layer.gradient_theory, rel=0.1)


def test_verdicts() -> None:
    """They say what is wrong, by how much, and what fits."""
    found = propagate("relu", ["glorot_normal", "zeros"], depth=30, width=128)
    shrinks, zeros = (profile.verdicts for profile in found.profiles)
    assert shrinks[0].startswith("the mean square of the signal shrinks by a factor of 0.")
    assert shrinks[0].endswith("in all; HeNormal() fits relu")
    assert shrinks[1].startswith("the mean square of the gradient shrinks by a factor of 0.")
    assert zeros[0].startswith("the signal is 0: weights that are all 0 pass nothing on")
    (saturated,) = propagate("tanh", Normal(std=1.0), depth=3, width=128).profiles
    assert any("of the last layer's values are saturated; Glorot" in v for v in saturated.verdicts)
    (own,) = propagate("sigmoid", "glorot_normal", depth=30, width=64).profiles
    assert own.verdicts[0].endswith("; add normalization or residual connections")


def test_dead_units() -> None:
    """Where biases are far below 0, no input reaches a unit."""
    (found,) = propagate(lambda x: np.maximum(x - 9, 0), "he_normal", depth=2, width=64).profiles
    assert found.layers[0].dead == 1
    assert "units are dead" in str(found.verdicts) or "signal is 0" in str(found.verdicts)


def test_far_out_of_range_of_float32() -> None:
    """100 layers of variance 1/6 end at 1e-78, of variance 4 at 1e+120."""
    small, large = propagate(
        "relu", ["torch", fastinit.HeNormal(gain=4.0)], depth=120, width=32
    ).profiles
    assert 0 < small.layers[-1].q < 1e-70
    assert large.layers[-1].q > 1e80
    assert math.isfinite(large.layers[-1].q)
    assert small.backward == pytest.approx(small.backward_theory, rel=0.1)


def test_orthogonal_jacobian() -> None:
    """A deep linear orthogonal network is an isometry; a normal one is far from it."""
    both = propagate("linear", ["orthogonal", "glorot_normal"], depth=10, width=64, jacobian=True)
    isometry, normal = (profile.singular_values for profile in both.profiles)
    assert isometry is not None
    assert normal is not None
    assert isometry == pytest.approx([1.0] * 64, abs=1e-5)
    assert normal[0] / normal[-1] > 100


def test_jacobian_of_many_layers() -> None:
    """Its volume is that of the matrices of the layers, to the digits of the smallest value."""
    found = propagate("linear", ["glorot_normal"], depth=12, width=12, jacobian=True).profiles[0]
    layers = (
        fastinit.GlorotNormal()((12, 12), seed=0, name=f"layers.{k}.weight") for k in range(2, 13)
    )
    volume = sum(np.linalg.slogdet(each.astype(np.float64))[1] for each in layers)
    assert found.singular_values is not None
    assert sum(map(math.log, found.singular_values)) == pytest.approx(volume, abs=1e-6)


def test_same_numbers_again() -> None:
    """A seed decides everything; inputs of the caller take the place of random ones."""
    options: dict[str, Any] = {"depth": 3, "widths": [8, 16, 4], "batch": 6}
    one, again, other = (
        propagate("relu", "he_normal", **options, seed=seed).to_dict() for seed in (0, 0, 1)
    )
    assert one == again != other
    ones = propagate("relu", "he_normal", widths=[8, 16], inputs=np.ones((2, 8))).profiles[0]
    weights = fastinit.he_normal((16, 8), seed=0, name="layers.1.weight")
    assert ones.layers[0].q == pytest.approx(float((weights.sum(1) ** 2).mean()), rel=1e-6)
    assert ones.layers[0].correlation == pytest.approx(1)
    assert len(ones.layers) == 1


def test_print_and_data() -> None:
    found = propagate("relu", ["he_normal", "glorot_normal"], depth=5, width=32)
    lines = str(found).splitlines()
    assert lines[0] == "relu: signals in 5 layers"
    assert lines[2].split()[:4] == ["activation", "initializer", "forward", "theory"]
    assert lines[3].split()[:2] == ["relu", "HeNormal()"]
    data = json.loads(json.dumps(found.to_dict()))
    assert len(data["profiles"][0]["layers"]) == 5


WRONG: list[tuple[Any, Any, dict[str, Any], type[Exception], str]] = [
    ("relu", "he_norml", {}, ValueError, "did you mean 'he_normal'"),
    ("relu", 3, {}, TypeError, "initializer=3 is an int; pass an initializer"),
    ("relu", [], {}, ValueError, "initializer is an empty list"),
    ("swiglu", "he_normal", {}, ValueError, "swiglu is a gated unit"),
    ("relu", "he_normal", {"widths": 3}, ValueError, "widths=3 is not a list of two or more"),
    ("relu", "he_normal", {"depth": 0}, ValueError, "depth=0 is not positive"),
    ("relu", "he_normal", {"sigma_b": -1}, ValueError, "sigma_b=-1 is negative"),
    ("relu", "he_normal", {"correlation": 2}, ValueError, "correlation=2.0 is not one"),
    (
        "relu",
        "he_normal",
        {"inputs": np.ones(3)},
        ValueError,
        r"inputs of shape \(3,\) are not two",
    ),
    ("relu", "he_normal", {"inputs": np.ones((2, 3))}, ValueError, "inputs have 3 features and"),
    ("relu", fastinit.DeltaOrthogonal(), {"widths": [8, 4]}, ValueError, "4 outputs and 8 inputs"),
]


@pytest.mark.parametrize(("activation", "initializer", "options", "error", "message"), WRONG)
def test_wrong_arguments(
    activation: Any,
    initializer: Any,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        propagate(activation, initializer, **options)


def test_command() -> None:
    """The exit code is 1 where there is a verdict."""
    sizes = ("--depth", 22, "--width", 128)
    done = run("propagate", "--activation", "relu", "--init", "he_normal", *sizes)
    assert (done.exit_code, done.stdout.splitlines()[4].split()[1]) == (0, "HeNormal()")
    done = run("propagate", "--activation", "relu", "--init", "glorot_normal,torch", *sizes)
    assert done.exit_code == 1
    assert done.stdout.count("HeNormal() fits relu") == 4
    done = run("propagate", "--activation", "tanh", "--init", "torch", *sizes, "--layers")
    assert len(done.stdout.splitlines()) > 20
    data = json.loads(
        run("propagate", "--activation", "relu", "--init", "torch", *sizes, "--json").stdout
    )
    assert data["profiles"][0]["activation"] == "relu"
    done = run("propagate", "--activation", "relu,", "--init", "he_normal,x,")
    assert done.exit_code == 2
    assert "error: --init x is not known; use one of he_normal, " in done.stderr
    assert not done.stderr.endswith("object\n")
