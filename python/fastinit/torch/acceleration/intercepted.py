"""Intercepted: what an ``accelerate`` context does with each of torch's functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import EllipsisType, FunctionType, GetSetDescriptorType
from typing import Any

import torch
from torch import Tensor
from torch.nn import init

from fastinit.requests import Draw
from fastinit.torch.nn_init import distributions, values
from fastinit.torch.nn_init import variance_scaling as scaling
from fastinit.torch.nn_init.filling import local, seed_from
from fastinit.torch.memory.batch import Filling

Function = Callable[..., Any]


# ---- fills: they wait ---------------------------------------------------------------------------


def _method(
    original: Function, ours: Function, renamed: Mapping[str, str] | None = None
) -> Function:
    """A method that fills its tensor, but not where autograd has a say."""

    def fill(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if tensor.requires_grad and torch.is_grad_enabled():
            if local.context is not None:
                local.context.settle(tensor)
            original(tensor, *args, **kwargs)
            return tensor
        names = renamed or {}
        ours(tensor, *args, **{names.get(key, key): value for key, value in kwargs.items()})
        return tensor

    return fill


_FUNCTIONS: dict[str, Function] = {
    "uniform_": distributions.uniform_,
    "normal_": distributions.normal_,
    "constant_": distributions.constant_,
    "kaiming_uniform_": scaling.kaiming_uniform_,
}
_FILLS: dict[Function, Function] = {
    **{getattr(init, name): ours for name, ours in _FUNCTIONS.items()},
    Tensor.uniform_: _method(Tensor.uniform_, distributions.uniform_, {"from": "a", "to": "b"}),
    Tensor.normal_: _method(Tensor.normal_, distributions.normal_),
    Tensor.fill_: _method(Tensor.fill_, distributions.constant_, {"value": "val"}),
    Tensor.zero_: _method(Tensor.zero_, distributions.zeros_),
    torch.fill_: _method(torch.fill_, distributions.constant_, {"value": "val"}),
    torch.zero_: _method(torch.zero_, distributions.zeros_),
}


def fill_of(function: Function) -> Function | None:
    """What takes a function's fill, if it is one.

    torch.nn.init passes on what it holds under a name: another one than its own, where somebody
    has put a wrapper there, as transformers does.
    """
    found = _FILLS.get(function)
    if found is None and isinstance(function, FunctionType):
        return _FUNCTIONS.get(function.__name__)
    return found


# ---- factories: drawn at once -------------------------------------------------------------------

_ODD = {"out", "names", "layout"}


def _make(
    context: Any,
    draws: tuple[Draw, ...],
    tensor: Tensor,
    generator: torch.Generator | None,
    requires_grad: bool,
) -> Tensor:
    if not tensor.is_meta and type(tensor) is Tensor:
        filling = Filling()
        stream = context.next_stream() if generator is None else (seed_from(generator), 0)
        filling.add(tensor, draws, stream)
        filling.run()
    return tensor.requires_grad_(requires_grad)


def _factory(original: Function, empty: Function, draws_of: Callable[..., Any]) -> Function:
    """torch.rand, torch.randn or their like, in a context."""

    def make(context: Any, *args: Any, **kwargs: Any) -> Tensor:
        of_like = args[0].dtype if empty is torch.empty_like and args else None
        dtype = kwargs.get("dtype") or of_like or torch.get_default_dtype()
        if dtype not in values.DRAWN or kwargs.keys() & _ODD:
            context.left[original.__name__] += 1
            return original(*args, **kwargs)  # type: ignore[no-any-return]
        generator = kwargs.pop("generator", None)
        requires_grad = kwargs.pop("requires_grad", False)
        tensor = empty(*args, **kwargs)
        return _make(context, draws_of(0.0, 1.0, tensor.dtype), tensor, generator, requires_grad)

    return make


def _normal(context: Any, mean: Any = 0.0, std: Any = 1.0, *args: Any, **kwargs: Any) -> Tensor:
    """torch.normal: of two numbers and a size, or a standard normal scaled and moved by tensors."""
    tensors = [each for each in (mean, std) if isinstance(each, Tensor)]
    context.settle((tensors, kwargs))
    dtypes = {each.dtype for each in tensors} or {kwargs.get("dtype") or torch.get_default_dtype()}
    dtype = next(iter(dtypes))
    is_odd = len(dtypes) > 1 or dtype not in values.DRAWN or dtype.is_complex
    if is_odd or kwargs.keys() & _ODD or bool(torch.as_tensor(std < 0).any()):
        context.left["normal"] += 1
        return torch.normal(mean, std, *args, **kwargs)
    generator = kwargs.pop("generator", None)
    requires_grad = kwargs.pop("requires_grad", False)
    if not tensors:
        size = args[0] if args else kwargs.pop("size")
        draws = values.normal(float(mean), float(std), dtype)
        return _make(context, draws, torch.empty(size, **kwargs), generator, requires_grad)
    shape = torch.broadcast_shapes(*(each.shape for each in tensors))  # type: ignore[no-untyped-call]
    empty = torch.empty(shape, dtype=dtype, device=tensors[0].device)
    made = _make(context, values.normal(0.0, 1.0, dtype), empty, generator, False)
    return made.mul_(std).add_(mean)


FACTORIES: dict[Function, Function] = {
    torch.rand: _factory(torch.rand, torch.empty, values.uniform),
    torch.randn: _factory(torch.randn, torch.empty, values.normal),
    torch.rand_like: _factory(torch.rand_like, torch.empty_like, values.uniform),
    torch.randn_like: _factory(torch.randn_like, torch.empty_like, values.normal),
    torch.normal: _normal,
}

# ---- the rest -----------------------------------------------------------------------------------


def _methods(*names: str) -> set[Any]:
    return {getattr(Tensor, name) for name in names if hasattr(Tensor, name)}


def _attributes() -> set[Any]:
    """Attributes, read or set: metadata, gradients, and views such as ``data`` and ``T``."""
    found = set()
    for cls in Tensor.__mro__:
        for name, each in vars(cls).items():
            is_attribute = isinstance(each, (GetSetDescriptorType, property))
            if is_attribute and name not in ("real", "imag", "__cuda_array_interface__"):
                found |= {each.__get__, each.__set__}
    return found


# Functions that need no values of their tensors: metadata, views, new tensors of a like shape.
PASSIVE: set[Any] = (
    _attributes()
    | _methods(
        *("size", "stride", "dim", "ndimension", "numel", "nelement", "element_size"),
        *("storage_offset", "is_contiguous", "is_floating_point", "is_complex", "is_signed"),
        *("get_device", "requires_grad_", "detach", "detach_", "retain_grad", "register_hook"),
        *("register_post_accumulate_grad_hook", "__len__", "__hash__", "is_inference"),
        *("view", "view_as", "t", "transpose", "permute", "narrow", "select", "squeeze"),
        *("unsqueeze", "expand", "expand_as", "movedim", "swapaxes", "unflatten", "as_strided"),
        *("diagonal", "chunk", "split", "unbind", "unfold", "as_subclass", "__iter__", "data_ptr"),
        *("new_empty", "new_zeros", "new_ones", "new_full", "is_shared", "is_pinned", "is_conj"),
    )
    | {
        *(torch.empty_like, torch.zeros_like, torch.ones_like, torch.full_like),
        *(torch.is_floating_point, torch.is_complex, torch.numel, torch.transpose, torch.permute),
        *(torch.split, torch.chunk, torch.unbind, torch.narrow, torch.select, torch.diagonal),
        *(torch.squeeze, torch.unsqueeze, torch.as_strided, torch.t),
    }
)

# Random functions that are torch's: a context counts them.
LEFT: set[Any] = _methods(
    *("bernoulli", "bernoulli_", "multinomial", "random_", "exponential_", "geometric_"),
    *("cauchy_", "log_normal_"),
) | {
    *(torch.bernoulli, torch.multinomial, torch.poisson, torch.binomial, torch.randperm),
    *(torch.randint, torch.randint_like, torch.dropout, torch.nn.functional.dropout),
}


def is_basic_index(function: Function, args: tuple[Any, ...]) -> bool:
    """Whether it is an indexing that gives a view."""
    if function is not Tensor.__getitem__ or len(args) != 2:
        return False
    items = args[1] if isinstance(args[1], tuple) else (args[1],)
    return all(each is None or type(each) in (int, slice, EllipsisType) for each in items)
