"""Tensors that cannot be filled in place: values are drawn into a CPU buffer and copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from fastinit.arrays.devices import CPU
from fastinit.native.request import Template
from fastinit.torch.memory.target import Target, requests_of

# Values per copy: enough for all threads, and few enough to stay in a cache.
_BUFFERED = 1 << 20


@torch.no_grad()
def fill_through_buffer(
    target: Target, templates: Sequence[Template], stream: tuple[int, int]
) -> None:
    """Fill a target through a buffer, which is as small as the templates allow.

    Raises:
        RuntimeError: Elements of the tensor share memory.
    """
    buffer: torch.Tensor | None = None
    for piece in _pieces(target, templates):
        count = piece.tensor.numel()
        if buffer is None or len(buffer) < count:
            buffer = torch.empty(count, dtype=piece.tensor.dtype, device="cpu")
        CPU.fill(requests_of(templates, piece.box(), buffer.data_ptr(), stream))
        piece.tensor.copy_(buffer[:count].view(piece.tensor.shape))


def in_buffer(
    target: Target, templates: Sequence[Template], stream: tuple[int, int]
) -> torch.Tensor:
    """Return the values of a target in a buffer of their own."""
    buffer = torch.empty(target.tensor.shape, dtype=target.tensor.dtype, device="cpu")
    CPU.fill(requests_of(templates, target.box(), buffer.data_ptr(), stream))
    return buffer


def _pieces(target: Target, templates: Sequence[Template]) -> Iterable[Target]:
    tensor = target.tensor
    if tensor.dim() == 0 or not all(each.elementwise for each in templates):
        return (target,)
    rows = max(1, _BUFFERED * len(tensor) // tensor.numel())
    return (
        target.rows(start, min(start + rows, len(tensor))) for start in range(0, len(tensor), rows)
    )
