"""Functions of the distributed tests' processes: probes of sharded models."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

import fastinit
from fastinit.torch import init_, probe

WIDTH, PER_RANK = 24, 8


def network() -> nn.Module:
    """Return a network of relu, some of whose units are 0 on one rank alone."""
    layers: list[nn.Module] = []
    for _ in range(4):
        layers += [nn.Linear(WIDTH, WIDTH), nn.ReLU()]
    rules = {"**.bias": fastinit.Constant(0), "**": fastinit.HeNormal()}
    return init_(nn.Sequential(*layers, nn.Linear(WIDTH, 5)), rules, seed=0)


def batch(world: int) -> torch.Tensor:
    """Return the inputs of all ranks."""
    return torch.from_numpy(fastinit.normal((PER_RANK * world, WIDTH), seed=1))


def loss(output: torch.Tensor) -> torch.Tensor:
    """Return the mean square."""
    return output.square().mean()


def single(world: int) -> dict[str, Any]:
    """Return the report of one process on the whole batch."""
    return probe(network(), batch(world), loss, lr=0.01).to_dict()


def sharded() -> tuple[dict[str, Any], bool]:
    """(report of one rank on its part of the batch, whether the model stayed as it was)."""
    world, rank = dist.get_world_size(), dist.get_rank()
    model: Any = network()
    mesh = init_device_mesh("cpu", (world,))
    for layer in model:
        if isinstance(layer, nn.Linear):
            fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    before = [each.to_local().clone() for each in model.parameters()]
    own = batch(world)[rank * PER_RANK : (rank + 1) * PER_RANK]
    report = probe(model, own, loss, lr=0.01)
    probe(model, own, loss, plan=fastinit.Constant(0.5))
    after = list(model.parameters())
    stayed = all(
        isinstance(now, DTensor) and now.grad is None and torch.equal(now.to_local(), then)
        for now, then in zip(after, before, strict=True)
    )
    return report.to_dict(), stayed
