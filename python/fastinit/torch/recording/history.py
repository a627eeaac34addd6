"""Histories: what has been written to each storage, as initializers and arithmetic."""

from __future__ import annotations

import dataclasses
import math
import weakref
from dataclasses import dataclass, field

import torch

from fastinit.initializers import Initializer
from fastinit.native.box import c_strides


@dataclass(frozen=True, slots=True)
class Extent:
    """A strided part of a storage, in elements of a dtype: what a tensor is of its storage."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Extent:
        """Return the extent of a tensor."""
        shape = tuple(tensor.shape)
        return cls(int(tensor.storage_offset()), shape, tensor.stride(), tensor.dtype)

    @property
    def is_natural(self) -> bool:
        """Whether the elements lie in C order without gaps."""
        return all(
            size == 1 or stride == natural
            for size, stride, natural in zip(
                self.shape, self.strides, c_strides(self.shape), strict=True
            )
        )

    def without_repetition(self) -> Extent:
        """Return the same part of the storage without the axes that repeat it, as in ``expand``."""
        steps = zip(self.shape, self.strides, strict=True)
        shape = tuple(size if stride else min(size, 1) for size, stride in steps)
        return dataclasses.replace(self, shape=shape)

    @property
    def may_share_elements(self) -> bool:
        """Whether two indices may mean the same element, as in a tensor that is expanded."""
        room = 1
        for stride, size in sorted(zip(self.strides, self.shape, strict=True)):
            if size > 1:
                if stride < room:
                    return True
                room += (size - 1) * stride
        return False

    @property
    def end(self) -> int:
        """The position after the last element."""
        steps = zip(self.shape, self.strides, strict=True)
        return self.offset + sum((size - 1) * stride for size, stride in steps) + 1

    @property
    def elements(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Entry:
    """A draw into a part of a storage, or arithmetic with a number on it.

    Attributes:
        extent: The part.
        initializer: What is drawn, of the part's shape; None for arithmetic.
        stream: The (seed, stream number) of the draw; None where no random numbers are drawn.
        operation: The name of the arithmetic, see ``fastinit.arrays.operations``.
        operand: Its number.
        origin: The function and the line that asked for a draw.
    """

    extent: Extent
    initializer: Initializer | None = None
    stream: tuple[int, int] | None = None
    operation: str | None = None
    operand: float = 0.0
    origin: str | None = None


@dataclass(slots=True)
class History:
    """The writes to one storage.

    Attributes:
        storage: The storage, while it lives.
        is_virtual: Whether its memory has not been written, since nothing has read it.
        is_fresh: Whether its memory held a known pattern before the first entry.
        entries: What was written, in order, since the whole was last overwritten.
    """

    storage: weakref.ref[torch.UntypedStorage]
    is_virtual: bool = False
    is_fresh: bool = False
    entries: list[Entry] = field(default_factory=list)


class Histories:
    """The histories of storages, by their keys."""

    def __init__(self) -> None:
        self._by_key: dict[int, History] = {}

    def of(self, tensor: torch.Tensor) -> History | None:
        """Return the history of a tensor's storage, or None."""
        return self._by_key.get(tensor.untyped_storage()._cdata)

    def of_storage(self, storage: torch.UntypedStorage) -> History | None:
        """Return the history of a storage, or None."""
        return self._by_key.get(storage._cdata)

    def begin(self, storage: torch.UntypedStorage) -> History:
        """Return the new history of a storage."""
        key = storage._cdata
        alive = weakref.ref(storage, lambda _: self._by_key.pop(key, None))
        self._by_key[key] = History(alive)
        return self._by_key[key]

    def add(self, storage: torch.UntypedStorage, entry: Entry) -> None:
        """Add an entry; one that draws the whole storage replaces all before it."""
        found = self.of_storage(storage) or self.begin(storage)
        if entry.initializer is not None and covers(entry.extent, storage):
            found.entries.clear()
        found.entries.append(entry)


def covers(extent: Extent, storage: torch.UntypedStorage) -> bool:
    """Return whether a part is the whole of its storage, in any order of axes."""
    return (
        extent.elements * extent.dtype.itemsize == storage.nbytes()
        and extent.offset == 0
        and (extent.end == extent.elements)
    )
