"""The context in which a model's code runs while its initialization is recorded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from fastinit.arrays.devices import CPU
from fastinit.arrays.digest import to_numpy
from fastinit.arrays.operations import Arithmetic
from fastinit.native.dtypes import dtype_of
from fastinit.streams import Seed
from fastinit.torch.acceleration.context import FillContext
from fastinit.torch.acceleration.fills import fill_of, numbers_of
from fastinit.torch.memory.batch import FillBatch
from fastinit.torch.memory.passive import values_of
from fastinit.torch.memory.pending import PENDING, PendingFill
from fastinit.torch.memory.storages import (
    is_held,
    is_shared,
    shares_elements,
    storages_of,
    tensors_in,
)
from fastinit.torch.memory.templates import Templates
from fastinit.torch.nn_init import values
from fastinit.torch.nn_init.state import state
from fastinit.torch.recording import copies, creation
from fastinit.torch.recording.arithmetic import ARITHMETIC
from fastinit.torch.recording.describe import Description, describe
from fastinit.torch.recording.drawing import draws
from fastinit.torch.recording.history import Entry, Extent, Histories, History, covers
from fastinit.torch.recording.ledger import Handler
from fastinit.torch.recording.norms import NORMS
from fastinit.torch.recording.origin import origin
from fastinit.torch.recording.virtual import virtual

SMALLEST_VIRTUAL = 16 << 10
"""Bytes from which tensors have no memory, until code reads them."""

LARGEST_READ = 64 << 20
"""Bytes up to which tensors may be read by the code of a model."""

_ADDRESSES = {torch.Tensor.data_ptr, torch.Tensor.untyped_storage}

_CONSTRUCTORS = torch.utils._device._device_constructors()
_HANDLERS: dict[Callable[..., Any], Handler] = {
    **creation.CREATION,
    **ARITHMETIC,
    **copies.COPIES,
    **NORMS,
}


class Recorder(FillContext):
    """A ``FillContext`` that notes what is written to each storage; large ones stay unwritten.

    Args:
        seed: An integer in [0, 2**64).
        smallest_virtual: Bytes from which tensors have no memory.
        largest_read: Bytes up to which they get it when they are read.
    """

    def __init__(
        self,
        seed: Seed | None,
        smallest_virtual: int = SMALLEST_VIRTUAL,
        largest_read: int = LARGEST_READ,
    ) -> None:
        super().__init__(seed)
        self.histories = Histories()
        self._smallest_virtual = smallest_virtual
        self._largest_read = largest_read

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Note what a function writes, and give memory to what it reads; then call it."""
        options = dict(kwargs or {})
        if state.context is not self:
            return super().__torch_function__(func, types, args, options)
        is_fill = fill_of(func) is not None
        needed = numbers_of(args, options) if is_fill else values_of(func, args, options)
        PENDING.settle(needed)  # what accelerate settles: it has its stream from here on
        handler = _HANDLERS.get(func)
        if handler is not None:
            result = handler(self, func, args, options)
            if result is not NotImplemented:
                return result
        if func not in _ADDRESSES:
            self.read(needed)
        if "device" in options or func in _CONSTRUCTORS:
            options["device"] = "cpu"  # values do not depend on it
        return super().__torch_function__(func, types, args, options)

    # ---- what handlers ask ----------------------------------------------------------------------

    def is_large(self, shape: tuple[int, ...], dtype: torch.dtype) -> bool:
        """Return whether a tensor gets no memory; complex ones, recorded as values, do."""
        return not dtype.is_complex and math.prod(shape) * dtype.itemsize >= self._smallest_virtual

    def is_virtual(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor has no memory."""
        history = self.histories.of(tensor)
        return history is not None and history.is_virtual

    def is_readable(self, tensor: torch.Tensor) -> bool:
        """Return whether code may read the values of a tensor."""
        return not self.is_virtual(tensor) or not self._is_too_large(tensor.untyped_storage())

    def new(
        self,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        strides: tuple[int, ...] | None,
    ) -> torch.Tensor:
        """Return a virtual tensor without a history."""
        tensor = virtual(shape, dtype, strides, reserved=self._largest_read)
        history = self.histories.begin(tensor.untyped_storage())
        history.is_virtual = history.is_fresh = True
        return tensor

    def begin(self, tensor: torch.Tensor) -> None:
        """Begin the history of a tensor with memory, which is written with a known pattern."""
        self.histories.begin(tensor.untyped_storage()).is_fresh = True

    def add(self, tensor: torch.Tensor, entry: Entry) -> None:
        """Note an entry of a tensor's storage."""
        self.histories.add(tensor.untyped_storage(), entry)

    def describe(self, tensor: torch.Tensor) -> Description | None:
        """Return what is drawn for a tensor; None if not known."""
        history = self.histories.of(tensor)
        found = None if history is None else describe(Extent.of(tensor), history.entries)
        if found is None or self.is_virtual(tensor) or tensor.is_complex():
            return None if tensor.is_complex() else found
        # Of a copy: memory that NumPy shares would be held by others from then on.
        return found if draws(found, to_numpy(tensor.detach().clone()), self.seed) else None

    def read(self, needed: Any) -> None:
        """Give memory and values to tensors among nested values that have none.

        Raises:
            RuntimeError: One of them is large.
        """
        PENDING.settle(needed)
        with torch._C.DisableTorchFunction():
            for tensor in tensors_in(needed):
                for storage in storages_of(tensor):
                    history = self.histories.of_storage(storage)
                    if history is not None and history.is_virtual:
                        self._materialize(storage, history, tensor)

    # ---- what fills ask of their context --------------------------------------------------------

    def origin(self) -> str | None:
        """Return the function and the line that asks for a fill."""
        return origin()

    def empty(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return the new tensor of a function such as ``torch.empty``, to be filled at once."""
        return creation.CREATION[function](self, function, args, kwargs)

    def draw(
        self, tensor: torch.Tensor, templates: Templates, stream: tuple[int, int] | None
    ) -> None:
        """Fill a new tensor at once; without a stream, from one of the context's."""
        stream = self.next_stream() if stream is None else stream
        if not self.is_virtual(tensor):
            super().draw(tensor, templates, stream)
        extent = Extent.of(tensor)
        self.add(tensor, Entry(extent, templates.initializer, stream, origin=origin()))

    def defer(
        self, tensor: torch.Tensor, templates: Templates, stream: tuple[int, int] | None
    ) -> None:
        """Fill the tensor when the context ends, or when it is read."""
        with torch._C.DisableTorchFunction():
            if shares_elements(tensor):
                self.read(tensor)  # torch needs memory to refuse the write
            self._adopt(tensor)
        super().defer(tensor, templates, stream)

    def overwrite(self, tensor: torch.Tensor, templates: Templates | None) -> bool:
        """Write what templates say, and note it; return whether that is done."""
        super().overwrite(tensor, templates)
        with torch._C.DisableTorchFunction():
            overlaps = Extent.of(tensor).may_share_elements
        if templates is None or overlaps:
            self.read(tensor)
            return False
        with torch._C.DisableTorchFunction():
            self._adopt(tensor)
            if not self.is_virtual(tensor):
                super().draw(tensor, templates, (0, 0))
            self.add(tensor, Entry(Extent.of(tensor), templates.initializer, origin=origin()))
            return True

    def wrote(self, tensor: torch.Tensor, value: Any) -> None:
        """Note that a tensor has been filled with a constant at once."""
        with torch._C.DisableTorchFunction():
            if values.is_constant(tensor.dtype) and tensor.numel():
                constant = values.constant(value, tensor.dtype).initializer
                extent = Extent.of(tensor).without_repetition()
                self.add(tensor, Entry(extent, constant, origin=origin()))

    def leave(self, function: Callable[..., Any], tensor: Any, *arguments: Any) -> Any:
        """Call torch's own function, which reads the tensor."""
        self.read((tensor, arguments))
        return super().leave(function, tensor, *arguments)

    def is_open(self, tensor: torch.Tensor) -> bool:
        """Return whether the memory of a tensor can be read where no mode of torch sees it."""
        return is_held(tensor) or (not self.is_virtual(tensor) and is_shared(tensor))

    def has_memory(self, storage: torch.UntypedStorage) -> bool:
        """Return whether fills of a storage are executed."""
        history = self.histories.of_storage(storage)
        return history is None or not history.is_virtual

    def note(self, fill: PendingFill, storage: torch.UntypedStorage) -> None:
        """Note a fill that has been executed, or would have been."""
        super().note(fill, storage)
        extent = Extent(fill.offset, fill.shape, fill.strides, fill.dtype)
        initializer = fill.templates.initializer
        entry = Entry(extent, initializer, fill.stream, origin=fill.origin)
        self.histories.add(storage, entry)

    # ---- memory ---------------------------------------------------------------------------------

    def _adopt(self, tensor: torch.Tensor) -> None:
        """Leave the memory of a large tensor alone from now on: all of it is overwritten."""
        if not self.is_large(tuple(tensor.shape), tensor.dtype) or is_shared(tensor):
            return
        storage = tensor.untyped_storage()
        if covers(Extent.of(tensor), storage) and self.has_memory(storage):
            history = self.histories.of_storage(storage) or self.histories.begin(storage)
            history.is_virtual = True

    def _materialize(
        self, storage: torch.UntypedStorage, history: History, tensor: torch.Tensor
    ) -> None:
        if self._is_too_large(storage):
            raise RuntimeError(
                f"{self._name(storage)}{tuple(tensor.shape)} has {storage.nbytes()} bytes, and "
                f"{origin()} reads its values, which a recording does not draw; initialize it by "
                "functions of torch.nn.init or methods that fill tensors, or build the model in "
                "fastinit.torch.accelerate(), where its memory is there"
            )
        torch.empty(0, dtype=torch.uint8).set_(storage).fill_(creation.PATTERN)
        for entry in history.entries:
            _replay(entry, storage)
        history.is_virtual = False

    def _is_too_large(self, storage: torch.UntypedStorage) -> bool:
        return storage.nbytes() > self._largest_read

    def _name(self, storage: torch.UntypedStorage) -> str:
        name = self._modules.name_of_storage(storage._cdata)
        return "a tensor " if name is None else f"{name!r} "


@torch.no_grad()
def _replay(entry: Entry, storage: torch.UntypedStorage) -> None:
    """Write to memory what an entry says."""
    offset, shape, strides = entry.extent.offset, entry.extent.shape, entry.extent.strides
    dtype = dtype_of(entry.extent.dtype)
    tensor = torch.empty(0, dtype=entry.extent.dtype, device="cpu")
    tensor.set_(storage, offset, shape, strides)
    if entry.initializer is not None:
        batch = FillBatch()
        batch.add(tensor, entry.initializer.templates(shape, dtype), entry.stream or (0, 0))
        batch.run()
        return
    assert entry.operation is not None
    computed = tensor.contiguous()
    where = computed.data_ptr(), computed.numel(), dtype
    CPU.fill([Arithmetic(*where, entry.operation, entry.operand)])
    tensor.copy_(computed)
