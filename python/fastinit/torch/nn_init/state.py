"""The state of each thread: the contexts of ``accelerate`` that it is in, and scratch memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import torch

from fastinit.native import _cpu
from fastinit.torch.memory.templates import Templates


class Context(Protocol):
    """The methods of a context of fills that the functions of this package call."""

    left_to_torch: Counter[str]

    def build(self, module: torch.nn.Module) -> None:
        """Note that the construction of a module begins."""

    def reseed(self, seed: int) -> None:
        """Draw what follows with another seed, whose streams begin anew."""

    def defer(
        self, tensor: torch.Tensor, templates: Templates, stream: tuple[int, int] | None
    ) -> None:
        """Fill the tensor later; without a stream, from one of the context's."""

    def empty(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return the new tensor of a function such as ``torch.empty``, to be filled at once."""

    def draw(
        self, tensor: torch.Tensor, templates: Templates, stream: tuple[int, int] | None
    ) -> None:
        """Fill a new tensor at once; without a stream, from one of the context's."""

    def overwrite(self, tensor: torch.Tensor, templates: Templates | None) -> bool:
        """Settle a tensor all of which torch writes next; return whether it is written."""

    def wrote(self, tensor: torch.Tensor, value: Any) -> None:
        """Note that a tensor has been filled with a constant at once."""

    def is_settled(self, tensor: torch.Tensor) -> bool:
        """Return whether a write to all of the tensor leaves nothing pending in its memory."""

    def settle(self, tensor: Any) -> None:
        """Execute what is pending in the memory of a tensor."""

    def leave(self, function: Callable[..., Any], tensor: Any, *arguments: Any) -> Any:
        """Call torch's own function."""


class State(threading.local):
    """The state of one thread."""

    def __init__(self) -> None:
        self.contexts: list[Context] = []
        self._float_modes: list[bytes | None] = []  # from before each of them
        self.context: Context | None = None  # the innermost one
        self.is_leaving = False  # whether one of torch's own functions was called to do its work
        with torch.inference_mode(False):
            self.word = torch.empty((), dtype=torch.int64, device="cpu")

    def enter(self, context: Context) -> None:
        """Make a context the innermost one, and compute in the default arithmetic in it."""
        self._float_modes.append(_cpu.set_default_arithmetic())
        self.contexts.append(context)
        self.context = context

    def exit(self) -> None:
        """Return to the context around the innermost one."""
        self.contexts.pop()
        arithmetic = self._float_modes.pop()
        if arithmetic is not None:
            _cpu.set_arithmetic(arithmetic)
        self.context = self.contexts[-1] if self.contexts else None


state = State()
