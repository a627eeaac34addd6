"""Eligibility of tensors: fastinit fills some, and leaves all others to torch's own functions.

Left to torch are tensors without memory (meta, fake), subclasses with rules of their own, and
whatever an active mode or transformation of torch wants to see. A DTensor is filled only where
``seed=`` says which numbers all processes draw, since torch's generators may differ among them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import has_torch_function_unary
from torch.utils._device import DeviceContext

from fastinit.streams import Seed
from fastinit.torch.memory.watch import Watch
from fastinit.torch.nn_init.state import state
from fastinit.torch.shards.dtensor import is_distributed

PLAIN = (torch.Tensor, torch.nn.Parameter)
"""Types whose elements are their own memory; subclasses have rules of their own."""


def can_fill(tensor: Any, seed: Seed | None = None) -> bool:
    """Return whether fastinit fills a tensor, in its own memory or that of its shard."""
    return not (
        torch.compiler.is_compiling()
        or not (type(tensor) in PLAIN or (seed is not None and is_distributed(tensor)))
        or (has_torch_function_unary(tensor) and not modes_are_transparent())
        or tensor.is_meta
        or tensor.layout is not torch.strided
        or tensor.is_nested
        or is_intercepted()
        or (tensor.is_inference() and not torch.is_inference_mode_enabled())
    )


def is_intercepted() -> bool:
    """Return whether a dispatch mode or a transformation of torch.func sees torch's operations."""
    return bool(
        torch._C._len_torch_dispatch_stack()
        or torch._C._functorch.peek_interpreter_stack() is not None
    )


def modes_are_transparent() -> bool:
    """Return whether the active function modes change nothing about filling a tensor."""
    modes = torch.overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return all(type(mode) in (DeviceContext, Watch) or mode in state.contexts for mode in modes)
