"""The caller's floating-point settings change no bit that fastinit.torch draws or computes."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import fastinit.torch as init
from fastinit import Constant, Normal, Recipe, Rule
from fastinit.recipes import Scale
from helpers import floating_point
from helpers.settings import arithmetic

SHAPE = (30, 41)

FILLS: dict[str, Callable[[torch.Tensor], Any]] = {
    "uniform_": lambda t: init.uniform_(t, 0.1, 0.7, seed=3, name=0),
    "normal_": lambda t: init.normal_(t, 0.1, 0.7, seed=3, name=0),
    "trunc_normal_": lambda t: init.trunc_normal_(t, 0.1, 0.3, -0.1, 0.7, seed=3, name=0),
    "xavier_uniform_": lambda t: init.xavier_uniform_(t, 0.3, seed=3, name=0),
    "xavier_normal_": lambda t: init.xavier_normal_(t, 0.3, seed=3, name=0),
    "kaiming_uniform_": lambda t: init.kaiming_uniform_(t, 0.3, seed=3, name=0),
    "kaiming_normal_": lambda t: init.kaiming_normal_(t, 0.3, "fan_out", seed=3, name=0),
    "sparse_": lambda t: init.sparse_(t, 0.7, 0.1, seed=3, name=0),
    "orthogonal_": lambda t: init.orthogonal_(t, 0.3, seed=3, name=0),
    "constant_": lambda t: init.constant_(t, 0.1),
    "constant_ of a third": lambda t: init.constant_(t, 1 / 3),
    "constant_, subnormal": lambda t: init.constant_(t, 1e-40),
}
COMPLEX = ("uniform_", "normal_", "xavier_normal_", "kaiming_uniform_", "constant_")


def bits(*tensors: torch.Tensor) -> list[bytes]:
    """Return the bytes of tensors."""
    return [bytes(each.detach().contiguous().view(torch.uint8).numpy()) for each in tensors]


def filled(name: str) -> list[bytes]:
    """Return the bytes that a function writes, in each dtype and also in a large tensor."""
    dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
    tensors = [torch.empty(SHAPE, dtype=dtype) for dtype in dtypes]
    if name in COMPLEX:
        tensors.append(torch.empty(SHAPE, dtype=torch.complex64))
    if name.startswith("constant_"):
        tensors.append(torch.empty(2_000_000))
    for each in tensors:
        FILLS[name](each)
    return bits(*tensors)


class Rotary(nn.Module):
    """A module that computes its buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.empty(7), persistent=False)
        self.weight = nn.Parameter(torch.empty(3, 4))

    def reset_buffers(self) -> None:
        self.frequencies = 1 / 10000 ** (torch.arange(7) / 7)


def built() -> list[bytes]:
    """Return the bytes of a model that is built in a context, and of tensors drawn in it."""
    with init.accelerate(seed=3):
        model = nn.Sequential(
            nn.Linear(7, 11), nn.Conv2d(3, 5, 3), nn.LSTM(3, 5), nn.Bilinear(2, 3, 5)
        )
        means, stds = torch.full((9,), 0.1), torch.full((9,), 1 / 3)
        drawn = torch.normal(means, stds)
        constant = torch.empty(9).fill_(1 / 3)
    return bits(*model.parameters(), drawn, constant)


def initialized() -> list[bytes]:
    """Return the bytes of a model with parametrized layers, initialized by a recipe."""
    model = nn.Sequential(
        parametrizations.weight_norm(nn.Linear(7, 11)),
        parametrizations.spectral_norm(nn.Linear(11, 13)),
    )
    scale = Scale("layers", times=0.3, power="-1/6")
    rules = (Rule("{layer}.weight", Normal(0.1, 0.3), scale=(scale,)), Rule("**", Constant(0.1)))
    init.init_(model, Recipe("scaled", "a test", rules), seed=3)
    return bits(*model.state_dict().values())


def materialized() -> list[bytes]:
    """Return the bytes of a module that comes from the meta device."""
    with torch.device("meta"):
        module = Rotary()
    init.materialize_(module, [("**", Normal(0.0, 1 / 3))], seed=3)
    return bits(module.frequencies, module.weight)


def rescaled() -> list[bytes]:
    """Return the bytes of a model that LSUV rescaled."""
    model = nn.Sequential(nn.Linear(8, 13), nn.Tanh(), nn.Linear(13, 4), nn.Linear(4, 4))
    batch = torch.arange(96.0).reshape(12, 8).sin()
    init.lsuv_(model, batch, tolerance=1e-3, seed=3, progress=False)
    return bits(*model.parameters())


CASES: dict[str, Callable[[], list[bytes]]] = {
    **{name: functools.partial(filled, name) for name in FILLS},
    **{each.__name__: each for each in (built, initialized, materialized, rescaled)},
}


@functools.cache
def expected(case: str) -> list[bytes]:
    with arithmetic("default"):
        return CASES[case]()


@pytest.mark.parametrize("name", floating_point.MODES)
@pytest.mark.parametrize("case", CASES)
def test_settings_change_no_bits(case: str, name: str) -> None:
    right = expected(case)
    with arithmetic(name):
        found = CASES[case]()
    assert found == right


def test_a_context_ends_with_the_setting_before() -> None:
    """Contexts may nest, and fail."""
    with arithmetic("upward"):
        with pytest.raises(KeyError), init.accelerate(seed=0), init.accelerate(seed=1):
            raise KeyError(1e-30 + 1.0)
        assert 1.0 + float("1e-30") > 1.0
