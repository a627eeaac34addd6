"""A model that is balanced, and drawn again by its recipe on several ranks."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

import fastinit
from fastinit.torch import materialize_

RULES = [("**.bias", fastinit.Constant(0)), ("**", fastinit.TruncatedNormal(std=0.02))]


class Model(nn.Module):
    """Layers of sizes that no number of ranks divides, and attention with a fused projection."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(29, 18)
        self.attention = nn.MultiheadAttention(18, 2, batch_first=True)
        self.up, self.down = nn.Linear(18, 37), nn.Linear(37, 18)
        self.head = nn.Linear(18, 29, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.head(x + self.down(torch.relu(self.up(x))))  # type: ignore[no-any-return]


def build() -> Model:
    return Model()


def batch() -> torch.Tensor:
    return torch.arange(120).reshape(12, 10) * 7 % 29


def digests(model: nn.Module) -> dict[str, str]:
    """Return the digests of all parameters and buffers, gathered."""
    return {
        name: fastinit.digest(each.full_tensor() if isinstance(each, DTensor) else each)
        for name, each in model.state_dict().items()
    }


def sharded(recipe: dict[str, Any], seed: int) -> dict[str, str]:
    """Return the digests of the model that a recipe draws in FSDP2 shards."""
    with torch.device("meta"):
        model = build()
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    fully_shard(model, mesh=mesh)
    materialize_(model, fastinit.Recipe.from_dict(recipe), seed)
    return digests(model)
