"""Resuming: the shards that an interrupted run has left, and which of them are as it wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from fastinit import safetensors
from fastinit.checkpoints.batches import Batch, Digests, batches
from fastinit.checkpoints.layout import Shard
from fastinit.checkpoints.pipeline import Bytes, Progress, run
from fastinit.checkpoints.read import Reader


@dataclass(frozen=True)
class Found:
    """Shards of a plan that are already there.

    ``whole`` has the digests, by name, of those whose bytes are right. ``damaged`` are the others,
    which are drawn again.
    """

    whole: dict[Path, dict[str, str]]
    damaged: frozenset[Path]


def find_shards(shards: Iterable[Shard], progress: Progress) -> Found:
    """Find the shards that are there, and digest them; nothing is changed."""
    whole: dict[Path, dict[str, str]] = {}
    damaged = set()
    for shard in shards:
        stored = _stored_digests(shard)
        if stored is None:
            continue
        if _digests(shard, progress) == stored:
            whole[shard.path] = stored
        else:
            damaged.add(shard.path)
    return Found(whole, frozenset(damaged))


def _stored_digests(shard: Shard) -> dict[str, str] | None:
    """Return the digests in the header of the file, if all else in the header is the shard's."""
    with suppress(OSError, ValueError, KeyError):
        header = safetensors.read_header(shard.path)
        stored = header.digests
        if stored is not None and header.content == shard.header(stored):
            return stored
    return None


def _digests(shard: Shard, progress: Progress) -> dict[str, str]:
    digests = Digests(shard.tensors)
    with closing(Reader(shard.path)) as reader:

        def digest(batch: Batch, buffer: Bytes) -> list[bytes]:
            values = reader.read(shard.origin + batch.offset, batch.size, buffer)
            return Digests.of_pieces(batch, values)

        def add(batch: Batch, found: list[bytes]) -> None:
            digests.add(batch, found)
            progress(batch.size)

        run(batches(shard.tensors), digest, add)
    return digests.result()
