"""What the processes of the distributed tests run: draw shards, and say what they hold."""

import math
import resource

import numpy as np
import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.placement_types import Placement, _StridedShard

import fastinit
from fastinit.arrays import to_numpy
from fastinit.dtypes import dtype_of
from fastinit.streams import resolve
from fastinit.torch.distributed import ShardedFilling, drawn_elements

SEED, NAME = 11, "whole"


def mesh_of(shape: tuple[int, ...]) -> DeviceMesh:
    """A mesh of the first ranks."""
    return DeviceMesh("cpu", torch.arange(math.prod(shape)).reshape(shape))


def placement(text: str) -> Placement:
    """`R`, `S0` for Shard(0), `S0/2` for _StridedShard(0, split_factor=2)."""
    if text == "R":
        return Replicate()
    dim, _, split_factor = text[1:].partition("/")
    if split_factor:
        return _StridedShard(int(dim), split_factor=int(split_factor))
    return Shard(int(dim))


def empty(
    shape: tuple[int, ...], mesh: DeviceMesh, placements: list[Placement], dtype: torch.dtype
) -> DTensor:
    """A DTensor of NaN."""
    local_shape, _ = compute_local_shape_and_global_offset(shape, mesh, placements)
    local = torch.full(local_shape, math.nan, dtype=dtype)
    stride = torch.empty(shape, device="meta").stride()
    return DTensor.from_local(
        local, mesh, placements, run_check=False, shape=torch.Size(shape), stride=stride
    )


def drawn(
    initializer: fastinit.Initializer,
    shape: tuple[int, ...],
    mesh_shape: tuple[int, ...],
    placements: str,
    dtype: torch.dtype,
) -> tuple[str, int, int]:
    """(digest of the gathered tensor, elements drawn, elements held) of this rank."""
    mesh = mesh_of(mesh_shape)
    if mesh.get_coordinate() is None:
        return "", 0, 0
    tensor = empty(shape, mesh, [placement(each) for each in placements.split()], dtype)
    before = drawn_elements()
    with CommDebugMode() as communication:  # type: ignore[no-untyped-call]
        filling = ShardedFilling()
        draws = initializer.draws(shape, dtype_of(dtype))
        filling.add(tensor, draws, resolve(SEED, NAME))
        filling.run()
    assert communication.get_total_counts() == 0
    elements = drawn_elements() - before
    return fastinit.digest(to_numpy(tensor.full_tensor())), elements, tensor.to_local().numel()


def split_by_torch(
    initializer: fastinit.Initializer,
    shape: tuple[int, ...],
    mesh_shape: tuple[int, ...],
    placements: str,
) -> bool:
    """Whether this rank's part is what torch's own division of the whole leaves there."""
    mesh = mesh_of(mesh_shape)
    if mesh.get_coordinate() is None:
        return True
    placed = [placement(each) for each in placements.split()]
    whole = torch.from_numpy(initializer(shape, seed=SEED, name=NAME))
    expected = distribute_tensor(whole, mesh, placed, src_data_rank=None).to_local()
    tensor = empty(shape, mesh, placed, torch.float32)
    filling = ShardedFilling()
    filling.add(tensor, initializer.draws(shape, np.dtype("float32")), resolve(SEED, NAME))
    filling.run()
    return torch.equal(tensor.to_local(), expected)


def memory_grown(shape: tuple[int, int]) -> float:
    """By how many megabytes this process grows at most while it draws a part of the rows."""
    tensor = torch.distributed.tensor.empty(shape, device_mesh=mesh_of((4,)), placements=[Shard(0)])
    filling = ShardedFilling()
    filling.add(tensor, fastinit.Normal().draws(shape, np.dtype("float32")), resolve(SEED, NAME))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    filling.run()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def refused() -> tuple[str, str]:
    """The errors of a partial sum, and of a division that is not torch.chunk's."""
    mesh = mesh_of((4,))
    partial = DTensor.from_local(torch.ones(3), mesh, [Partial()])
    ragged = DTensor.from_local(
        torch.ones(5, 2),
        mesh,
        [Shard(0)],
        run_check=False,
        shape=torch.Size((10, 2)),
        stride=(2, 1),
    )
    messages = []
    for tensor in (partial, ragged):
        draws = fastinit.Normal().draws(tuple(tensor.shape), np.dtype("float32"))
        try:
            ShardedFilling().add(tensor, draws, (0, 0))
        except ValueError as error:
            messages.append(str(error))
    return messages[0], messages[1]
