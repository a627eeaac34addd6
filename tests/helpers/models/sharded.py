"""Functions of the distributed tests' processes: sharded models, and what they then hold."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_module
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

import fastinit
from fastinit.torch import init_, materialize_
from helpers.drawn_elements import drawn_elements

TOKENS = torch.arange(8).reshape(2, 4)
RULES = [
    ("norm.weight", fastinit.Constant(1)),
    ("**.bias", fastinit.Constant(0.5)),
    ("emb.weight", fastinit.TruncatedNormal(std=0.02)),
    ("**", fastinit.HeNormal()),
]


class Net(nn.Module):
    """A tied embedding, two layers of a size that no number of ranks divides, and a buffer."""

    def __init__(self, width: int = 13) -> None:
        super().__init__()
        self.emb = nn.Embedding(11, 8)
        self.up = nn.Linear(8, width)
        self.down = nn.Linear(width, 8)
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.emb.weight
        self.register_buffer("shift", torch.arange(8.0), persistent=False)

    def reset_buffers(self) -> None:
        self.shift = torch.arange(8.0)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden = self.down(torch.relu(self.up(self.emb(tokens)))) + self.shift
        logits: torch.Tensor = self.head(self.norm(hidden.flatten(0, 1)))
        return logits


def digests(model: nn.Module) -> dict[str, str]:
    """Digests of everything in a state dict, gathered."""
    return {
        name: fastinit.digest(each.full_tensor() if isinstance(each, DTensor) else each)
        for name, each in model.state_dict().items()
    }


def single(width: int = 13) -> tuple[dict[str, str], float]:
    """(digests, loss of a batch) of the model in one process."""
    model = init_(Net(width), RULES, 0)
    return digests(model), float(model(TOKENS).square().mean().detach())


def _built(on_meta: bool, width: int = 13) -> Net:
    with torch.device("meta" if on_meta else "cpu"):
        return Net(width)


def _initialized(model: nn.Module, on_meta: bool) -> int:
    """Initialize a model that is sharded; return the number of elements drawn here."""
    with CommDebugMode() as communication, drawn_elements() as found:  # type: ignore[no-untyped-call]
        (materialize_ if on_meta else init_)(model, RULES, 0)
    assert communication.get_total_counts() == 0
    return sum(found)


def fsdp(on_meta: bool, mesh_shape: tuple[int, ...]) -> tuple[int, int, dict[str, str], float]:
    """(elements drawn, elements held, digests, loss) of FSDP2 after a step that trains."""
    model = _built(on_meta)
    names = ("replicate", "shard")[-len(mesh_shape) :]
    mesh = init_device_mesh("cpu", mesh_shape, mesh_dim_names=names)
    for module in (model.up, model.down, model):
        fully_shard(module, mesh=mesh)
    drawn = _initialized(model, on_meta)
    held = sum(each.to_local().numel() for each in model.parameters() if isinstance(each, DTensor))
    held += sum(each.numel() for name, each in model.named_buffers() if name != "shift")
    found = digests(model)
    assert model.head.weight is model.emb.weight
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = model(TOKENS).square().mean()
    loss.backward()
    optimizer.step()
    if not on_meta:  # from shards that were trained, and gathered ones that a forward pass left
        model(TOKENS)
        init_(model, RULES, 0)
        assert digests(model) == found
    return drawn, held, found, float(loss.detach())


def two_dimensional(on_meta: bool, width: int) -> tuple[dict[str, str], list[str]]:
    """(digests, placements) of FSDP2 over tensor parallelism."""
    model = _built(on_meta, width)
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("dp", "tp"))
    plan = {"up": ColwiseParallel(), "down": RowwiseParallel()}
    parallelize_module(model, mesh["tp"], plan)
    fully_shard(model, mesh=mesh["dp"])
    _initialized(model, on_meta)
    return digests(model), [str(getattr(each, "placements", "")) for each in model.parameters()]


def distributed_buffers() -> dict[str, str]:
    """Digests of a model whose tensors torch made DTensors, including buffers."""
    model: Any = Net()
    model.norm.register_buffer("own", torch.arange(3.0))
    distribute_module(model, init_device_mesh("cpu", (4,)))
    assert isinstance(model.norm.own, DTensor)
    _initialized(model, on_meta=False)
    assert torch.equal(model.norm.own.to_local(), torch.arange(3.0))
    del model.norm.own
    return digests(model)


def data_parallel() -> dict[str, str]:
    """Digests of a model in DistributedDataParallel."""
    model = Net()
    init_(nn.parallel.DistributedDataParallel(model), RULES, 0)
    return digests(model)


def saved(folder: str) -> None:
    """Save a sharded model, and load it into one that is sharded differently."""
    model = _built(on_meta=True)
    fully_shard(model, mesh=init_device_mesh("cpu", (4,)))
    _initialized(model, on_meta=True)
    expected = digests(model)
    save(model.state_dict(), checkpoint_id=folder)
    other = Net()
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("replicate", "shard"))
    fully_shard(other, mesh=mesh)
    state: dict[str, Any] = other.state_dict()
    load(state, checkpoint_id=folder)
    other.load_state_dict(state)
    assert digests(other) == expected


def loaded(folder: Path) -> dict[str, str]:
    """Digests of what one process without a group loads."""
    model = Net()
    state = model.state_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that there is one process
        load(state, checkpoint_id=folder)
    model.load_state_dict(state)
    return digests(model)
