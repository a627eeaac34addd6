"""Placements: which rectangles of a whole tensor a rank holds, and where they lie in its memory.

A mesh dimension cuts a tensor's dimension as ``torch.chunk`` does. ``_StridedShard`` (FSDP2 over
tensor parallelism) first cuts it into what another mesh dimension will hold and takes a chunk of
each piece, so a rank may own several intervals of a dimension, and several rectangles.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Interval = tuple[int, int]  # (start, stop)


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a whole tensor, and the memory that holds it."""

    memory: Any
    """A plain torch tensor of the rectangle's shape: a view."""

    bounds: tuple[Interval, ...]
    """(start, stop) on every axis of the whole."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One mesh dimension's cut of a tensor's dimension: chunk ``position`` of ``chunks``."""

    chunks: int
    position: int
    split_factor: int = 1
    """In how many pieces it is cut before, each of which then gives a chunk."""


def intervals(size: int, cuts: Sequence[Cut]) -> tuple[Interval, ...]:
    """The intervals of a dimension that are left after all cuts, in the order of the memory.

    Example:
        >>> from fastinit.torch.shards.placements import Cut, intervals
        >>> intervals(8, [Cut(2, 0, split_factor=2)])
        ((0, 2), (4, 6))
    """
    held: list[Interval] = [(0, size)] if size else []
    for cut in cuts:
        pieces = (_chunk(held, cut.split_factor, k) for k in range(cut.split_factor))
        held = _joined(
            interval for piece in pieces for interval in _chunk(piece, cut.chunks, cut.position)
        )
    return tuple(held)


def _chunk(held: list[Interval], chunks: int, position: int) -> list[Interval]:
    """One of the chunks that torch.chunk makes: equal sizes, rounded up, the last ones empty."""
    length = sum(stop - start for start, stop in held)
    size = -(-length // chunks)
    first, last = size * position, size * (position + 1)
    chunk = []
    at = 0
    for start, stop in held:
        low, high = max(first, at), min(last, at + stop - start)
        if low < high:
            chunk.append((start + low - at, start + high - at))
        at += stop - start
    return chunk


def _joined(held: Iterator[Interval]) -> list[Interval]:
    """Neighbours in the whole that are neighbours in the memory too, as one."""
    joined: list[Interval] = []
    for start, stop in held:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined


def is_distributed(tensor: Any) -> bool:
    """Whether a torch tensor is a DTensor."""
    module = sys.modules.get("torch.distributed.tensor")  # there is none before it is imported
    return module is not None and isinstance(tensor, module.DTensor)


def memory_of(tensor: Any) -> object:
    """What two tensors have in common that are one memory under two names, as tied ones may be."""
    local = tensor._local_tensor if is_distributed(tensor) else tensor
    if local.is_meta or not local.numel():
        return id(tensor)
    return local.device, local.data_ptr(), tuple(local.shape), local.stride()


def parts(tensor: Any) -> list[Part]:
    """The rectangles of a torch tensor that this process holds; of a plain tensor, all of it.

    Raises:
        ValueError: a DTensor that is not laid out by shards and replicas alone, or whose local
            tensor has another shape than its placements say.
    """
    if not is_distributed(tensor):
        return [Part(tensor, tuple((0, n) for n in tensor.shape))]
    coordinate = tensor.device_mesh.get_coordinate()
    local = tensor.to_local()
    if coordinate is None or local.numel() == 0:  # this rank holds nothing
        return []
    cuts = _cuts(tensor, coordinate)
    held = [intervals(size, cuts[axis]) for axis, size in enumerate(tensor.shape)]
    expected = tuple(sum(stop - start for start, stop in each) for each in held)
    if tuple(local.shape) != expected:
        raise ValueError(
            f"the DTensor of shape {tuple(tensor.shape)} with placements {tensor.placements} has a "
            f"local tensor of shape {tuple(local.shape)} at {coordinate}, not {expected}; only "
            "torch.chunk's division is known: pass it with its offsets to fill_shard_"
        )
    return list(_rectangles(local, held))


def _cuts(tensor: Any, coordinate: Sequence[int]) -> list[list[Cut]]:
    """The cuts of each of the tensor's dimensions, in the order in which they were made."""
    from torch.distributed.tensor import Partial

    cuts: list[list[Cut]] = [[] for _ in tensor.shape]
    for mesh_dim in _order(tensor):
        placement = tensor.placements[mesh_dim]
        if isinstance(placement, Partial):
            raise ValueError(
                f"the DTensor of shape {tuple(tensor.shape)} has placements {tensor.placements}: a "
                "partial sum's values are on no rank; redistribute it to Shard or Replicate"
            )
        if hasattr(placement, "dim"):
            chunks = tensor.device_mesh.size(mesh_dim)
            split_factor = int(getattr(placement, "split_factor", 1))
            cuts[placement.dim].append(Cut(chunks, coordinate[mesh_dim], split_factor))
    return cuts


def _order(tensor: Any) -> list[int]:
    """The mesh dimensions in the order of their cuts: from left to right unless the spec says."""
    given = getattr(tensor._spec, "shard_order", None)  # torch 2.10 and later
    dims = [mesh_dim for entry in given or () for mesh_dim in entry.mesh_dims]
    return dims + [mesh_dim for mesh_dim in range(tensor.device_mesh.ndim) if mesh_dim not in dims]


def _rectangles(local: Any, held: list[tuple[Interval, ...]]) -> Iterator[Part]:
    """Every combination of the intervals of all dimensions, with its view of the local tensor."""
    positions = [itertools.accumulate((b - a for a, b in each), initial=0) for each in held]
    placed = [zip(each, at, strict=False) for each, at in zip(held, positions, strict=True)]
    for combination in itertools.product(*placed):
        memory = local
        for axis, ((start, stop), at) in enumerate(combination):
            memory = memory.narrow(axis, at, stop - start)
        yield Part(memory, tuple(bounds for bounds, _ in combination))
