"""Accelerate: whatever a model's code initializes at random, drawn by fastinit at the end."""

from __future__ import annotations

import collections
import contextlib
import math
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, cast

import torch
from torch.overrides import TorchFunctionMode

from fastinit import streams
from fastinit.requests import Draw
from fastinit.torch.acceleration import substitutes
from fastinit.torch.nn_init.filling import local, transparent_modes
from fastinit.torch.acceleration.intercepted import FACTORIES, LEFT, PASSIVE, fill_of, is_basic_index
from fastinit.torch.acceleration.names import Modules, is_building
from fastinit.torch.acceleration.pending import Pending, PendingDraw, storage_of

_Context = contextlib.AbstractContextManager[Any]


class accelerate(TorchFunctionMode):  # noqa: N801  (reads as the verb that it is)
    """A context in which fastinit draws whatever a model's code initializes at random.

    The functions of torch.nn.init, ``Tensor.normal_`` and its like, ``torch.randn`` and its like
    are drawn, on whatever device the tensors are. Fills wait until the context ends, and are then
    drawn in one call, all threads at once; what is filled twice is drawn once. Reading a tensor,
    or anything else that needs its values, draws it first.

    A parameter draws from the stream of its qualified name in the first root module that is built,
    so its values do not depend on what else the model holds; further roots have their number
    before the name (``"1..weight"``). What is no parameter draws from numbered streams. torch's
    own generators are neither used nor changed, unless ``generator=`` is passed.

    Contexts nest, and each belongs to its thread. docs/torch.md says what cannot be reached.

    Args:
        seed: an integer in [0, 2**64); None for the process-wide seed.

    Attributes:
        seed: the seed.
        taken: how many fills were asked for.
        made: how many of them were drawn; the others were overwritten before anyone saw them.
        elements: how many values were drawn.
        left: the names of random functions that were left to torch, with the number of calls.

    Raises:
        TypeError: ``seed`` is no integer.
        ValueError: ``seed`` is out of range.

    Example:
        >>> import fastinit.torch, torch
        >>> with fastinit.torch.accelerate(seed=0) as context:
        ...     model = torch.nn.Linear(64, 64)
        >>> context
        accelerate(seed=0, taken=2, made=2, elements=4160, left={})
        >>> bound = 1 / 8  # of torch's nn.Linear
        >>> expected = fastinit.uniform((64, 64), -bound, bound, seed=0, name="weight")
        >>> bool((model.weight.detach().numpy() == expected).all())
        True
    """

    def __init__(self, seed: int | None = None) -> None:
        """Nothing taken yet."""
        super().__init__()
        self.seed = streams.resolve(seed, 0)[0]
        self.taken = self.made = self.elements = 0
        self.left: collections.Counter[str] = collections.Counter()
        self._number = 0
        self._modules = Modules()
        self._outer: list[Any] = []
        self._stances: list[_Context] = []

    def __repr__(self) -> str:
        """What was done."""
        return (
            f"accelerate(seed={self.seed}, taken={self.taken}, made={self.made}, "
            f"elements={self.elements}, left={dict(self.left)})"
        )

    # ---- the context ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Begin to take what is filled in this thread."""
        if local.pending is None:
            local.pending = Pending()
        self._stances.append(_without_compilation())
        self._outer.append(local.context)
        substitutes.install()
        local.context = self
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Draw all that is pending, after an exception too."""
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._stances.pop().__exit__(None, None, None)
        substitutes.remove()
        local.context = self._outer.pop()
        if self not in self._outer:
            with torch._C.DisableTorchFunction():
                self._name(None)
                self._make(local.pending.keys_of(self))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Take a fill; let everything else happen, after the draws that it needs."""
        kwargs = kwargs or {}
        if torch.compiler.is_compiling():
            raise RuntimeError(
                "torch.compile cannot trace code in fastinit.torch.accelerate(); call the compiled "
                "function after the context"
            )
        if local.context is self:
            fill = fill_of(func)
            if fill is not None:
                return fill(*args, **kwargs)
            make = FACTORIES.get(func)
            if make is not None:
                return make(self, *args, **kwargs)
            if func in LEFT:
                self.left[func.__name__] += 1
        if local.pending and not (func in PASSIVE or is_basic_index(func, args)):
            with torch._C.DisableTorchFunction():
                self._settle_all((args, kwargs))
        return func(*args, **kwargs)

    # ---- what the functions of fastinit.torch ask of a context ----------------------------------

    def take(
        self, tensor: torch.Tensor, draws: Sequence[Draw], stream: tuple[int, int] | None
    ) -> None:
        """Draw the tensor at the end of the context, or when it is read."""
        with torch._C.DisableTorchFunction():
            if not tensor.is_inference():
                torch.autograd.graph.increment_version(tensor)
            if tensor.numel() == 0:
                return
            self.taken += 1
            self._number += 1
            draw = PendingDraw(
                self,
                draws,
                stream,
                self._number,
                tensor.dtype,
                int(tensor.storage_offset()),
                tuple(tensor.shape),
                tensor.stride(),
            )
            local.pending.add(tensor, draw)

    def next_stream(self) -> tuple[int, int]:
        """The stream of a draw that is made at once."""
        self._number += 1
        return self.seed, self._number

    def is_settled(self, tensor: torch.Tensor) -> bool:
        """Whether nothing is pending in a tensor's memory that a write to all of it leaves."""
        with torch._C.DisableTorchFunction():
            local.pending.forget(tensor)
            return tensor.untyped_storage()._cdata not in local.pending

    def settle(self, tensor: Any) -> None:
        """Draw what is pending in a tensor's memory."""
        with torch._C.DisableTorchFunction():
            self._settle_all(tensor)

    def leave(self, function: Callable[..., Any], tensor: Any, *arguments: Any) -> Any:
        """Let torch's own function draw."""
        self.settle(tensor)
        if isinstance(tensor, torch.Tensor) and not tensor.is_meta:
            self.left[function.__name__] += 1
        before, local.is_leaving = local.is_leaving, True
        try:
            return function(tensor, *arguments)
        finally:
            local.is_leaving = before

    def build(self, module: torch.nn.Module) -> None:
        """A module begins to be built."""
        self._modules.add(module)

    # ---- drawing --------------------------------------------------------------------------------

    def _settle_all(self, values: Any) -> None:
        """Draw what is pending in the memory of any tensor in nested values."""
        if isinstance(values, torch.Tensor):
            storage = storage_of(values)
            if storage is not None and storage._cdata in local.pending:
                self._make([storage._cdata])
        elif isinstance(values, (list, tuple)):
            for each in values:
                self._settle_all(each)
        elif isinstance(values, dict):
            self._settle_all(tuple(values.values()))

    def _name(self, storage: int | None) -> None:
        """Give pending draws their streams: all at the end, else those of one storage's root."""
        is_early = storage is not None and is_building()
        names = {} if is_early else self._modules.names(storage)
        for key, draw in local.pending.unnamed(self):
            name = names.get((key, draw.offset, draw.shape))
            if name is not None or storage in (None, key):
                draw.stream = self.seed, streams.stream_of(draw.number if name is None else name)

    def _make(self, storages: list[int]) -> None:
        for storage in storages:
            for owner in local.pending.unnamed_owners(storage):
                owner._name(storage)
        with _outside_of_transformations():
            made = local.pending.make(storages)
        for draw in made:
            draw.owner.made += 1
            draw.owner.elements += math.prod(draw.shape)


_IN_COMPILED_CODE = (
    "torch.compile cannot trace fastinit.torch.accelerate(); build the model outside of compiled "
    "code"
)


def _without_compilation() -> _Context:
    """Compiled functions run as they are written: a graph would read memory past the mode."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and it takes a second to import
        return contextlib.nullcontext()
    if torch.compiler.is_compiling():  # this function is traced by itself
        raise RuntimeError(_IN_COMPILED_CODE)
    try:
        return cast(_Context, torch.compiler.set_stance("force_eager"))
    except RuntimeError as error:
        raise RuntimeError(_IN_COMPILED_CODE) from error


def _outside_of_transformations() -> _Context:
    """Where tensors are memory: within torch.func's transformations they are not."""
    if torch._C._functorch.peek_interpreter_stack() is None:
        return contextlib.nullcontext()
    from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

    return temporarily_clear_interpreter_stack()


transparent_modes.add(accelerate)
