"""The protocol of a recorder, as the functions that it replaces see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

from fastinit.torch.recording.describe import Description
from fastinit.torch.recording.history import Entry, Extent


class Ledger(Protocol):
    """Notes of what is written to each storage."""

    seed: int

    def is_large(self, shape: tuple[int, ...], dtype: torch.dtype) -> bool:
        """Return whether a tensor gets no memory."""

    def is_virtual(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor has no memory."""

    def is_readable(self, tensor: torch.Tensor) -> bool:
        """Return whether code may read the values of a tensor."""

    def new(
        self, shape: tuple[int, ...], dtype: torch.dtype, strides: tuple[int, ...] | None
    ) -> torch.Tensor:
        """Return a virtual tensor without a history."""

    def begin(self, tensor: torch.Tensor) -> None:
        """Begin the history of a tensor with memory, which is written with a known pattern."""

    def add(self, tensor: torch.Tensor, entry: Entry) -> None:
        """Note an entry of a tensor's storage."""

    def describe(self, tensor: torch.Tensor) -> Description | None:
        """Return what is drawn for a tensor; None if not known."""

    def read(self, needed: Any) -> None:
        """Give memory and values to tensors among nested values that have none."""


def is_writable(tensor: torch.Tensor) -> bool:
    """Return whether a write to a tensor can be noted in place of torch's function.

    torch refuses most writes to elements that share memory, and all to leaves that autograd
    records; what it does to other elements that share memory depends on their order.
    """
    is_recorded = tensor.requires_grad and torch.is_grad_enabled()
    return not is_recorded and not Extent.of(tensor).may_share_elements


Function = Callable[..., Any]
Handler = Callable[[Ledger, Function, tuple[Any, ...], dict[str, Any]], Any]
"""Does what a function of torch does, and notes it; NotImplemented leaves it to torch."""
