"""Pending draws: what was asked for in an ``accelerate`` context and is not in memory yet.

They wait by storage, since a parameter, its ``.data`` and its views are one memory. Several draws
on one storage are made in their order, and those that a later one covers are not made at all.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from fastinit.requests import Draw
from fastinit.torch.memory.batch import Filling

Place = tuple[int, int, tuple[int, ...]]
"""A storage's key, an offset in it and a shape: what a parameter is recognized by."""


@dataclass(slots=True)
class PendingDraw:
    """A draw into a part of a storage, for whom it is, and which numbers it takes."""

    owner: Any
    draws: Sequence[Draw]
    stream: tuple[int, int] | None  # None until its name is known
    number: int  # of the draw in its context
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def tensor(self, storage: torch.UntypedStorage) -> torch.Tensor:
        """The part of the storage, as a tensor."""
        empty = torch.empty(0, dtype=self.dtype, device=storage.device)
        return empty.set_(storage, self.offset, self.shape, self.strides)


@dataclass(slots=True)
class _Storage:
    alive: weakref.ref[torch.UntypedStorage]
    draws: list[PendingDraw] = field(default_factory=list)


def storage_of(tensor: Any) -> torch.UntypedStorage | None:
    """The tensor's storage; None where it has none of its own."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    try:
        return tensor.untyped_storage()  # type: ignore[no-any-return]
    except (AttributeError, NotImplementedError, RuntimeError):
        return None


def place_of(tensor: torch.Tensor) -> Place | None:
    """The memory of a tensor."""
    storage = storage_of(tensor)
    if storage is None:
        return None
    return storage._cdata, int(tensor.storage_offset()), tuple(tensor.shape)


class Pending:
    """The pending draws of a thread."""

    def __init__(self) -> None:
        """None."""
        self._storages: dict[int, _Storage] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._storages)

    def __contains__(self, storage: int) -> bool:
        """Whether there are any in the storage of a key."""
        return storage in self._storages

    def add(self, tensor: torch.Tensor, draw: PendingDraw) -> None:
        """One more draw, after the others."""
        self.forget(tensor)
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._storages:
            # Another storage may come to lie where one has died.
            alive = weakref.ref(storage, lambda _: self._storages.pop(key, None))
            self._storages[key] = _Storage(alive)
        self._storages[key].draws.append(draw)

    def forget(self, tensor: torch.Tensor) -> None:
        """Drop the draws in a storage that a write to the tensor covers."""
        storage = tensor.untyped_storage()
        if tensor.nbytes == storage.nbytes() and tensor.is_contiguous():
            self._storages.pop(storage._cdata, None)

    def unnamed(self, owner: Any) -> list[tuple[int, PendingDraw]]:
        """The draws of a context that have no stream yet, with their storages' keys."""
        return [
            (key, draw)
            for key, each in self._storages.items()
            for draw in each.draws
            if draw.owner is owner and draw.stream is None
        ]

    def unnamed_owners(self, key: int) -> set[Any]:
        """The contexts whose draws in a storage have no stream yet."""
        return {draw.owner for draw in self._storages[key].draws if draw.stream is None}

    def keys_of(self, owner: Any) -> list[int]:
        """The storages in which a context has draws."""
        return [
            key
            for key, each in self._storages.items()
            if any(draw.owner is owner for draw in each.draws)
        ]

    def make(self, keys: Iterable[int]) -> list[PendingDraw]:
        """Make the draws in these storages, each storage's in order, and return them.

        All must have their streams.
        """
        chosen = [self._storages.pop(key) for key in keys]
        made: list[PendingDraw] = []
        while chosen:
            filling = Filling()
            for each in chosen:
                draw = each.draws.pop(0)
                storage = each.alive()
                if storage is not None and draw.stream is not None:
                    filling.add(draw.tensor(storage), draw.draws, draw.stream)
                    made.append(draw)
            filling.run()
            chosen = [each for each in chosen if each.draws]
        return made
