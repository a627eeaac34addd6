"""Random programs that initialize tensors: the plan draws what ``accelerate`` does."""

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import init

from helpers.recordings import ALL_MEMORY, NO_MEMORY, check_recording

NUMBERS = (0.5, 0.02, -1.25, 3.0)


class Program:
    """A random program, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def create(self) -> Any:
        """Return a tensor of two axes with some values."""
        shape = self.random.randrange(3, 8), self.random.randrange(3, 8)
        return self.random.choice(
            (
                lambda: init.normal_(torch.empty(shape)),
                lambda: torch.zeros(shape),
                lambda: torch.ones(shape),
                lambda: torch.randn(shape),
                lambda: torch.rand(shape),
                lambda: torch.full(shape, -1.5),
                lambda: init.uniform_(torch.Tensor(*shape)),
                lambda: torch.arange(float(shape[0] * shape[1])).view(shape),
            )
        )()

    def view(self, tensor: Any) -> Any:
        """Return a view of a part of a tensor, or of all of it."""
        rows, columns = tensor.shape
        row, column = self.random.randrange(rows - 1), self.random.randrange(columns - 1)
        views: tuple[Callable[[], Any], ...] = (
            lambda: tensor,
            lambda: tensor[row : row + 2],
            lambda: tensor[:, column : column + 2],
            lambda: tensor[row],
            lambda: tensor[::2],
            lambda: tensor.t(),
            lambda: tensor.view(-1) if tensor.is_contiguous() else tensor,
        )
        return self.random.choice(views)()

    def step(self, tensor: Any) -> Any:
        """Write to a tensor, or return another one that is made of it."""
        number = self.random.choice(NUMBERS)
        part = self.view(tensor)
        steps: tuple[Callable[[], Any], ...] = (
            lambda: init.normal_(part, std=abs(number)),
            lambda: init.uniform_(part, -1, abs(number)),
            lambda: init.trunc_normal_(part, std=abs(number)),
            lambda: init.zeros_(part),
            lambda: part.fill_(number),
            lambda: part.mul_(number),
            lambda: part.add_(number),
            lambda: tensor.__setitem__(0, number),
            lambda: tensor.copy_(torch.randn(tensor.shape).to(tensor.dtype)),
            lambda: tensor.copy_(tensor.clone().div_(number)),
            lambda: init.orthogonal_(tensor),
        )
        makers: tuple[Callable[[], Any], ...] = (
            lambda: number * tensor,
            lambda: tensor.clone(),
            lambda: tensor.t().contiguous(),
            lambda: tensor.clamp(-abs(number), abs(number)),
            lambda: tensor.to(self.random.choice((torch.float32, torch.bfloat16, torch.float64))),
            lambda: torch.cat([tensor, torch.randn(2, tensor.shape[1]).to(tensor.dtype)]),
        )
        if self.random.random() < 0.4:
            return self.random.choice(makers)()
        self.random.choice(steps)()
        return tensor

    def build(self) -> nn.Module:
        """Return a module with three tensors."""
        module = nn.Module()
        with torch.no_grad():
            for k in range(3):
                tensor = self.create()
                for _ in range(self.random.randrange(7)):
                    tensor = self.step(tensor)
                module.register_parameter(f"p{k}", nn.Parameter(self.view(tensor).detach()))
        return module


def check(seed: int) -> None:
    """Fail unless a program is recorded as it runs, with and without memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bounds far from the mean
        for size in (NO_MEMORY, ALL_MEMORY):
            check_recording(lambda: Program(seed).build(), smallest_virtual=size)


@pytest.mark.parametrize("seed", range(60))
def test_programs(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60, 260))
def test_more_programs(seed: int) -> None:
    check(seed)
