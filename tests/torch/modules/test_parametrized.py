"""The weight of a parametrized layer is what the recipe asks for, or an error says what to do."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import utils
from torch.nn.utils import parametrizations, parametrize

import fastinit
from fastinit import Constant, Manifest, Plan
from fastinit.torch import init_, materialize_

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.nn.utils.weight_norm import weight_norm as older_weight_norm

Make = Callable[[], Any]
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")


def normed() -> dict[str, Make]:
    """Weight-normed layers of all kinds."""
    new: Any = parametrizations.weight_norm
    return {
        "linear": lambda: new(nn.Linear(32, 24)),
        "columns": lambda: new(nn.Linear(32, 24), dim=1),
        "whole": lambda: new(nn.Linear(32, 24), dim=None),
        "convolution": lambda: new(nn.Conv1d(8, 6, 3), dim=2),
        "hook": lambda: older_weight_norm(nn.Linear(32, 24)),
        "half": lambda: new(nn.Linear(32, 24).to(torch.bfloat16)),
    }


def spectral() -> dict[str, Make]:
    """Spectrally normed layers of all kinds."""
    new: Any = parametrizations.spectral_norm
    return {
        "linear": lambda: new(nn.Linear(32, 24)),
        "convolution": lambda: new(nn.Conv2d(8, 6, 3)),
        "transposed": lambda: new(nn.ConvTranspose1d(8, 6, 3)),
        "hook": lambda: utils.spectral_norm(nn.Linear(32, 24)),
    }


def initialized(make: Make, *, on_meta: bool, recipe: str = "default") -> Any:
    """A layer inside a module, initialized."""
    with torch.device("meta" if on_meta else "cpu"):
        model = nn.Sequential(nn.Linear(4, 4), make())
    (materialize_ if on_meta else init_)(model, recipe, seed=0)
    return model[1]


def plain_weight(weight: torch.Tensor) -> torch.Tensor:
    """What a layer without a parametrization gets."""
    dtype = str(weight.dtype).removeprefix("torch.")
    array = fastinit.normal(weight.shape, std=0.02, seed=0, name="1.weight", dtype=dtype)
    return torch.from_numpy(array.astype("float32"))


@pytest.mark.parametrize("on_meta", [False, True])
@pytest.mark.parametrize("kind", normed())
def test_weight_norm(kind: str, *, on_meta: bool) -> None:
    """The weight is that of a plain layer, up to the rounding of the product."""
    layer = initialized(normed()[kind], on_meta=on_meta)
    weight = layer.weight.detach().float()
    half_ulp = 2**-8 if kind == "half" else 2**-22
    torch.testing.assert_close(weight, plain_weight(layer.weight), rtol=2 * half_ulp, atol=0)
    assert not layer.bias.any()


def test_weights_of_zero() -> None:
    """Zero is not 0 / 0."""
    layer: Any = parametrizations.weight_norm(nn.Linear(4, 4))
    init_(layer, [("weight", Constant(0)), ("bias", Constant(1))], seed=0)
    assert torch.equal(layer.weight, torch.zeros(4, 4))


@pytest.mark.parametrize("on_meta", [False, True])
@pytest.mark.parametrize("kind", spectral())
def test_spectral_norm(kind: str, *, on_meta: bool) -> None:
    """The matrix is that of a plain layer, and its vectors belong to it, whatever was there."""
    make = spectral()[kind]
    layer = initialized(make, on_meta=on_meta).eval()
    state = layer.state_dict()
    matrix = next(value for name, value in state.items() if "orig" in name)
    assert torch.equal(matrix, plain_weight(matrix))
    if kind == "hook":
        layer(torch.zeros(1, 32))
    weight = layer.weight
    rows = weight.transpose(0, 1) if kind == "transposed" else weight
    assert 0.99 < torch.linalg.matrix_norm(rows.flatten(1), 2) < 1.2
    again = initialized(make, on_meta=not on_meta).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in state.items())


def test_recipe_of_torch() -> None:
    """The names of weights and the types of layers are those of plain layers, for biases too."""
    layer = initialized(normed()["linear"], on_meta=False, recipe="torch")
    plain: Any = nn.Sequential(nn.Linear(4, 4), nn.Linear(32, 24))
    init_(plain, "torch", seed=0)
    torch.testing.assert_close(layer.weight, plain[1].weight, rtol=1e-6, atol=0)
    assert torch.equal(layer.bias, plain[1].bias)
    embedding: Any = parametrizations.weight_norm(nn.Embedding(50, 40))
    init_(embedding, "torch", seed=0)
    assert 0.9 < embedding.weight.std() < 1.1


class Symmetric(nn.Module):
    """A parametrization of one's own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.triu() + x.triu(1).mT


def refused() -> dict[str, Make]:
    """Layers whose weights cannot be drawn."""

    def twice() -> nn.Module:
        layer = parametrizations.spectral_norm(nn.Linear(6, 6))
        parametrize.register_parametrization(layer, "weight", Symmetric())
        return layer

    def own() -> nn.Module:
        layer = nn.Linear(6, 6)
        parametrize.register_parametrization(layer, "weight", Symmetric())
        return layer

    return {
        "orthogonal": lambda: parametrizations.orthogonal(nn.Linear(6, 6)),
        "cayley": lambda: parametrizations.orthogonal(
            nn.Linear(6, 4), orthogonal_map="cayley", use_trivialization=False
        ),
        "own": own,
        "twice": twice,
    }


@pytest.mark.parametrize("kind", refused())
def test_other_parametrizations(kind: str) -> None:
    """They are an error before anything is written, unless ``only`` leaves them out."""
    layer = refused()[kind]()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with pytest.raises(ValueError, match=r"'weight' is parametrized by .*remove_parametrizations"):
        init_(layer, "default", seed=0)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    init_(layer, "default", seed=0, only="bias")
    assert not layer.bias.any()
    before.pop("bias")
    after = layer.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("only", ["1.weight", "**.weight", "**"])
def test_only(only: str) -> None:
    """What belongs to a weight comes with it, and goes with it."""
    model: Any = nn.Sequential(nn.Linear(4, 4), normed()["linear"]())
    init_(model, "default", seed=0, only=only)
    torch.testing.assert_close(model[1].weight, plain_weight(model[1].weight), rtol=1e-6, atol=0)
    before = model[1].weight.clone()
    init_(model, "default", seed=1, only="0.*")
    assert torch.equal(model[1].weight, before)


@pytest.mark.parametrize("make", [normed()["linear"], spectral()["linear"], spectral()["hook"]])
def test_plans_of_manifests(make: Make) -> None:
    """Without the module, what must be computed is an error that lists it."""
    with pytest.raises(ValueError, match=r"original0 \(24, 1\) \(computed|_u \(24,\)"):
        Plan(Manifest.from_torch(make()), "default", seed=0)


def test_tied_buffers_that_no_recipe_knows() -> None:
    """They keep their values, as other buffers do."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    table = torch.full((3,), 5.0)
    for layer in model:
        layer.register_buffer("table", table)
    init_(model, "default", seed=0)
    assert torch.equal(table, torch.full((3,), 5.0))


def test_tied_weights() -> None:
    """A direction that two layers share is drawn once, and each has its norms."""
    model: Any = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    for layer in model:
        parametrizations.weight_norm(layer)
    model[1].parametrizations.weight.original1 = model[0].parametrizations.weight.original1
    init_(model, "default", seed=0)
    assert torch.equal(model[0].weight, model[1].weight)
    expected = torch.from_numpy(fastinit.normal((8, 8), std=0.02, seed=0, name="0.weight"))
    torch.testing.assert_close(model[1].weight, expected, rtol=1e-6, atol=0)
    init_(model, [("**.weight", Constant(0)), ("**.bias", Constant(0))], seed=0)
    assert not model[0].weight.any()
    assert not model[1].weight.any()


def test_layers_that_are_used_twice() -> None:
    layer: Any = parametrizations.weight_norm(nn.Linear(8, 8))
    model = nn.Sequential(layer, layer)
    init_(model, "default", seed=0)
    expected = torch.from_numpy(fastinit.normal((8, 8), std=0.02, seed=0, name="0.weight"))
    torch.testing.assert_close(layer.weight, expected, rtol=1e-6, atol=0)
    init_(model, [("**.weight", Constant(0)), ("**.bias", Constant(0))], seed=0)
    assert not layer.weight.any()


def test_parametrized_buffers() -> None:
    """They keep their values, as other buffers do."""
    layer: Any = nn.Linear(2, 2)
    layer.register_buffer("table", torch.full((2, 2), 5.0))
    parametrize.register_parametrization(layer, "table", Symmetric())
    before = layer.table.clone()
    init_(layer, "default", seed=0)
    assert torch.equal(layer.table, before)
