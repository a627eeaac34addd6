"""Pending fills: requested in an ``accelerate`` context, and not in memory yet.

They are kept by storage, since a parameter, its ``.data`` and its views are one memory. The fills
of one storage are executed in their order, and those that a later one covers are dropped.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from fastinit.native.request import Template
from fastinit.torch.memory.batch import FillBatch

Location = tuple[int, int, tuple[int, ...]]
"""The key of a storage, an offset in it and a shape, by which a parameter is recognized."""


@dataclass(slots=True)
class PendingFill:
    """A fill of a part of a storage, with the context that owns it and the stream it draws from."""

    owner: Any
    templates: Sequence[Template]
    stream: tuple[int, int] | None  # None until the name is known
    number: int  # of the fill in its context
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def tensor(self, storage: torch.UntypedStorage) -> torch.Tensor:
        """Return the part of the storage as a tensor."""
        empty = torch.empty(0, dtype=self.dtype, device=storage.device)
        return empty.set_(storage, self.offset, self.shape, self.strides)


@dataclass(slots=True)
class _Storage:
    alive: weakref.ref[torch.UntypedStorage]
    fills: list[PendingFill] = field(default_factory=list)


def storage_of(tensor: Any) -> torch.UntypedStorage | None:
    """Return the storage of a tensor, or None where it does not have one."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    try:
        return tensor.untyped_storage()  # type: ignore[no-any-return]
    except (AttributeError, NotImplementedError, RuntimeError):
        return None


def location_of(tensor: torch.Tensor) -> Location | None:
    """Return the location of a tensor, or None where it does not have a storage."""
    storage = storage_of(tensor)
    if storage is None:
        return None
    return storage._cdata, int(tensor.storage_offset()), tuple(tensor.shape)


class Pending:
    """The pending fills of nested contexts, by the keys of their storages."""

    def __init__(self) -> None:
        self._storages: dict[int, _Storage] = {}

    def __bool__(self) -> bool:
        return bool(self._storages)

    def __contains__(self, key: int) -> bool:
        return key in self._storages

    def add(self, tensor: torch.Tensor, fill: PendingFill) -> None:
        """Add a fill after all others."""
        self.forget(tensor)
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._storages:
            # Another storage may get the same key once this one has died.
            alive = weakref.ref(storage, lambda _: self._storages.pop(key, None))
            self._storages[key] = _Storage(alive)
        self._storages[key].fills.append(fill)

    def forget(self, tensor: torch.Tensor) -> None:
        """Drop the fills of a storage all of which a write to the tensor covers."""
        storage = tensor.untyped_storage()
        if tensor.nbytes == storage.nbytes() and tensor.is_contiguous():
            self._storages.pop(storage._cdata, None)

    def unnamed(self, owner: Any) -> list[tuple[int, PendingFill]]:
        """Return the fills of a context that have no stream yet, with their storages' keys."""
        return [
            (key, fill)
            for key, each in self._storages.items()
            for fill in each.fills
            if fill.owner is owner and fill.stream is None
        ]

    def unnamed_owners(self, key: int) -> set[Any]:
        """Return the contexts that own fills of a storage that have no stream yet."""
        return {fill.owner for fill in self._storages[key].fills if fill.stream is None}

    def keys_of(self, owner: Any) -> list[int]:
        """Return the keys of the storages in which a context owns fills."""
        return [
            key
            for key, each in self._storages.items()
            if any(fill.owner is owner for fill in each.fills)
        ]

    def run(self, keys: Iterable[int]) -> list[PendingFill]:
        """Execute the fills of these storages, each storage's in order, and return them.

        All of them must have their streams.
        """
        chosen = [self._storages.pop(key) for key in keys]
        executed: list[PendingFill] = []
        while chosen:
            batch = FillBatch()
            for each in chosen:
                fill = each.fills.pop(0)
                storage = each.alive()
                if storage is not None and fill.stream is not None:
                    batch.add(fill.tensor(storage), fill.templates, fill.stream)
                    executed.append(fill)
            batch.run()
            chosen = [each for each in chosen if each.fills]
        return executed
