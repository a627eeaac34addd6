"""The indices of one dimension that a process holds, after mesh dimensions have divided it.

A mesh dimension divides a tensor's dimension as ``torch.chunk`` does. ``_StridedShard`` (FSDP2 over
tensor parallelism) first splits it into what another mesh dimension will hold and takes a chunk of
each piece, so a process may hold several intervals of a dimension.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Interval = tuple[int, int]
"""(start, stop)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The share of a tensor's dimension that one mesh dimension leaves to a process.

    Args:
        count: The number of chunks that the mesh dimension makes.
        position: Which of them is held.
        split_factor: The number of pieces into which the dimension is split first; a chunk of
            each is held.
    """

    count: int
    position: int
    split_factor: int = 1


def intervals(size: int, chunks: Sequence[Chunk]) -> tuple[Interval, ...]:
    """Return the intervals of a dimension that are held, in the order of the memory.

    Args:
        size: The size of the dimension.
        chunks: What each mesh dimension leaves of it, in order.

    Example:
        >>> from fastinit.torch.shards.intervals import Chunk, intervals
        >>> intervals(8, [Chunk(2, 0, split_factor=2)])
        ((0, 2), (4, 6))
    """
    held: list[Interval] = [(0, size)] if size else []
    for chunk in chunks:
        factor = chunk.split_factor
        pieces = (_chunk_of(held, factor, k) for k in range(factor))
        held = _joined(
            interval
            for piece in pieces
            for interval in _chunk_of(piece, chunk.count, chunk.position)
        )
    return tuple(held)


def _chunk_of(held: list[Interval], count: int, position: int) -> list[Interval]:
    """Return a chunk as torch.chunk makes it: equal sizes, rounded up, the last ones empty."""
    length = sum(stop - start for start, stop in held)
    size = -(-length // count)
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
    """Join intervals that are adjacent both in the whole and in the memory."""
    joined: list[Interval] = []
    for start, stop in held:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined
