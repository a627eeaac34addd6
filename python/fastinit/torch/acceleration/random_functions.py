"""torch's functions that return random tensors: drawn at once by fastinit, or left to torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.torch.memory.dtypes import DRAWN
from fastinit.torch.memory.templates import Templates
from fastinit.torch.nn_init import values
from fastinit.torch.nn_init.eligible import PLAIN, is_intercepted, modes_are_transparent
from fastinit.torch.nn_init.source import seed_from
from fastinit.torch.nn_init.state import Context

Function = Callable[..., Any]

_NOT_DRAWN = {"out", "names", "layout"}  # keyword arguments with which torch draws


def _filled(
    context: Context,
    templates: Templates,
    tensor: Tensor,
    generator: torch.Generator | None,
    requires_grad: bool,
) -> Tensor:
    if not tensor.is_meta and type(tensor) is Tensor:
        context.draw(tensor, templates, None if generator is None else (seed_from(generator), 0))
    return tensor.requires_grad_(requires_grad)


def _is_plain(tensor: Any) -> bool:
    """Return whether values of a tensor of this kind are drawn; else torch knows what to do."""
    return type(tensor) in PLAIN and tensor.layout is torch.strided and not tensor.is_nested


def _factory(original: Function, empty: Function, templates_of: Callable[..., Any]) -> Function:
    """Return what torch.rand, torch.randn or one of the like does in a context."""

    def make(context: Context, *args: Any, **kwargs: Any) -> Tensor:
        like = (*args, kwargs.get("input"))[0] if empty is torch.empty_like else None
        dtype = kwargs.get("dtype") or getattr(like, "dtype", torch.get_default_dtype())
        is_ours = dtype in DRAWN and (empty is torch.empty or _is_plain(like))
        is_ours = is_ours and modes_are_transparent() and not is_intercepted()
        if not is_ours or kwargs.keys() & _NOT_DRAWN:
            context.left_to_torch[original.__name__] += 1
            return original(*args, **kwargs)  # type: ignore[no-any-return]
        generator = kwargs.pop("generator", None)
        requires_grad = kwargs.pop("requires_grad", False)
        tensor = context.empty(empty, *args, **kwargs)
        templates = templates_of(0.0, 1.0, tensor.dtype)
        return _filled(context, templates, tensor, generator, requires_grad)

    return make


@in_default_arithmetic
def _normal(context: Context, mean: Any = 0.0, std: Any = 1.0, *args: Any, **kwargs: Any) -> Tensor:
    """Draw what torch.normal does: from two numbers and a size, or from tensors."""
    tensors = [each for each in (mean, std) if isinstance(each, Tensor)]
    context.settle((tensors, kwargs))
    dtypes = {each.dtype for each in tensors} or {kwargs.get("dtype") or torch.get_default_dtype()}
    dtype = next(iter(dtypes))
    is_torchs = len(dtypes) > 1 or dtype not in DRAWN or dtype.is_complex
    is_torchs = is_torchs or is_intercepted() or not all(map(_is_plain, tensors))
    is_torchs = is_torchs or any(each.is_meta for each in tensors) or not modes_are_transparent()
    if is_torchs or kwargs.keys() & _NOT_DRAWN or bool(torch.as_tensor(std < 0).any()):
        context.left_to_torch["normal"] += 1
        return torch.normal(mean, std, *args, **kwargs)
    generator = kwargs.pop("generator", None)
    requires_grad = kwargs.pop("requires_grad", False)
    if not tensors:
        size = args[0] if args else kwargs.pop("size")
        templates = values.normal(float(mean), float(std), dtype)
        tensor = context.empty(torch.empty, size, **kwargs)
        return _filled(context, templates, tensor, generator, requires_grad)
    shape = torch.broadcast_shapes(*(each.shape for each in tensors))  # type: ignore[no-untyped-call]
    tensor = torch.empty(shape, dtype=dtype, device=tensors[0].device)  # with memory to compute in
    standard = _filled(context, values.normal(0.0, 1.0, dtype), tensor, generator, False)
    return standard.mul_(std).add_(mean)


FACTORIES: dict[Function, Function] = {
    torch.rand: _factory(torch.rand, torch.empty, values.uniform),
    torch.randn: _factory(torch.randn, torch.empty, values.normal),
    torch.rand_like: _factory(torch.rand_like, torch.empty_like, values.uniform),
    torch.randn_like: _factory(torch.randn_like, torch.empty_like, values.normal),
    torch.normal: _normal,
}
"""The replacements in a context, which is their first argument."""

_METHODS = (
    *("bernoulli", "bernoulli_", "multinomial", "random_", "exponential_", "geometric_"),
    *("cauchy_", "log_normal_"),
)
LEFT_TO_TORCH: set[Any] = {getattr(Tensor, name) for name in _METHODS} | {
    *(torch.bernoulli, torch.multinomial, torch.poisson, torch.binomial, torch.randperm),
    *(torch.randint, torch.randint_like, torch.dropout, torch.nn.functional.dropout),
}
"""Random functions that a context only counts."""
