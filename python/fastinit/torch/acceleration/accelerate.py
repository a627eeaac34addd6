"""The context and decorator ``accelerate``."""

from __future__ import annotations

import collections
import contextlib
from types import FunctionType, TracebackType
from typing import Self

from fastinit.streams import Seed
from fastinit.torch.acceleration.context import FillContext


class accelerate(contextlib.ContextDecorator):  # noqa: N801  (reads as a verb)
    """A context in which fastinit draws whatever a model's code initializes at random.

    It covers the functions of torch.nn.init, ``Tensor.normal_`` and similar methods, and
    ``torch.randn`` and similar functions, on any device. Fills wait until the context ends and are
    then executed in one call with all threads. What is filled twice is drawn once. Reading a
    tensor, or any other operation that needs its values, fills it first.

    A parameter draws from the stream of its qualified name in the first root module that is built,
    so its values do not depend on what else the model contains. Parameters of further roots have
    the number of the root before the name (``"1..weight"``). Tensors that are not parameters draw
    from numbered streams. torch's own generators are neither used nor changed, unless
    ``generator=`` is passed. ``torch.manual_seed`` seeds the fills that follow it.

    Contexts nest, and each belongs to its thread. docs/torch.md lists what a context cannot reach.
    As a decorator, ``@accelerate(seed=0)`` runs each call of a function in a new context.

    Args:
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, whose path goes before the names.
            None means the process-wide seed.

    Raises:
        TypeError: ``seed`` is not an integer.
        ValueError: ``seed`` is out of range.

    Example:
        >>> import fastinit.torch, torch
        >>> with fastinit.torch.accelerate(seed=0) as context:
        ...     model = torch.nn.Linear(64, 64)
        >>> context
        accelerate(seed=0, requested=2, drawn=2, elements=4160, left_to_torch={})
        >>> bound = 1 / 8  # of torch's nn.Linear
        >>> expected = fastinit.uniform((64, 64), -bound, bound, seed=0, name="weight")
        >>> bool((model.weight.detach().numpy() == expected).all())
        True
        >>> @fastinit.torch.accelerate(seed=0)
        ... def build():
        ...     return torch.nn.Linear(64, 64)
        >>> bool((build().weight == model.weight).all())
        True
    """

    def __init__(self, seed: Seed | None = None) -> None:
        if isinstance(seed, FunctionType):
            raise TypeError("accelerate is not called; write @accelerate(), with parentheses")
        self._given = seed
        self._fills = FillContext(seed)

    @property
    def seed(self) -> int:
        """The seed; that of ``torch.manual_seed`` once it is called in the context."""
        return self._fills.seed

    @property
    def requested(self) -> int:
        """The number of fills that were requested."""
        return self._fills.requested

    @property
    def drawn(self) -> int:
        """The number of fills that were drawn. All others were overwritten before a read."""
        return self._fills.drawn

    @property
    def elements(self) -> int:
        """The number of values that were drawn."""
        return self._fills.elements

    @property
    def left_to_torch(self) -> collections.Counter[str]:
        """The number of calls of each random function that was left to torch, by name."""
        return self._fills.left_to_torch

    def __repr__(self) -> str:
        return (
            f"accelerate(seed={self.seed}, requested={self.requested}, drawn={self.drawn}, "
            f"elements={self.elements}, left_to_torch={dict(self.left_to_torch)})"
        )

    def __enter__(self) -> Self:
        self._fills.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._fills.__exit__(kind, error, trace)

    def _recreate_cm(self) -> Self:
        return type(self)(self._given)  # what ContextDecorator enters for each call
