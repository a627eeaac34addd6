"""Names, arguments and gains of fastinit.torch are those of torch.nn.init, also in layers."""

import inspect
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
import torch
from torch.nn import init as theirs

import fastinit
import fastinit.torch as ours
from helpers.torch_init_functions import ALL, OWN, outcome, shape_for

ALIASES = sorted(name for name in theirs.__all__ if not name.endswith("_") and f"{name}_" in ALL)


def test_every_name() -> None:
    """Each name of torch.nn.init exists, public and private."""
    assert set(theirs.__all__) <= set(ours.__all__)
    assert set(theirs.__all__) <= set(dir(ours))
    assert [name for name in vars(theirs) if name[:2] != "__" and not hasattr(ours, name)] == []
    assert ours._calculate_correct_fan is theirs._calculate_correct_fan
    assert ours._no_grad_normal_ is theirs._no_grad_normal_
    with pytest.raises(AttributeError, match=r"'fastinit\.torch' has no attribute 'norml_'"):
        _ = ours.norml_
    assert fastinit.torch is ours


def test_star() -> None:
    names: dict[str, Any] = {}
    exec("from fastinit.torch import *", names)
    assert set(theirs.__all__) <= set(names)


@pytest.mark.parametrize("name", sorted(ALL))
def test_signatures(name: str) -> None:
    """Torch's arguments keep their order and defaults; ours follow, by keyword only."""
    expected = list(inspect.signature(getattr(theirs, name)).parameters.values())
    found = list(inspect.signature(getattr(ours, name)).parameters.values())
    for mine, torchs in zip(found, expected, strict=False):
        assert (mine.name, mine.kind, mine.default) == (torchs.name, torchs.kind, torchs.default)
    added = found[len(expected) :]
    assert [each.name for each in added] == (["seed", "name"] if name in OWN else [])
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in added)


@pytest.mark.parametrize(
    "name",
    sorted(name for name in ours.__all__ if getattr(ours, name).__module__[:8] == "fastinit"),
)
def test_docstrings(name: str) -> None:
    """Each has arguments, errors and an example."""
    function: FunctionType = getattr(ours, name)
    doc = inspect.getdoc(function) or ""
    if name.endswith("_"):
        sections = ("Args:", "Returns:", "Raises:", "Example:")
        assert [each for each in sections if f"\n{each}\n" not in doc] == []
    assert doc


@pytest.mark.parametrize("name", ALIASES)
def test_deprecated(name: str) -> None:
    """The old names warn with torch's message, at the caller, and do the same."""
    args = ALL[f"{name}_"]
    tensor = torch.full(shape_for(name), 7.0)
    with pytest.warns(FutureWarning, match="deprecated") as caught:
        assert getattr(ours, name)(tensor, *args) is tensor
    assert caught[0].filename == __file__
    assert str(caught[0].message) == outcome(getattr(theirs, name), tensor, *args)[1][0][1]
    assert not bool((tensor == 7.0).any())


@pytest.mark.parametrize(
    "args",
    [
        *[(name,) for name in ("linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu")],
        ("selu",),
        *[("leaky_relu", slope) for slope in (None, 0, 0.01, 10)],
    ],
)
def test_gains(args: tuple[Any, ...]) -> None:
    assert ours.calculate_gain(*args) == theirs.calculate_gain(*args)
    assert math.isclose(ours.calculate_gain(*args), fastinit.gain(*args), rel_tol=1e-15)


LAYERS: dict[str, Callable[[], torch.nn.Module]] = {
    "linear": lambda: torch.nn.Linear(8, 8),
    "conv": lambda: torch.nn.Conv2d(4, 8, 3),
    "batchnorm": lambda: torch.nn.BatchNorm1d(8),
    "normalization": lambda: torch.nn.LayerNorm(8),
    "sparse": lambda: torch.nn.Embedding(8, 8, padding_idx=0),
    "rnn": lambda: torch.nn.LSTM(8, 8),
}


@pytest.mark.parametrize("module", LAYERS)
def test_in_a_real_model_file(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's own layers, whose ``init`` is ours, have the same constants and bounds."""
    expected = LAYERS[module]().state_dict()
    file = getattr(torch.nn.modules, module)
    monkeypatch.setattr(file, "init", ours)
    torch.manual_seed(0)
    first = LAYERS[module]().state_dict()
    torch.manual_seed(0)
    for key, value in LAYERS[module]().state_dict().items():
        assert torch.equal(value, first[key]), key
        assert bool((value == 0).all()) == bool((expected[key] == 0).all()), key
        if expected[key].numel() > 1 and expected[key].unique().numel() > 1:
            assert not torch.equal(value, expected[key]), key
        else:
            assert torch.equal(value, expected[key]), key
