"""Random programs that initialize tensors: the plan draws what ``accelerate`` does."""

import copy
import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import init

from helpers.recordings import ALL_MEMORY, NO_MEMORY, check_recording

NUMBERS = (0.5, 0.02, -1.25, 3.0, 0.0, 2)
DTYPES = (torch.float32, torch.bfloat16, torch.float64, torch.float16)
REFUSALS = (IndexError, NotImplementedError, RuntimeError, TypeError, ValueError)

CREATIONS: tuple[Callable[[tuple[int, ...]], Any], ...] = (
    lambda shape: init.normal_(torch.empty(shape)),
    lambda shape: init.uniform_(torch.Tensor(*shape)),
    lambda shape: nn.Parameter(torch.empty(shape).uniform_()),
    torch.zeros,
    torch.ones,
    torch.randn,
    lambda shape: torch.rand(shape, dtype=torch.bfloat16),
    lambda shape: torch.full(shape, -1.5, dtype=torch.float64),
    lambda shape: torch.arange(float(torch.Size(shape).numel())).view(shape),
    lambda shape: torch.randn(shape[0], 1).expand(shape[0], 4),
    lambda _: torch.ones(1, 1).expand(3, 4),
    lambda _: torch.empty_strided((3, 4), (8, 2)).normal_(),
    lambda _: torch.empty(2, 3, 2, 2, memory_format=torch.channels_last).normal_(),
    lambda shape: torch.ones(shape, dtype=torch.int64),
)
VIEWS: tuple[Callable[[torch.Tensor, int], Any], ...] = (
    lambda t, _: t,
    lambda t, k: t[k % len(t)],
    lambda t, k: t[k % len(t) :],
    lambda t, k: t[:: 1 + k % 2],
    lambda t, k: t.select(-1, k % t.shape[-1]),
    lambda t, k: t[..., k % t.shape[-1] :],
    lambda t, _: t.transpose(0, -1),
    lambda t, _: t.flatten(),
    lambda t, _: t.unsqueeze(0),
    lambda t, k: t.chunk(2, k % t.dim())[-1],
    lambda t, _: t.diagonal(),
    lambda t, _: t.unfold(0, 2, 1),
    lambda t, _: t.expand(2, *t.shape),
    lambda t, _: t.view(torch.int32),
    lambda t, k: t[[k % len(t), -1]],
)
WRITES: tuple[Callable[[Any, torch.Tensor, float], Any], ...] = (
    lambda t, _, x: init.normal_(t, std=abs(x)),
    lambda t, _, x: init.uniform_(t, -1, abs(x)),
    lambda t, _, x: init.trunc_normal_(t, std=abs(x) + 0.1),
    lambda t, *_: init.orthogonal_(t),
    lambda t, *_: init.sparse_(t, 0.3),
    lambda t, *_: init.eye_(t),
    lambda t, *_: init.dirac_(t),
    lambda t, *_: init.zeros_(t),
    lambda t, _, x: t.fill_(x),
    lambda t, _, x: t.mul_(x),
    lambda t, _, x: t.add_(x),
    lambda t, _, x: t.clamp_(-abs(x), abs(x)),
    lambda t, *_: t.neg_(),
    lambda t, _, x: t.__setitem__(0, x),
    lambda t, _, x: t.__setitem__(t > 0, x),
    lambda t, other, _: t.copy_(other),
    lambda t, other, _: t.add_(other),
    lambda t, _, x: t.copy_(torch.randn_like(t) * x),
    lambda t, *_: t.numpy().__setitem__(0, 2),
    lambda t, *_: torch.mul(t, 2, out=t),
)
MAKERS: tuple[Callable[[torch.Tensor, torch.Tensor, float, torch.dtype], Any], ...] = (
    lambda t, _, x, __: x * t,
    lambda t, _, x, __: x - t,
    lambda t, _, x, __: torch.clamp(t, -abs(x), abs(x)),
    lambda t, _, x, __: torch.add(t, x, alpha=2),
    lambda t, *_: t.clone(),
    lambda t, *_: t.transpose(0, -1).contiguous(),
    lambda t, *_: copy.deepcopy(t.detach()),
    lambda t, _, __, dtype: t.to(dtype),
    lambda t, other, *_: t.to(other),
    lambda t, other, *_: torch.cat([t, other]),
    lambda t, *_: torch.stack([t, t.clone()], dim=-1),
    lambda t, other, *_: torch.normal(t, other.abs()),
    lambda t, *_: torch.normal(t, 1.0),
    lambda t, *_: t.exp(),
)


class Program:
    """A random program, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.refused = 0

    def call(self, functions: Any, *args: Any) -> Any:
        """Return what one of several functions returns; None where torch refuses it."""
        try:
            return self.random.choice(functions)(*args)
        except REFUSALS:
            self.refused += 1
            return None

    def view(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a view of a part of a tensor, or of all of it."""
        found = self.call(VIEWS, tensor, self.random.randrange(8))
        return tensor if found is None or not found.numel() or not found.dim() else found

    def step(self, tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Write to a tensor, or return another one that is made of it."""
        number = self.random.choice(NUMBERS)
        dtype = self.random.choice(DTYPES)
        if self.random.random() < 0.4:
            made = self.call(MAKERS, tensor, other, number, dtype)
            return tensor if made is None else made
        self.call(WRITES, self.view(tensor), other, number)
        return tensor

    def build(self) -> nn.Module:
        """Return a module with three tensors."""
        module = nn.Module()
        torch.manual_seed(0)  # for what torch draws itself, such as means of another dtype
        module.register_parameter("last", nn.Parameter(torch.zeros(2)))
        with torch.no_grad():
            shapes = [[self.random.randrange(1, 6) for _ in range(1 + k)] for k in range(3)]
            pool = [self.random.choice(CREATIONS)(tuple(shape)) for shape in shapes]
            for _ in range(self.random.randrange(12)):
                k = self.random.randrange(3)
                pool[k] = self.step(pool[k], self.random.choice(pool))
            for k, tensor in enumerate(pool):
                module.register_buffer(f"p{k}", self.view(tensor).detach())
        return module


def check(seed: int) -> None:
    """Fail unless a program is recorded as it runs, with and without memory."""
    programs: list[Program] = []

    def build() -> nn.Module:
        programs.append(Program(seed))
        return programs[-1].build()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bounds far from the mean
        for size in (NO_MEMORY, ALL_MEMORY):
            check_recording(build, smallest_virtual=size)
    assert len({program.refused for program in programs}) == 1


@pytest.mark.parametrize("seed", range(40))
def test_programs(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40, 260))
def test_more_programs(seed: int) -> None:
    check(seed)
