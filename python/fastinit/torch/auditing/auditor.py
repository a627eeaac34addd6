"""The context in which a model's code runs while it is audited."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any, Self

import torch
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from fastinit.initializers import Initializer
from fastinit.torch.acceleration.context import FillContext
from fastinit.torch.auditing.calls import (
    is_copy,
    is_empty,
    read_by,
    replaced_by,
    written_by,
)
from fastinit.torch.auditing.log import Log, Logs, Lost, Write, bytes_of
from fastinit.torch.memory.storages import storage_of, storages_of, tensors_in
from fastinit.torch.memory.templates import Templates
from fastinit.torch.nn_init.state import state
from fastinit.torch.recording.history import Entry
from fastinit.torch.recording.origin import callers, line_of, origin
from fastinit.torch.recording.recorder import Recorder

_MODULE = "torch.nn.modules.module"


class Auditor(Recorder):
    """``Recorder`` that keeps all writes to each storage, with who wrote, read and replaced it.

    Args:
        seed: An integer in [0, 2**64).
        numbers_before: The number of draws without names that seem to have been made before.

    Attributes:
        logs: The logs of all storages.
        loading: The code that calls what loads weights, while it does.
    """

    def __init__(self, seed: int | None, numbers_before: int = 0) -> None:
        super().__init__(seed)
        self.logs = Logs()
        self.loading: CodeType | None = None
        self._number = numbers_before
        self._call = 0
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        super().__enter__()
        hooks = (
            register_module_parameter_registration_hook,
            register_module_buffer_registration_hook,
        )
        self._hooks = [hooks[0](self._registering), hooks[1](self._registering)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in self._hooks:
            each.remove()
        super().__exit__(kind, error, trace)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Note what a function reads and writes, and call it."""
        options = dict(kwargs or {})
        if state.context is not self:
            return super().__torch_function__(func, types, args, options)
        self._call += 1
        if self._is_on_meta(args, options):
            return FillContext.__torch_function__(self, func, types, args, options)
        unwritten = self._note_reads(func, args, options)
        target = written_by(func, args, options)
        if target is not None:
            self._keep_loaded(target)
        replaced = replaced_by(func, args)
        before = None if replaced is None else self._log(replaced[0])
        result = super().__torch_function__(func, types, args, options)
        if target is not None and not self._is_noted(target):
            self._wrote(target)
        if replaced is not None:
            self._replaced(before, replaced[1], "its .data was replaced")
        if isinstance(result, torch.Tensor):
            self._note_result(func, result, (args, options), unwritten)
        return result

    def _is_on_meta(self, args: Any, options: dict[str, Any]) -> bool:
        """Return whether a call stays on the meta device: loaders ask whether tensors are there."""
        if self.loading is None:
            return False
        device = options.get("device")
        if device is not None:
            return torch.device(device).type == "meta"
        return any(each.is_meta for each in tensors_in((args, options)))

    def empty(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return the new tensor of a function such as ``torch.empty``, to be filled at once."""
        if self._is_on_meta(args, kwargs):
            return function(*args, **kwargs)
        return super().empty(function, *args, **kwargs)

    # ---- what fills and handlers write ----------------------------------------------------------

    def new(
        self, shape: tuple[int, ...], dtype: torch.dtype, strides: tuple[int, ...] | None
    ) -> torch.Tensor:
        """Return a virtual tensor without a history."""
        tensor = super().new(shape, dtype, strides)
        self._born(tensor)
        return tensor

    def begin(self, tensor: torch.Tensor) -> None:
        """Begin the history of a tensor with memory, which is written with a known pattern."""
        super().begin(tensor)
        self._born(tensor)

    def add(self, tensor: torch.Tensor, entry: Entry) -> None:
        """Note an entry of a tensor's storage."""
        super().add(tensor, entry)
        self._wrote(tensor, entry.initializer)

    def defer(
        self, tensor: torch.Tensor, templates: Templates, stream: tuple[int, int] | None
    ) -> None:
        """Fill the tensor when the context ends, or when it is read."""
        with torch._C.DisableTorchFunction():
            self._keep_loaded(tensor)
            self._wrote(tensor, templates.initializer)
        super().defer(tensor, templates, stream)

    def overwrite(self, tensor: torch.Tensor, templates: Templates | None) -> bool:
        """Write what templates say, and note it; return whether that is done."""
        with torch._C.DisableTorchFunction():
            self._keep_loaded(tensor)
        return super().overwrite(tensor, templates)

    def is_settled(self, tensor: torch.Tensor) -> bool:
        """Return whether a write to all of the tensor, which follows, leaves nothing pending."""
        with torch._C.DisableTorchFunction():
            self._keep_loaded(tensor)
        return super().is_settled(tensor)

    def leave(self, function: Callable[..., Any], tensor: Any, *arguments: Any) -> Any:
        """Call torch's own function, which writes the tensor."""
        with torch._C.DisableTorchFunction():
            self._keep_loaded(tensor)
            self._wrote(tensor)
        return super().leave(function, tensor, *arguments)

    # ---- logs -----------------------------------------------------------------------------------

    def received(self, tensor: torch.Tensor) -> None:
        """Note that another process sends what a tensor holds."""
        self._call += 1
        with torch._C.DisableTorchFunction():
            for storage in storages_of(tensor):
                self.logs.of(storage).is_received = True
            self._wrote(tensor)

    def _log(self, tensor: Any) -> Log | None:
        storage = storage_of(tensor) if isinstance(tensor, torch.Tensor) else None
        return None if storage is None else self.logs.of(storage)

    def _born(self, tensor: torch.Tensor) -> None:
        log = self.logs.of(tensor.untyped_storage())
        log.is_empty, log.born = True, self._call

    def _is_noted(self, tensor: torch.Tensor) -> bool:
        """Return whether the call has been noted as a write to the tensor."""
        log = self._log(tensor)
        return log is not None and any(each.call == self._call for each in log.writes[-1:])

    def _wrote(self, tensor: torch.Tensor, initializer: Initializer | None = None) -> None:
        log = self._log(tensor)
        if log is not None:
            is_load = self.loading is not None and self._is_load(initializer)
            where = bytes_of(tensor)
            log.add(Write(origin(), self._call, *where, initializer, is_load))

    def _note_reads(self, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> bool:
        """Note what a call reads; return whether it copies memory that nothing has written."""
        copies = is_copy(func)
        unwritten = False
        for tensor in read_by(func, args, kwargs):
            for storage in storages_of(tensor):
                log = self.logs.of(storage)
                log.reads = len(log.writes)
                unwritten |= copies and log.is_unwritten
                if log.is_unwritten and not copies and log.early_read is None:
                    log.early_read = origin()
        return unwritten

    def _note_result(
        self, func: Callable[..., Any], result: torch.Tensor, given: Any, unwritten: bool
    ) -> None:
        """Note where a tensor comes from that a call has returned."""
        storage = storage_of(result)
        if storage is None:
            return
        is_known = storage in self.logs
        log = self.logs.of(storage)
        device = given[1].get("device")
        if device is not None:
            log.device = torch.device(device).type
        if unwritten and not log.writes:
            log.is_copy_of_nothing = True
        elif not is_known and not is_empty(func) and not _shares(storage, given):
            log.born = self._call
            self._wrote(result)

    def _registering(self, module: torch.nn.Module, name: str, tensor: Any) -> None:
        if state.context is self and isinstance(tensor, torch.Tensor):
            with torch._C.DisableTorchFunction():
                previous = module._parameters.get(name, module._buffers.get(name))
                self._call += 1
                self._replaced(self._log(previous), tensor, f"another tensor became {name!r}")

    def _replaced(self, before: Log | None, after: torch.Tensor, how: str) -> None:
        """Note that a tensor takes the place of another."""
        log = self._log(after)
        if log is None or log is before:
            return
        if before is not None and before.reads < len(before.writes):
            log.lost.append(Lost(before.writes[-1], self._call, _replacer(), how))
        if self.loading is not None:
            self._keep_loaded(after)
            log.add(Write(_replacer(), self._call, *bytes_of(after), is_load=self._is_load(None)))

    # ---- loading --------------------------------------------------------------------------------

    def _is_load(self, initializer: Initializer | None) -> bool:
        """Return whether the code that runs loads weights: the names of its functions say so.

        Where they do not say, draws initialize, and all else loads.
        """
        names = [frame.f_code.co_name for frame in callers(until=self.loading)]
        for name in names[:-1]:  # the last is the function that the audit was given
            if "init" in name or "reset" in name:
                return False
            if "load" in name:
                return True
        return initializer is None

    def _keep_loaded(self, tensor: Any) -> None:
        """Keep the bytes of a loaded tensor, before it is written again."""
        log = self._log(tensor) if self.loading is not None else None
        if log is None or not log.writes or not log.writes[-1].is_load:
            return
        try:
            self.read(tensor)
        except RuntimeError:  # too large: then any write counts
            return
        log.loaded = held(tensor)


def _replacer() -> str:
    """Return the innermost function outside of torch's modules that gives one a tensor."""
    frames = list(callers())
    outside = (each for each in frames if each.f_globals.get("__name__") != _MODULE)
    return line_of(next(outside, frames[-1]))


def _shares(storage: torch.UntypedStorage, given: Any) -> bool:
    """Return whether a storage is that of a tensor among nested values."""
    return any(
        each._cdata == storage._cdata
        for tensor in tensors_in(given)
        for each in storages_of(tensor)
    )


def held(tensor: torch.Tensor) -> torch.Tensor:
    """Return a copy of the bytes of a tensor's storage."""
    empty = torch.empty(0, dtype=torch.uint8, device="cpu")
    return empty.set_(tensor.untyped_storage()).clone()
