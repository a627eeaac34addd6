"""The graph of a module that runs: for code that torch.fx does not trace.

A copy of the module runs once without memory, where nothing is computed, with inputs that its
config or its first layer asks for: on the meta device, or if that fails with fake tensors, which
code that asks for values, as masks of transformers do, can tell from others.
"""

from __future__ import annotations

import contextlib
import copy
import logging
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from fastinit.guide.models.graph import Node
from fastinit.torch.guide.nodes import of_operation
from fastinit.torch.guide.operations import Operations, Value
from fastinit.torch.memory.storages import tensors_in
from fastinit.torch.running.arguments import arguments_of
from fastinit.torch.running.state import evaluating
from fastinit.torch.running.synthetic import synthetic_batch


def followed(module: nn.Module) -> list[Node]:
    """Return the operations of a module, in the order in which they run.

    Raises:
        Exception: whatever the module raises, as code may need values or other inputs.
    """
    batch, _ = synthetic_batch(module)
    try:
        return _followed(module, batch, torch.device("meta"), contextlib.nullcontext())
    except Exception as error:  # whatever the module raises
        if "meta" not in str(error):  # not for lack of values
            raise
        return _followed(module, batch, torch.device("cpu"), _faking())


@contextlib.contextmanager
def _faking() -> Iterator[None]:
    from torch._subclasses import fake_tensor  # which takes long to import

    log = logging.getLogger(fake_tensor.__name__)  # which also prints what is raised
    before, log.disabled = log.disabled, True
    try:
        with fake_tensor.FakeTensorMode(allow_non_fake_inputs=True):
            yield
    finally:
        log.disabled = before


def _followed(
    module: nn.Module,
    batch: Any,
    device: torch.device,
    mode: contextlib.AbstractContextManager[object],
) -> list[Node]:
    follower = _Follower()
    with mode, torch.no_grad(), device:
        args, kwargs = arguments_of(batch, device)
        copied = _without_memory(module, device)
        follower.start((args, kwargs))
        with evaluating(copied), follower.following(copied):
            output = copied(*args, **kwargs)
    return follower.nodes(output)


def _without_memory(module: nn.Module, device: torch.device) -> nn.Module:
    """Return a copy on a device, so that whatever the run leaves in it does no harm."""
    memory: dict[int, Any] = {}
    for parameter in module.parameters():
        empty = torch.empty_like(parameter, device=device)
        memory[id(parameter)] = nn.Parameter(empty, requires_grad=False)
    for buffer in module.buffers():
        memory[id(buffer)] = torch.empty_like(buffer, device=device)
    return copy.deepcopy(module, memory)


class _Follower(TorchFunctionMode):
    """Makes a node of each function of torch, and of each module that is one operation."""

    def __init__(self) -> None:
        super().__init__()
        self._operations = Operations()
        self._known: dict[int, tuple[torch.Tensor, Value]] = {}  # kept, so that ids stay theirs
        self._inside = 0  # modules that are one operation

    def start(self, inputs: Any) -> None:
        """Note the inputs of the model."""
        for each in tensors_in(inputs):
            self._note(each, self._operations.new())

    def nodes(self, output: Any) -> list[Node]:
        """Return the nodes on which an output depends."""
        return self._operations.nodes(self._inputs(output))

    @contextlib.contextmanager
    def following(self, module: nn.Module) -> Iterator[None]:
        """Note what is called while the context lasts."""
        for name, each in module.named_modules():
            if (options := of_operation(name, each)) is not None:
                each.register_forward_pre_hook(self._enters)
                each.register_forward_hook(self._leaves(options), with_kwargs=True)
        with self:
            yield

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of torch, and note it if it makes tensors of data."""
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        is_noted = not self._inside and any(True for _ in tensors_in(output))
        if is_noted and (inputs := self._inputs((args, kwargs))):
            values = [self._value(each) for each in args]
            options = {key: self._value(each) for key, each in kwargs.items()}
            name = str(getattr(func, "__name__", ""))
            self._note(output, self._operations.call(func, name, values, options, inputs))
        return output

    def _enters(self, _module: nn.Module, _args: Any) -> None:
        self._inside += 1

    def _leaves(self, options: dict[str, Any]) -> Callable[..., None]:
        def hook(_module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._inside -= 1
            if not self._inside:
                made = self._operations.new(self._inputs((args, kwargs)), **options)
                self._note(output, made)

        return hook

    def _note(self, made: Any, value: Value) -> None:
        """Note the value of a tensor; several that one function makes are a value each."""
        tensors = list(tensors_in(made))
        for each in tensors:
            self._known[id(each)] = each, value if len(tensors) == 1 else Value(value.node)

    def _inputs(self, given: Any) -> list[Value]:
        found = (self._known.get(id(each)) for each in tensors_in(given))
        return [known[1] for known in found if known is not None]

    def _value(self, given: Any) -> Any:
        """Return the value of a tensor of data, and anything else as it is."""
        known = self._known.get(id(given))
        return given if known is None else known[1]
