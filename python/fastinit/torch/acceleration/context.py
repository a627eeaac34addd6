"""The mode of torch behind ``accelerate``."""

from __future__ import annotations

import collections
import contextlib
import math
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import torch
from torch.overrides import TorchFunctionMode

from fastinit import streams
from fastinit.streams import Seed
from fastinit.torch.acceleration import substitutes
from fastinit.torch.acceleration.fills import fill_of, numbers_of
from fastinit.torch.acceleration.names import Modules, is_building
from fastinit.torch.acceleration.random_functions import FACTORIES, LEFT_TO_TORCH
from fastinit.torch.memory.batch import FillBatch
from fastinit.torch.memory.passive import values_of
from fastinit.torch.memory.pending import PENDING, PendingFill
from fastinit.torch.memory.storages import is_held_elsewhere
from fastinit.torch.memory.templates import Templates
from fastinit.torch.nn_init.state import state
from fastinit.torch.shards.wrappers import without_compilation


class FillContext(TorchFunctionMode):
    """The mode of torch in which fills wait: what ``accelerate`` enters, and recordings extend.

    Args:
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``; None means the process-wide seed.

    Attributes:
        seed, requested, drawn, elements, left_to_torch: As in ``accelerate``.
    """

    def __init__(self, seed: Seed | None) -> None:
        super().__init__()
        self._names = streams.of_names(seed)
        self.seed = self._names.seed
        self.requested = self.drawn = self.elements = 0
        self.left_to_torch: collections.Counter[str] = collections.Counter()
        self._number = 0
        self._modules = Modules()
        self._thread = threading.get_ident()
        self._stances: list[contextlib.AbstractContextManager[Any]] = []

    # ---- the context ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._stances.append(without_compilation())
        self._thread = threading.get_ident()
        substitutes.install()
        state.enter(self)
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._stances.pop().__exit__(None, None, None)
        substitutes.remove()
        state.exit()
        if self not in state.contexts:
            with torch._C.DisableTorchFunction():
                self.choose_streams(None)
                PENDING.run(PENDING.keys_of(self))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Defer a fill; call every other function, after the fills that it needs."""
        kwargs = kwargs or {}
        if torch.compiler.is_compiling():
            raise RuntimeError(
                "torch.compile cannot trace code in fastinit.torch.accelerate(); call the compiled "
                "function after the context"
            )
        is_ours = state.context is self
        fill = fill_of(func) if is_ours else None
        if PENDING:
            needed = numbers_of(args, kwargs) if fill else values_of(func, args, kwargs)
            if needed:
                PENDING.settle(needed)
        if fill is not None:
            return fill(*args, **kwargs)
        if is_ours:
            make = FACTORIES.get(func)
            if make is not None:
                return make(self, *args, **kwargs)
            if func in LEFT_TO_TORCH:
                self.left_to_torch[func.__name__] += 1
        result = func(*args, **kwargs)
        if func is torch.Tensor.__dlpack__:
            PENDING.export(args[0])
        return result

    # ---- what the functions of fastinit.torch ask of a context ----------------------------------

    def build(self, module: torch.nn.Module) -> None:
        """Note that the construction of a module begins."""
        self._modules.add(module)

    def vanish(self, module: torch.nn.Module) -> None:
        """Note that a module is about to vanish."""
        self._modules.leave_names(module, self)

    def reseed(self, seed: int) -> None:
        """Draw what follows with another seed, whose streams begin anew."""
        path = self._names.path
        self._names = streams.Stream(seed).child(path) if path else streams.Stream(seed)
        self.seed = seed
        self._number = 0
        self._modules.restart()

    def defer(
        self, tensor: torch.Tensor, templates: Templates, stream: tuple[int, int] | None
    ) -> None:
        """Fill the tensor when the context ends, or when it is read."""
        with torch._C.DisableTorchFunction():
            if not tensor.is_inference():
                torch.autograd.graph.increment_version(tensor)
            if tensor.numel() == 0:
                return
            self.requested += 1
            self._number += 1
            fill = PendingFill(
                self,
                templates,
                stream,
                self._names,
                self._number,
                tensor.dtype,
                int(tensor.storage_offset()),
                tuple(tensor.shape),
                tensor.stride(),
                self.origin(),
            )
            PENDING.add(tensor, fill)

    def empty(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return the new tensor of a function such as ``torch.empty``, to be filled at once."""
        return function(*args, **kwargs)

    def draw(
        self, tensor: torch.Tensor, templates: Templates, stream: tuple[int, int] | None
    ) -> None:
        """Fill a new tensor at once; without a stream, from one of the context's."""
        batch = FillBatch()
        batch.add(tensor, templates, self.next_stream() if stream is None else stream)
        batch.run()

    def next_stream(self) -> tuple[int, int]:
        """Return the stream of a tensor that is filled at once.

        Within a module's own initialization it has the name of the module, where that is known by
        then, and counts on; else it is one of the context's numbered streams.
        """
        name = self._modules.name_of_draw(self._thread)
        if name is None:
            self._number += 1
            return streams.resolve(self._names, self._number)
        return streams.resolve(self._names, name)

    def overwrite(self, tensor: torch.Tensor, templates: Templates | None) -> bool:
        """Settle a tensor all of which torch writes next; return whether it is written.

        Without templates torch may refuse to write it, and then leaves its values alone.
        """
        if templates is None or not self.is_settled(tensor):
            self.settle(tensor)
        return False

    def wrote(self, tensor: torch.Tensor, value: Any) -> None:
        """Note that a tensor has been filled with a constant at once."""

    def is_settled(self, tensor: torch.Tensor) -> bool:
        """Return whether a write to all of the tensor leaves nothing pending in its memory."""
        with torch._C.DisableTorchFunction():
            PENDING.forget(tensor)
            return tensor.untyped_storage()._cdata not in PENDING

    def origin(self) -> str | None:
        """Return the function and the line that asks for a fill; only recordings note them."""
        return None

    def settle(self, tensor: Any) -> None:
        """Execute what is pending in the memory of a tensor, or of tensors in nested values."""
        PENDING.settle(tensor)

    def leave(self, function: Callable[..., Any], tensor: Any, *arguments: Any) -> Any:
        """Call torch's own function."""
        self.settle((tensor, arguments))
        if isinstance(tensor, torch.Tensor) and not tensor.is_meta:
            self.left_to_torch[function.__name__] += 1
        before, state.is_leaving = state.is_leaving, True
        try:
            return function(tensor, *arguments)
        finally:
            state.is_leaving = before

    # ---- what pending fills ask of their context ------------------------------------------------

    def is_open(self, tensor: torch.Tensor) -> bool:
        """Return whether the memory of a tensor can be read where no mode of torch sees it."""
        return is_held_elsewhere(tensor)

    def has_memory(self, storage: torch.UntypedStorage) -> bool:  # noqa: ARG002
        """Return whether fills of a storage are executed: they are."""
        return True

    def note(self, fill: PendingFill, storage: torch.UntypedStorage) -> None:  # noqa: ARG002
        """Count a fill that has been executed."""
        self.drawn += 1
        self.elements += math.prod(fill.shape)

    def choose_streams(self, storage: int | None) -> None:
        """Choose the streams of pending fills: all of them, or those in one storage.

        The names of all tensors in a root are known at the same time.
        """
        unnamed = PENDING.unnamed(self)
        waiting = [
            (key, entry, (fill.offset, fill.shape))
            for key, entry, fill in unnamed
            if storage in (None, key)
        ]
        is_early = storage is not None and is_building(self._thread)
        only = storage is not None
        names = {} if is_early else self._modules.names(self, waiting, only=only)
        for key, _, fill in unnamed:
            name = names.get((key, (fill.offset, fill.shape)))
            if name is not None or storage in (None, key):
                chosen = fill.number if name is None else name
                fill.stream = streams.resolve(fill.names, chosen)
