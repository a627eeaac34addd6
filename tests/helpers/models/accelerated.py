"""A model for the tests of accelerate, and the values that its tensors must hold."""

from typing import Any

from torch import nn
from torch.nn import init

import fastinit
from helpers.bits import check_bits


def check(tensor: Any, expected: Any) -> None:
    """Fail unless a tensor has the bits of an array."""
    check_bits(tensor.detach().numpy(), expected)


def normal(tensor: Any, name: str | int, std: float = 1.0, seed: int = 0) -> Any:
    """The values of a tensor of this name that is normal."""
    return fastinit.normal(tuple(tensor.shape), std=std, seed=seed, name=name)


class Block(nn.Module):
    """Two layers, the first initialized a second time."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 6)
        self.norm = nn.LayerNorm(6)
        init.normal_(self.inner.weight, std=0.02)
        init.zeros_(self.inner.bias)
