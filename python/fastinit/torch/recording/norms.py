"""Weight normalization of tensors that are too large to be read as a whole."""

from __future__ import annotations

from typing import Any

import torch

from fastinit.torch.recording.drawing import pieces
from fastinit.torch.recording.ledger import Function, Handler, Ledger

_PIECE = 32 << 20  # bytes


def _norm_except_dim(ledger: Ledger, _: Function, args: Any, kwargs: Any) -> Any:
    """Return the norm of each slice along an axis, from the values of a few at a time.

    The bits are those of the whole, since no slice is divided. Only along the last axis do they
    depend on how many slices there are.
    """
    tensor, power, axis = _parameters(*args, **kwargs)
    if ledger.is_readable(tensor) or not 0 <= axis < tensor.dim() - 1 or tensor.shape[axis] < 2:
        return NotImplemented
    found = ledger.describe(tensor)
    if found is None:
        return NotImplemented
    with torch.no_grad():
        norms = [
            torch.norm_except_dim(each, power, axis)
            for each in pieces(found, tensor, axis, _PIECE, ledger.seed)
        ]
        return torch.cat(norms, axis)


def _parameters(v: torch.Tensor, pow: int = 2, dim: int = 0) -> tuple[torch.Tensor, int, int]:
    return v, pow, dim


def _weight_norm(ledger: Ledger, _: Function, args: Any, __: Any) -> Any:
    """Return the normalized weight as a tensor without values, which nothing may read."""
    weight = args[0] if args else None
    if not isinstance(weight, torch.Tensor) or ledger.is_readable(weight):
        return NotImplemented
    return ledger.new(tuple(weight.shape), weight.dtype, None)


NORMS: dict[Function, Handler] = {
    torch.norm_except_dim: _norm_except_dim,
    torch._weight_norm: _weight_norm,
}
"""The replacements, by the function of torch."""
