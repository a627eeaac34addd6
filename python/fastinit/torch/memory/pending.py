"""Pending fills: requested in an ``accelerate`` context, and not in memory yet.

They are kept by storage, since a parameter, its ``.data`` and its views are one memory. The fills
of one storage are executed in their order, and those that a later one covers are dropped. All
threads share one ``PENDING``: whoever reads or writes a tensor executes what is pending in it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from fastinit.streams import Stream
from fastinit.torch.memory.batch import FillBatch
from fastinit.torch.memory.storages import shares_elements, storages_of
from fastinit.torch.memory.templates import Templates

Part = tuple[int, tuple[int, ...]]
"""An offset in a storage and a shape, by which a parameter is recognized."""


class Owner(Protocol):
    """A context that requests fills."""

    def is_open(self, tensor: torch.Tensor) -> bool:
        """Return whether the memory of a tensor can be read where no mode of torch sees it."""

    def has_memory(self, storage: torch.UntypedStorage) -> bool:
        """Return whether fills of a storage are executed, and not only noted."""

    def note(self, fill: PendingFill, storage: torch.UntypedStorage) -> None:
        """Note that a fill has been executed, or would have been."""

    def choose_streams(self, storage: int | None) -> None:
        """Choose the streams of the context's fills in one storage, or in all."""

    def vanish(self, module: torch.nn.Module) -> None:
        """Note that a module is about to vanish."""


@dataclass(slots=True)
class PendingFill:
    """A fill of a part of a storage, with the context that owns it and the stream it draws from."""

    owner: Owner
    templates: Templates
    stream: tuple[int, int] | None  # None until the name is known
    names: Stream  # of which the stream is one, while that is None
    number: int  # of the fill in its context
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    origin: str | None = None  # the function and the line that asked

    def tensor(self, storage: torch.UntypedStorage) -> torch.Tensor:
        """Return the part of the storage as a tensor."""
        empty = torch.empty(0, dtype=self.dtype, device=storage.device)
        return empty.set_(storage, self.offset, self.shape, self.strides)


@dataclass(slots=True)
class PendingStorage:
    """The pending fills of one storage, in order."""

    alive: weakref.ref[torch.UntypedStorage]
    fills: list[PendingFill] = field(default_factory=list)
    last_names: dict[tuple[Owner, Part], tuple[int, str]] = field(default_factory=dict)
    """The names of tensors in modules that are gone, with the numbers of these modules."""


class Pending:
    """The pending fills of all contexts, by the keys of their storages."""

    def __init__(self) -> None:
        self._storages: dict[int, PendingStorage] = {}
        self._exported: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self.reset_lock()

    def reset_lock(self) -> None:
        """Make a new lock: in a forked process, no thread holds the old one."""
        self._lock = threading.RLock()

    def __bool__(self) -> bool:
        return bool(self._storages)

    def __contains__(self, key: int) -> bool:
        return key in self._storages

    # ---- requests -------------------------------------------------------------------------------

    def add(self, tensor: torch.Tensor, fill: PendingFill) -> None:
        """Add a fill after all others.

        It is executed at once where no mode of torch would see a read, or where the call must
        raise an error.
        """
        with self._lock:
            self.forget(tensor)
            is_open = fill.owner.is_open(tensor)  # before this function holds the storage, too
            storage = tensor.untyped_storage()
            key = storage._cdata
            if key not in self._storages:
                # Another storage may get the same key once this one has died.
                alive = weakref.ref(storage, lambda _: self._storages.pop(key, None))
                self._storages[key] = PendingStorage(alive)
            self._storages[key].fills.append(fill)
            is_open = is_open or key in self._exported
        if is_open or shares_elements(tensor):
            self.run([key])

    def forget(self, tensor: torch.Tensor) -> None:
        """Drop the fills of a storage all of which a write to the tensor covers."""
        storage = tensor.untyped_storage()
        if (
            storage._cdata in self._storages
            and tensor.nbytes == storage.nbytes()
            and tensor.is_contiguous()
        ):
            with self._lock:  # after an execution that another thread has begun
                self._storages.pop(storage._cdata, None)

    def export(self, tensor: torch.Tensor) -> None:
        """Note that the memory of a tensor has been handed to another library."""
        with torch._C.DisableTorchFunction():
            storages = list(storages_of(tensor))
        for storage in storages:
            key = storage._cdata
            self._exported[key] = weakref.ref(storage, lambda _, k=key: self._exported.pop(k, None))  # type: ignore[misc]

    # ---- what owners ask ------------------------------------------------------------------------

    def owners(self) -> set[Owner]:
        """Return the contexts with pending fills."""
        return {fill.owner for each in list(self._storages.values()) for fill in each.fills}

    def unnamed(self, owner: Owner) -> list[tuple[int, PendingStorage, PendingFill]]:
        """Return the fills of a context that have no stream yet, with their storages and keys."""
        return [
            (key, each, fill)
            for key, each in list(self._storages.items())
            for fill in each.fills
            if fill.owner is owner and fill.stream is None
        ]

    def keys_of(self, owner: Owner) -> list[int]:
        """Return the keys of the storages in which a context owns fills."""
        return [
            key
            for key, each in list(self._storages.items())
            if any(fill.owner is owner for fill in each.fills)
        ]

    def remember(self, tensor: torch.Tensor, owner: Owner, number: int, name: str) -> None:
        """Keep the name of a tensor, whose module is about to vanish."""
        part = part_of(tensor)
        for storage in storages_of(tensor) if part else ():
            entry = self._storages.get(storage._cdata)
            if entry is not None and part is not None:
                known = entry.last_names.get((owner, part))
                # The names in a whole model are longer than those in its parts, which vanish too.
                if known is None or len(known[1]) < len(name):
                    entry.last_names[owner, part] = number, name

    # ---- execution ------------------------------------------------------------------------------

    def settle(self, values: Any) -> None:
        """Execute what is pending in the memory of a tensor, or of tensors in nested values."""
        if self._storages:
            with torch._C.DisableTorchFunction():
                self._settle(values)

    def _settle(self, values: Any) -> None:
        if isinstance(values, torch.Tensor):
            keys = [each._cdata for each in storages_of(values) if each._cdata in self._storages]
            if keys:
                self.run(keys)
        elif isinstance(values, (list, tuple)):
            for each in values:
                self._settle(each)
        elif isinstance(values, dict):
            self._settle(tuple(values.values()))

    def settle_everything(self) -> None:
        """Execute all fills, those of other threads included."""
        if self._storages:
            self.run(list(self._storages))

    def run(self, keys: Iterable[int]) -> None:
        """Execute the fills of these storages, each storage's in order.

        Storages stay pending until their values are there, so that other threads wait for them.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; the contents of the storages are unspecified.
            RuntimeError: A fill failed; all others have been executed.
        """
        with self._lock, torch._C.DisableTorchFunction(), _outside_of_transformations():
            chosen = {key: each for key in keys if (each := self._storages.get(key))}
            for key, each in chosen.items():
                for owner in {fill.owner for fill in each.fills if fill.stream is None}:
                    owner.choose_streams(key)
            try:
                _execute(list(chosen.values()))
            finally:
                for key in chosen:
                    self._storages.pop(key, None)


def part_of(tensor: torch.Tensor) -> Part | None:
    """Return which part of its storage a tensor is, or None for one without a size yet."""
    try:
        return int(tensor.storage_offset()), tuple(tensor.shape)
    except (NotImplementedError, RuntimeError):  # sparse, or a lazy parameter
        return None


def _execute(chosen: list[PendingStorage]) -> None:
    """Execute the first fills of all storages in one call, then the second ones, and so on."""
    errors: list[Exception] = []
    for turn in range(max((len(each.fills) for each in chosen), default=0)):
        fills = [
            (each.fills[turn], storage)
            for each in chosen
            if turn < len(each.fills) and (storage := each.alive()) is not None
        ]
        try:
            _fill(fills)
        except Exception:  # find out whose it is
            for each in fills:
                try:
                    _fill([each])
                except Exception as error:
                    errors.append(error)
        for fill, storage in fills:
            fill.owner.note(fill, storage)
    if errors:
        raise errors[0]


def _fill(fills: list[tuple[PendingFill, torch.UntypedStorage]]) -> None:
    batch = FillBatch()
    for fill, storage in fills:
        if fill.stream is not None and fill.owner.has_memory(storage):
            batch.add(fill.tensor(storage), fill.templates, fill.stream)
    batch.run()


@contextlib.contextmanager
def _outside_of_transformations() -> Iterator[None]:
    """Tensors have memory in this context, which torch.func's transformations hide."""
    if torch._C._functorch.peek_interpreter_stack() is None:
        yield
        return
    from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

    with temporarily_clear_interpreter_stack():
        yield


PENDING = Pending()
os.register_at_fork(after_in_child=PENDING.reset_lock)
