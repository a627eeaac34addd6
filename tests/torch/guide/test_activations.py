"""The activations that follow weights, which are read off the graph of a torch module."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import fastinit
import fastinit.torch
from fastinit.torch.guide.graph import read
from fastinit.torch.guide.nodes import of_module
from helpers.models import tiny_transformers


class Functional(nn.Module):
    """Activations that are functions and methods."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d, self.e = (nn.Linear(8, 8) for _ in range(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.a(x), 0.3)
        x = F.gelu(self.b(x), approximate="tanh")
        x = F.dropout(self.c(x)).tanh()
        return F.softmax(self.e(torch.sigmoid_(self.d(x))), -1)


class Branching(nn.Module):
    """Control flow that torch.fx does not trace."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.act, self.b = nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.act(self.a(x))) if x.sum() > 0 else x


def activations(module: nn.Module) -> dict[str, tuple[str, float | None]]:
    return {name: (act.name, act.a) for name, act in read(module).followed_by.items()}


def test_activations_of_functions() -> None:
    assert activations(Functional()) == {
        "a": ("leaky_relu", 0.3),
        "b": ("gelu_tanh", None),
        "c": ("tanh", None),
        "d": ("sigmoid", None),
        "e": ("linear", None),
    }


def test_activations_of_modules() -> None:
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ELU(0.5), nn.MaxPool2d(2), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(8, 8), nn.Hardswish(), nn.Linear(8, 2))
    assert activations(model) == {
        "0": ("elu", 0.5),
        "5": ("hard_swish", None),
        "7": ("linear", None),
    }
    assert fastinit.torch.recommend_recipe(model).case.normalization == "batch"


def test_activations_that_are_registered() -> None:
    graph = read(Branching())
    assert (graph.followed_by["a"].name, "b" in graph.followed_by) == ("silu", False)
    assert (graph.residual, graph.depth_of("mlp")) == (None, None)
    assert "The module runs neither traced nor without memory (" in str(
        fastinit.torch.recommend_recipe(Branching())
    )


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (nn.GELU(), "gelu"),
        (nn.GELU("tanh"), "gelu_tanh"),
        (nn.Softplus(2.0), "Softplus(beta=2.0, threshold=20.0)"),
        (nn.Softmax(-1), "linear"),
        (nn.ReLU6(), "relu6"),
        (nn.Softsign(), "softsign"),
    ],
)
def test_modules_that_are_activations(module: nn.Module, name: str) -> None:
    found = of_module(module)
    assert found is not None
    assert found.name == name


class HalfGelu(nn.Module):
    """An activation whose name says nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class Formulas(nn.Module):
    """Activations that are written out, and a unit that is gated by another layer's half."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(8, 8) for _ in range(4))
        self.smooth, self.e, self.last = HalfGelu(), nn.Linear(8, 16), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.smooth(self.a(x))
        x = self.b(x)
        x = 0.5 * x * (1.0 + torch.tanh(0.7978845608 * (x + 0.044715 * torch.pow(x, 3))))
        x = self.c(x)
        x = torch.where(x > 0, x, 0.2 * x) * 1.5
        x = self.d(x)
        u, v = self.e(x * torch.sigmoid(x)).chunk(2, -1)
        return self.last(u * torch.sigmoid(v))  # type: ignore[no-any-return]


class Branched(Formulas):
    """The same, for which torch.fx has no graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) if math.prod(x.shape) > 0 else x


@pytest.mark.parametrize("kind", [Formulas, Branched])
def test_activations_by_their_values(kind: type[nn.Module]) -> None:
    assert activations(kind()) == {
        "a": ("gelu_tanh", None),
        "b": ("gelu_tanh", None),
        "c": ("leaky_relu", 0.2),
        "d": ("silu", None),
        "e": ("sigmoid", None),
        "last": ("linear", None),
    }


def test_gelu_of_bloom() -> None:
    make = tiny_transformers.builder("bloom")
    assert make is not None
    assert {"gelu_tanh", "linear"} == {name for name, _ in activations(make()).values()}
