"""The parts of a DTensor that this process holds, and where they are in its local tensor."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastinit.torch.shards.intervals import Chunk, Interval, intervals


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangular part of a whole tensor, and the memory that holds it."""

    memory: Any
    """A plain torch tensor of the part's shape: a view."""

    bounds: tuple[Interval, ...]
    """(start, stop) on every axis of the whole."""


def is_distributed(tensor: Any) -> bool:
    """Return whether a tensor is a DTensor."""
    module = sys.modules.get("torch.distributed.tensor")  # no DTensor exists before its import
    return module is not None and isinstance(tensor, module.DTensor)


def memory_of(tensor: Any) -> object:
    """Return a key that is equal for tensors that are one memory under several names."""
    local = tensor._local_tensor if is_distributed(tensor) else tensor
    if local.is_meta or not local.numel():
        return id(tensor)
    return local.device, local.data_ptr(), tuple(local.shape), local.stride()


def parts(tensor: Any) -> list[Part]:
    """Return the parts of a tensor that this process holds; a plain tensor is one part.

    Raises:
        ValueError: A DTensor has placements other than shards and replicas, or its local tensor
            has another shape than they imply.
    """
    if not is_distributed(tensor):
        return [Part(tensor, tuple((0, n) for n in tensor.shape))]
    coordinate = tensor.device_mesh.get_coordinate()
    local = tensor.to_local()
    if coordinate is None or local.numel() == 0:  # this process holds nothing
        return []
    chunks = _chunks(tensor, coordinate)
    held = [intervals(size, chunks[axis]) for axis, size in enumerate(tensor.shape)]
    expected = tuple(sum(stop - start for start, stop in each) for each in held)
    if tuple(local.shape) != expected:
        raise ValueError(
            f"the DTensor of shape {tuple(tensor.shape)} with placements {tensor.placements} has a "
            f"local tensor of shape {tuple(local.shape)} at {coordinate}, not {expected}; only "
            "torch.chunk's division is known: pass it with its offsets to fill_shard_"
        )
    return list(_parts_of(local, held))


def _chunks(tensor: Any, coordinate: Sequence[int]) -> list[list[Chunk]]:
    """Return the chunks of each of the tensor's dimensions, in the order of their division."""
    from torch.distributed.tensor import Partial

    chunks: list[list[Chunk]] = [[] for _ in tensor.shape]
    for mesh_dim in _mesh_order(tensor):
        placement = tensor.placements[mesh_dim]
        if isinstance(placement, Partial):
            raise ValueError(
                f"the DTensor of shape {tuple(tensor.shape)} has placements {tensor.placements}: a "
                "partial sum's values are on no rank; redistribute it to Shard or Replicate"
            )
        if hasattr(placement, "dim"):
            count = tensor.device_mesh.size(mesh_dim)
            split_factor = int(getattr(placement, "split_factor", 1))
            chunks[placement.dim].append(Chunk(count, coordinate[mesh_dim], split_factor))
    return chunks


def _mesh_order(tensor: Any) -> list[int]:
    """Return the mesh dimensions in the order of division: left to right by default."""
    given = getattr(tensor._spec, "shard_order", None)  # torch 2.10 and later
    dims = [mesh_dim for entry in given or () for mesh_dim in entry.mesh_dims]
    return dims + [mesh_dim for mesh_dim in range(tensor.device_mesh.ndim) if mesh_dim not in dims]


def _parts_of(local: Any, held: list[tuple[Interval, ...]]) -> Iterator[Part]:
    """Yield a part for every combination of the intervals of all dimensions."""
    offsets = [itertools.accumulate((b - a for a, b in each), initial=0) for each in held]
    located = [zip(each, at, strict=False) for each, at in zip(held, offsets, strict=True)]
    for combination in itertools.product(*located):
        memory = local
        for axis, ((start, stop), at) in enumerate(combination):
            memory = memory.narrow(axis, at, stop - start)
        yield Part(memory, tuple(bounds for bounds, _ in combination))
