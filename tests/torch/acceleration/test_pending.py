"""Pending draws of fastinit.torch.accelerate, and the operations that draw them in time."""

import copy
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import init

import fastinit
from fastinit.torch import accelerate
from fastinit.torch.memory.pending import PENDING
from helpers.models.accelerated import Block, check, normal


def test_nothing_is_drawn_before_the_end() -> None:
    """Metadata, views and constants beside it do not need the values."""
    with accelerate(seed=0) as context:
        w = nn.Parameter(torch.full((4, 6), 7.0))
        init.normal_(w)
        assert w.shape == (4, 6)
        _ = w.device, w.numel(), w.is_contiguous(), w.requires_grad, w.data, w.T, w[0], w.view(-1)
        _ = torch.zeros_like(w), w.new_empty(3), len(w)
        assert context.drawn == 0
    assert context.drawn == 1
    check(w, normal(w, 1))


@pytest.mark.parametrize(
    "read",
    [
        lambda w: w.clone(),
        lambda w: w.data.numpy().copy(),
        lambda w: torch.cat([w[:2], w[2:]]),
        lambda w: torch.stack(list(w)),
        lambda w: w.detach().to(torch.float64).float(),
        lambda w: w[torch.arange(4)],
        lambda w: w.reshape(6, 4).reshape(4, 6).contiguous() + 0,
        lambda w: copy.deepcopy(w),
        lambda w: torch.tensor(w.tolist()),
    ],
)
def test_reads_see_the_values(read: Callable[[torch.Tensor], Any]) -> None:
    """This holds for every read, through every alias."""
    with accelerate(seed=0) as context:
        w = init.normal_(torch.full((4, 6), 7.0))
        seen = torch.as_tensor(read(w))
        assert context.drawn == 1
    check(seen, normal(w, 1))
    check(w, normal(w, 1))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda w: w[1].zero_(), lambda x: np.where(np.arange(4)[:, None] == 1, 0, x)),
        (lambda w: init.zeros_(w[1]), lambda x: np.where(np.arange(4)[:, None] == 1, 0, x)),
        (lambda w: w.data[:, 2:4].fill_(3), lambda x: np.where(np.arange(6) // 2 == 1, 3, x)),
        (lambda w: w.mul_(2), lambda x: x * 2),
        (lambda w: w.__setitem__((0, 0), 9.0), lambda x: np.where(np.arange(24) == 0, 9, x.flat)),
        (lambda w: w.fill_(2), lambda x: np.full_like(x, 2)),
        (lambda w: w.view(-1).zero_(), lambda x: np.zeros_like(x)),
        (lambda w: w.t().fill_(1), lambda x: np.ones_like(x)),
    ],
)
def test_edits_in_order(edit: Callable[[Any], Any], expected: Callable[[Any], Any]) -> None:
    """A write after a fill is there in the end."""
    with accelerate(seed=0), torch.no_grad():
        w = init.normal_(torch.empty(4, 6))
        edit(w)
    check(w, expected(normal(w, 1)).reshape(4, 6).astype(np.float32))


def test_draws_over_draws_in_order() -> None:
    """A part is drawn over the whole, and the whole over a part."""
    with accelerate(seed=0) as context:
        w = init.normal_(torch.empty(4, 600))
        init.uniform_(w[1:3])
        v = torch.zeros(4, 600)
        init.uniform_(v[1:3])
        init.normal_(v)
    assert context.drawn == 3
    expected = normal(w, 1)
    expected[1:3] = fastinit.uniform((2, 600), seed=0, name=2)
    check(w, expected)
    check(v, normal(v, 4))


def test_padding() -> None:
    """An embedding's padding row is zero, and its other rows are those of its name."""
    with accelerate(seed=0) as context:
        model = nn.Embedding(9, 4, padding_idx=2)
        init.normal_(model.weight, std=0.02)
        with torch.no_grad():
            model.weight[2].fill_(0)
    expected = normal(model.weight, "weight", 0.02)
    expected[2] = 0
    check(model.weight, expected)
    assert context.drawn == 2


def test_drawn_on_an_exception() -> None:
    """The error passes, and everything that was asked for is drawn."""
    w = torch.full((4, 4), 7.0)

    def fail() -> None:
        with accelerate(seed=0):
            init.normal_(w)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    check(w, normal(w, 1))


def test_what_dies_is_not_drawn() -> None:
    """Its memory is not kept either."""
    with accelerate(seed=0) as context:
        model = nn.Linear(8, 8)
        del model
        gc.collect()
        assert not PENDING
    assert (context.requested, context.drawn) == (2, 0)


@pytest.mark.parametrize("convert", [lambda m: m.double(), lambda m: m.to(torch.bfloat16)])
def test_converted_inside(convert: Callable[[nn.Module], nn.Module]) -> None:
    """Once a model is complete, a read of its parameters draws them by name."""
    with accelerate(seed=0):
        model = convert(nn.Sequential(Block()))
        rest = Block()
    weight = model.state_dict()["0.inner.weight"]
    expected = torch.from_numpy(normal(weight, "0.inner.weight", 0.02)).to(weight.dtype)
    assert torch.equal(weight, expected)
    check(rest.inner.weight, normal(rest.inner.weight, "1..inner.weight", 0.02))


def test_read_while_it_is_built() -> None:
    """Its name is not known yet, so a number names it; equal layers differ."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(5, 5))
            init.normal_(self.weight)
            self.scale = self.weight.detach().abs().max().item()

    with accelerate(seed=0):
        model: Any = nn.Sequential(Scaled(), Scaled())
    check(model[0].weight, normal(model[0].weight, 1))
    check(model[1].weight, normal(model[1].weight, 2))
    assert model[0].scale == model[0].weight.detach().abs().max().item()


def test_copied_layers() -> None:
    """Copies of a layer get names of their own once they are initialized again."""
    with accelerate(seed=0):
        model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        for p in model.parameters():
            init.normal_(p)
    for name in ("layers.1.linear1.weight", "layers.0.self_attn.in_proj_weight"):
        weight = model.get_parameter(name)
        check(weight, normal(weight, name))


def test_inside_a_module() -> None:
    """A context in a constructor names by what is built in it."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with accelerate(seed=0):
                self.body = Block()

    model = Model()
    check(model.body.inner.weight, normal(model.body.inner.weight, "inner.weight", 0.02))


@pytest.mark.parametrize("part", [lambda w: w[:, :2], lambda w: w[::2], lambda w: w.diagonal()])
def test_a_write_to_a_strided_part_waits(part: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """So the whole is drawn by its name, which is not known yet."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = init.normal_(nn.Parameter(torch.empty(4, 6)))
            init.zeros_(part(self.weight))

    with accelerate(seed=0) as context:
        model = Model()
        assert context.drawn == 0
    expected = torch.from_numpy(normal(model.weight, "weight"))
    part(expected).zero_()
    assert torch.equal(model.weight, expected)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda w: init.eye_(w), ValueError),
        (lambda w: init.dirac_(w.view(2, 6)), ValueError),
        (lambda w: init.dirac_(w, groups=3), ValueError),
        (lambda w: init.constant_(w, "one"), TypeError),  # type: ignore[arg-type]
        (lambda w: init.normal_(w.expand(2, 2, 2, 3)), RuntimeError),
    ],
)
def test_a_write_that_torch_refuses(wrong: Callable[[Any], Any], error: type[Exception]) -> None:
    """What the tensor was to hold before is there."""
    with accelerate(seed=0):
        w = init.normal_(torch.empty(2, 2, 3))
        with pytest.raises(error):
            wrong(w)
    check(w, normal(w, 1))
