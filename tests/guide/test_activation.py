"""Moments and gains of activations: closed forms, mpmath, callables of every kind, and errors."""

import functools
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import torch
from scipy.integrate import quad  # type: ignore[import-untyped]

import fastinit
from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import MATCHES
from helpers.activations import CLOSED, REFERENCES, moments
from helpers.ids import shortened

# The table of the papers: name -> (torch, forward, centered, backward), as far as they exist.
TABLE = {
    "relu": (1.41421, 1.41421, 1.71286, 1.41421),
    "leaky_relu": (1.41414, 1.41414, 1.70483, 1.41414),
    "tanh": (1.66667, 1.592537419723, 1.59254, 1.46741),
    "sigmoid": (1, 1.846228545339, 4.80131, 4.72265),
    "selu": (0.75, 1.0, 1.0, 0.96602),
    "elu": (None, 1.245198300701, 1.27084, 1.22343),
    "gelu": (None, 1.533530441196, 1.70093, 1.48111),
    "gelu_tanh": (None, 1.533580521666, 1.70092, 1.48117),
    "silu": (None, 1.676532470331, 1.78719, 1.62332),
    "mish": (None, 1.486847581273, 1.59203, 1.44476),
    "softplus": (None, 1.041866835535, 1.91913, 1.84623),
    "hard_swish": (None, 1.736657212767, 1.81387, 1.67008),
    "relu_squared": (None, 0.816496580928, 0.89443, 0.70711),
    "lecun_tanh": (None, 1.154369453976, None, None),
    "geglu": (None, 1.533530441196, 1.533530441196, None),
    "swiglu": (None, 1.676532470331, 1.676532470331, None),
}


@pytest.mark.parametrize("key", CLOSED, ids=str)
def test_closed_forms(key: tuple[str, float | None]) -> None:
    found = fastinit.activation(*key)
    expected = CLOSED[key]
    assert found.mean == pytest.approx(expected[0], rel=1e-13, abs=1e-14)
    assert found.second_moment == pytest.approx(expected[1], rel=1e-13)
    assert found.slope_second_moment == pytest.approx(expected[2], rel=1e-13)
    assert found.variance == pytest.approx(expected[1] - expected[0] ** 2, rel=1e-13)


@pytest.mark.parametrize("name", REFERENCES)
def test_mpmath(name: str) -> None:
    found = fastinit.activation(name)
    values = found.mean, found.second_moment, found.slope_second_moment
    assert values == pytest.approx(moments(name), rel=1e-12, abs=1e-14)
    kinks = REFERENCES[name][2]
    near = [each for each in found.kinks if min((abs(each - k) for k in kinks), default=9) < 1e-5]
    assert len(near) == len(found.kinks) == len(kinks)


def test_every_name_has_a_reference() -> None:
    """A gated unit's is its gate's."""
    parametric = {"rrelu", "celu"}  # as leaky_relu and elu
    known = {*REFERENCES, *(name for name, _ in CLOSED), *parametric, "hard_shrink"}
    assert {functions.GATED.get(each, each) for each in functions.names()} <= known
    assert fastinit.activation("rrelu").a == 11 / 48
    assert fastinit.gain("celu", 1.0, "forward") == fastinit.gain("elu", match="forward")


@pytest.mark.parametrize("name", TABLE)
def test_table(name: str) -> None:
    for match, expected in zip(
        ("torch", "forward", "centered", "backward"), TABLE[name], strict=True
    ):
        if expected is not None:
            digits = 5e-12 if len(repr(expected)) > 9 else 1e-5
            assert fastinit.gain(name, match=match) == pytest.approx(expected, rel=digits)


def test_gains_have_twelve_digits() -> None:
    """The last digits of tanh and exp differ between machines, and must not reach a weight."""
    for name in functions.names():
        found = fastinit.gain(name, match="forward")
        assert found == float(f"{found:.12g}")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        *(("silu", "swish"), ("leaky_relu", "LeakyReLU"), ("hard_swish", "Hardswish")),
        *(("gelu_tanh", "gelu_pytorch_tanh"), ("relu_squared", "relu2"), ("linear", "conv2d")),
    ],
)
def test_other_names(name: str, other: str) -> None:
    assert fastinit.activation(other).name == name


def hinge(x: Any) -> Any:
    return x - 0.3137 if x > 0.3137 else 0.2 * math.tanh(x - 0.3137)


def staircase(x: Any) -> Any:
    return np.round(2 * x) / 2


Made = tuple[Callable[[Any], Any], str]
CALLABLES: dict[str, Made] = {
    "numpy": (np.tanh, "tanh"),
    "numpy in place": (lambda x: np.maximum(x, 0, out=x), "relu"),
    "one number": (math.tanh, "tanh"),
    "a branch": (lambda x: x if x > 0 else 0, "relu"),
    "integers": (lambda x: np.heaviside(x, 0.5).astype(int), "step"),
    "booleans": (lambda x: x > 0, "step"),
    "partial": (functools.partial(np.maximum, 0), "relu"),
    "torch": (torch.tanh, "tanh"),
    "torch functional": (torch.nn.functional.gelu, "gelu"),
    "torch module": (torch.nn.SiLU(), "silu"),
    "torch module with weights": (torch.nn.PReLU(), "prelu"),
    "torch sequence": (torch.nn.Sequential(torch.nn.ReLU6(), torch.nn.Identity()), "relu6"),
    "torch with gradients": (lambda x: x * torch.sigmoid(x.requires_grad_()), "silu"),
    "jax": (jax.nn.mish, "mish"),
    "jax compiled": (jax.jit(jax.numpy.tanh), "tanh"),
    "jax nn": (lambda x: jax.nn.gelu(x, approximate=False), "gelu"),
}


@pytest.mark.parametrize("kind", CALLABLES)
def test_callables(kind: str) -> None:
    """They are what their names are."""
    function, name = CALLABLES[kind]
    found, expected = fastinit.activation(function), fastinit.activation(name)
    assert found.second_moment == pytest.approx(expected.second_moment, rel=1e-12)
    assert found.slope_second_moment == pytest.approx(expected.slope_second_moment, rel=1e-11)
    assert fastinit.gain(function, match="forward") == fastinit.gain(name, match="forward")


def test_names_of_callables() -> None:
    assert fastinit.activation(math.tanh).name == "tanh"
    assert fastinit.activation(torch.nn.SiLU()).name == "SiLU()"


def test_modules_are_left_as_they_are() -> None:
    module = torch.nn.PReLU()
    fastinit.gain(module, match="forward")
    assert module.weight.dtype == torch.float32
    assert jax.numpy.ones(1).dtype == np.float32


def test_float32() -> None:
    """A function that rounds to float32 has the accuracy of float32."""
    found = fastinit.activation(lambda x: np.tanh(x.astype(np.float32)))
    assert found.second_moment == pytest.approx(0.394294490397841, rel=1e-6)


def slope_of_hinge(x: float) -> float:
    return 1.0 if x > 0.3137 else 0.2 / math.cosh(x - 0.3137) ** 2


def test_kink_of_a_function() -> None:
    """It is where the definition says, and the moments are those of both pieces."""
    found = fastinit.activation(hinge)
    assert found.kinks == pytest.approx([0.3137], abs=1e-6)

    def integral(function: Callable[[float], float]) -> float:
        def weighted(x: float) -> float:
            return function(x) ** 2 * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

        ends = ((-12, 0.3137), (0.3137, 12))
        return float(sum(quad(weighted, *each, epsabs=1e-14)[0] for each in ends))

    assert found.second_moment == pytest.approx(integral(hinge), rel=1e-11)
    assert found.slope_second_moment == pytest.approx(integral(slope_of_hinge), rel=1e-11)


def test_jumps_of_a_function() -> None:
    found = fastinit.activation(staircase)
    inside = [each for each in found.kinks if abs(each) < 3]
    assert inside == pytest.approx(np.arange(-2.75, 3, 0.5), abs=1e-12)
    assert found.slope_second_moment == math.inf
    levels = np.arange(-40, 41) / 2
    cdf = np.array([0.5 * math.erfc(-(x + 0.25) / math.sqrt(2)) for x in levels])
    assert found.second_moment == pytest.approx(np.sum(levels[1:] ** 2 * np.diff(cdf)), rel=1e-12)


def test_gated_functions() -> None:
    """A gated unit's gain is that of its gate; gradients take both branches."""
    found = fastinit.activation(np.tanh, gated=True)
    gate = fastinit.activation("tanh")
    assert (found.mean, found.second_moment) == (0, gate.second_moment)
    both = gate.second_moment + gate.slope_second_moment
    assert found.slope_second_moment == pytest.approx(both, rel=1e-14)


WRONG: list[tuple[Any, type[Exception], str]] = [
    ("geluu", ValueError, "activation 'geluu' is not known; did you mean 'gelu'"),
    ("softmax", ValueError, "activation 'softmax' is not known; .*known are linear"),
    (3, TypeError, "activation=3 is an int; pass a name or a function"),
    (None, TypeError, "activation=None is a NoneType; pass a name or a function"),
    (math.atan2, TypeError, "fails for an array of float64 .* and for one number"),
    (math.log, TypeError, "and for one number .*ValueError"),
    (lambda x: x.sum(), TypeError, r"returns float64 of shape \(\) for float64 of shape \(10,\)"),
    (torch.nn.GLU(), TypeError, r"of shape \(5,\) .*the activation of its gate, with gated=True"),
    (lambda x: x + 1j, TypeError, "returns complex128"),
    (lambda x: str(x), TypeError, "returns str"),
    (lambda x: x - x.mean(), ValueError, "is not elementwise"),
    (torch.nn.Softmax(dim=0), ValueError, "is not elementwise"),
    (torch.nn.Dropout(), ValueError, "is not elementwise"),
    (np.sort, ValueError, "is not elementwise"),
    (np.log, ValueError, "activation=log is nan at -"),
    (lambda x: np.exp(x * x), ValueError, "is inf at "),
    (lambda x: np.exp(x * x / 4), ValueError, "infinite or cannot be computed"),
    (lambda x: 1 / x, ValueError, "infinite or cannot be computed"),
    (lambda x: np.sin(1 / (x + 1e-300)), ValueError, "is too irregular"),
    (lambda x: 0 * x, ValueError, "E f.2 of <lambda> is 0, so no gain makes up for it"),
]


@pytest.mark.parametrize(("f", "error", "message"), WRONG, ids=shortened)
def test_wrong_functions(f: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fastinit.gain(f, match="forward")


def test_missing_gains() -> None:
    """Each error says which gain there is."""
    with pytest.raises(ValueError, match=r"'gelu' has no gain in the table of torch.*'forward'"):
        fastinit.gain("gelu")
    with pytest.raises(ValueError, match="has no gain in the table of torch"):
        fastinit.gain(math.tanh)
    with pytest.raises(ValueError, match="match='back' is not known; pass one of 'torch', 'for"):
        fastinit.gain("relu", match="back")
    with pytest.raises(ValueError, match=r"step jumps, so E f'.2 is infinite"):
        fastinit.gain("step", match="backward")
    with pytest.raises(ValueError, match="the variance of f of <lambda> is 0"):
        fastinit.gain(lambda x: 0 * x + 1, match="centered")
    with pytest.raises(ValueError, match=r"a=0.2 means nothing for 'gelu'; only leaky_relu, prelu"):
        fastinit.gain("gelu", 0.2, "forward")
    with pytest.raises(ValueError, match=r"a=0.2 is for names; bind it in the function"):
        fastinit.gain(math.tanh, 0.2, "forward")
    with pytest.raises(ValueError, match="a=0 divides by zero in celu"):
        fastinit.gain("celu", 0, "forward")
    with pytest.raises(ValueError, match="this is an Activation"):
        fastinit.gain(fastinit.activation("elu"), 0.2, "forward")


def test_torch_gain_of_an_activation() -> None:
    leaky = fastinit.activation("leaky_relu", 0.2)
    assert fastinit.gain(leaky) == torch.nn.init.calculate_gain("leaky_relu", 0.2)
    assert fastinit.gain(leaky, match="forward") == pytest.approx((2 / 1.04) ** 0.5, rel=1e-11)


def test_frameworks_that_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not imported for a function that fails."""
    for name in ("torch", "jax"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(TypeError, match="fails for an array"):
        fastinit.gain(math.log, match="forward")
    assert not {"torch", "jax"} & set(sys.modules)


GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"


@pytest.mark.skipif(not GUIDE.exists(), reason="the pages are not beside the tests")
def test_gains_of_the_guide() -> None:
    """The table on the page has the four gains of each activation, to its last digit."""
    table = GUIDE.read_text().partition("\n## Gains\n")[2].partition("\n## ")[0]
    row = r"^\| (\w+)(?:, ([\d.]+))? \| ?(\S*) \| (\S+) \| (\S+) \| (\S+) \|$"
    rows = re.findall(row, table, re.M)
    assert len(rows) == 15
    for name, a, by_torch, *others in rows:
        number = float(a) if a else None
        for match, text in zip(MATCHES, (by_torch, *others), strict=True):
            if text:
                found = fastinit.gain(name, number, match)
                assert float(text) == pytest.approx(found, abs=5.1e-6), (name, match)
