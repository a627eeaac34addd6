"""Logs: who wrote and who read each storage, and what was lost when tensors were replaced."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

import torch

from fastinit.initializers import Initializer

_TORCHS_OWN = "torch.nn.modules."  # of the functions that write defaults, until a model does


@dataclass(frozen=True, slots=True)
class Write:
    """A write to a part of a storage.

    Attributes:
        origin: The function and the line that wrote.
        call: The number of the call of torch that wrote, among those of its context.
        first: The byte of the storage at which the part begins.
        end: The byte after it.
        initializer: What was drawn or filled; None for computed values and arithmetic.
        is_load: Whether weights were loaded, and not initialized.
    """

    origin: str
    call: int
    first: int
    end: int
    initializer: Initializer | None = None
    is_load: bool = False

    @property
    def is_default(self) -> bool:
        """Whether a module of torch gave itself its default, which models often replace."""
        return self.origin.startswith(_TORCHS_OWN)


@dataclass(frozen=True, slots=True)
class Lost:
    """A tensor that was written, and replaced before anything read it.

    Attributes:
        write: The last write to it.
        call: The number of the call of torch that replaced it.
        origin: The function and the line that replaced it.
        how: What was done.
    """

    write: Write
    call: int
    origin: str
    how: str


@dataclass(slots=True)
class Log:
    """The history of one storage.

    Attributes:
        is_empty: Whether it held nothing when it was new.
        born: The number of the call of torch that made it, if a call did.
        is_copy_of_nothing: Whether it is a copy of memory that nothing had written.
        is_received: Whether another process sent what it holds.
        device: The type of the device that the code asked for, if it did.
        writes: The writes, in order.
        reads: The number of writes before the last read.
        early_read: The function and the line that read it before anything was written.
        lost: The tensors that it replaced.
        loaded: Its bytes, after weights were loaded and before they were initialized again.
    """

    is_empty: bool = False
    born: int | None = None
    is_copy_of_nothing: bool = False
    is_received: bool = False
    device: str | None = None
    writes: list[Write] = field(default_factory=list)
    reads: int = 0
    early_read: str | None = None
    lost: list[Lost] = field(default_factory=list)
    loaded: torch.Tensor | None = None

    @property
    def is_placeholder(self) -> bool:
        """Whether it still has the values that it was made with."""
        return bool(self.writes) and all(each.call == self.born for each in self.writes)

    @property
    def is_unwritten(self) -> bool:
        """Whether it has held nothing so far."""
        return not self.writes and (self.is_empty or self.is_copy_of_nothing)

    def add(self, write: Write) -> None:
        """Add a write, unless it is a further step of the same call."""
        last = self.writes[-1] if self.writes else None
        if last is None or (last.call, last.first, last.end) != (
            write.call,
            write.first,
            write.end,
        ):
            self.writes.append(write)

    def writes_to(self, tensor: torch.Tensor) -> list[Write]:
        """Return the writes to a tensor in the storage."""
        first, end = bytes_of(tensor)
        return [each for each in self.writes if each.first < end and first < each.end]


class Logs:
    """The logs of storages, by their keys."""

    def __init__(self) -> None:
        self._by_key: dict[int, tuple[weakref.ref[torch.UntypedStorage], Log]] = {}

    def __contains__(self, storage: torch.UntypedStorage) -> bool:
        return storage._cdata in self._by_key

    def of(self, storage: torch.UntypedStorage) -> Log:
        """Return the log of a storage, which begins with the first question for it."""
        key = storage._cdata
        if key not in self._by_key:
            alive = weakref.ref(storage, lambda _: self._by_key.pop(key, None))
            self._by_key[key] = alive, Log()
        return self._by_key[key][1]


def bytes_of(tensor: torch.Tensor) -> tuple[int, int]:
    """Return the bytes of its storage between which a tensor lies."""
    first = int(tensor.storage_offset()) * tensor.element_size()
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    last = sum((size - 1) * stride for size, stride in steps) if tensor.numel() else -1
    return first, first + (last + 1) * tensor.element_size()
