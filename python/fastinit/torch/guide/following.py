"""The graph of a module that runs: for code that torch.fx does not trace.

A copy of the module runs once on the meta device, where nothing is computed, with inputs that its
config or its first layer asks for.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from fastinit.guide.models.graph import Node, without_dead_ends
from fastinit.torch.guide.nodes import is_operation, node_of_function, node_of_module
from fastinit.torch.memory.storages import tensors_in
from fastinit.torch.running.arguments import arguments_of
from fastinit.torch.running.state import evaluating
from fastinit.torch.running.synthetic import synthetic_batch

_META = torch.device("meta")


def followed(module: nn.Module) -> list[Node]:
    """Return the operations of a module, in the order in which they run.

    Raises:
        Exception: whatever the module raises, as code may need values or other inputs.
    """
    batch, _ = synthetic_batch(module)
    args, kwargs = arguments_of(batch, _META)
    copied = _on_meta(module)
    follower = _Follower()
    follower.note((args, kwargs), Node())
    with torch.no_grad(), evaluating(copied), _META, follower.following(copied):
        output = copied(*args, **kwargs)
    return follower.nodes(output)


def _on_meta(module: nn.Module) -> nn.Module:
    """Return a copy without memory, so that whatever the run leaves in it does no harm."""
    memory: dict[int, Any] = {}
    for parameter in module.parameters():
        empty = torch.empty_like(parameter, device=_META)
        memory[id(parameter)] = nn.Parameter(empty, requires_grad=False)
    for buffer in module.buffers():
        memory[id(buffer)] = torch.empty_like(buffer, device=_META)
    return copy.deepcopy(module, memory)


class _Follower(TorchFunctionMode):
    """Makes a node of each function of torch, and of each module that is one operation."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes: list[Node] = []
        self._known: dict[int, tuple[torch.Tensor, Node]] = {}  # kept, so that ids stay theirs
        self._inside = 0  # modules that are one operation

    def note(self, made: Any, node: Node) -> None:
        """Note which node has made some tensors."""
        self._nodes.append(node)
        self._known.update((id(each), (each, node)) for each in tensors_in(made))

    def nodes(self, output: Any) -> list[Node]:
        """Return the nodes on which an output depends."""
        return without_dead_ends(self._nodes, self._inputs(output))

    @contextlib.contextmanager
    def following(self, module: nn.Module) -> Iterator[None]:
        """Note what is called while the context lasts."""
        for name, each in module.named_modules():
            if is_operation(each):
                each.register_forward_pre_hook(self._enters)
                each.register_forward_hook(self._leaves(name), with_kwargs=True)
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
            name = str(getattr(func, "__name__", ""))
            self.note(output, node_of_function(name, inputs, args, kwargs))
        return output

    def _enters(self, _module: nn.Module, _args: Any) -> None:
        self._inside += 1

    def _leaves(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._inside -= 1
            if not self._inside:
                self.note(output, node_of_module(name, module, self._inputs((args, kwargs))))

        return hook

    def _inputs(self, given: Any) -> list[Node]:
        found = (self._known.get(id(each)) for each in tensors_in(given))
        return [known[1] for known in found if known is not None]
