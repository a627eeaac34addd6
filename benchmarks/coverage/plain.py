"""Small modules as private code has them: no library initializes them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import init


class Attention(nn.Module):
    """The fused attention of a small GPT."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64))


class Block(nn.Module):
    """A block of a small GPT."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )


class SmallGPT(nn.Module):
    """A GPT with tied embeddings and projections that are scaled by the depth."""

    def __init__(self, layers: int = 4, width: int = 64, vocabulary: int = 256) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(64, width)
        self.h = nn.ModuleList(Block(width) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.wte.weight = self.lm_head.weight
        self.apply(self._initialize)
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                init.normal_(parameter, std=0.02 / math.sqrt(2 * layers))

    def _initialize(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            init.zeros_(module.bias)


class StateSpace(nn.Module):
    """A selective state space model, whose decay and time steps are computed."""

    def __init__(self, layers: int = 2, width: int = 64, states: int = 16) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Module() for _ in range(layers))
        for layer in self.layers:
            inner: Any = layer
            inner.in_proj = nn.Linear(width, 4 * width, bias=False)
            inner.conv = nn.Conv1d(2 * width, 2 * width, 4, groups=2 * width)
            inner.dt_proj = nn.Linear(width // 16, 2 * width)
            decay = torch.arange(1, states + 1, dtype=torch.float32).repeat(2 * width, 1)
            inner.A_log = nn.Parameter(torch.log(decay))
            inner.D = nn.Parameter(torch.ones(2 * width))
            init.uniform_(inner.dt_proj.weight, -((width / 16) ** -0.5), (width / 16) ** -0.5)
            low, high = math.log(0.001), math.log(0.1)
            steps = torch.exp(torch.rand(2 * width) * (high - low) + low).clamp(min=1e-4)
            with torch.no_grad():
                inner.dt_proj.bias.copy_(steps + torch.log(-torch.expm1(-steps)))


class ResidualNet(nn.Module):
    """A convolutional net whose last norms are zero, with a weight-normed head."""

    def __init__(self, layers: int = 3, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 7, stride=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3), nn.BatchNorm2d(width), nn.PReLU())
            for _ in range(layers)
        )
        self.head = nn.utils.parametrizations.weight_norm(nn.Linear(width, 10))
        self.scale = nn.Parameter(torch.randn(width, 1, 1) * 0.1 + 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d):
                init.zeros_(module.weight)


_KINDS = {kind.__name__: kind for kind in (SmallGPT, StateSpace, ResidualNet)}


class Plain:
    """The modules of this file."""

    package = "torch"

    def names(self) -> list[str]:
        """Return the names of the modules."""
        return list(_KINDS)

    def build(self, name: str) -> Any:
        """Return a function that builds a module."""
        return _KINDS[name]
