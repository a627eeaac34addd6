"""Parametrized layers: what is drawn is their weight, and what belongs to it is computed after.

weight_norm stores a weight as its direction and its norms, spectral_norm as a matrix and its first
singular vectors. The weight is drawn into the direction or the matrix, so that its values are those
of a plain layer of the same name. Other parametrizations cannot hold every weight.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from fastinit.initializers import Normal
from fastinit.native.dtypes import dtype_of
from fastinit.recipes import Parameter, Rule
from fastinit.recipes.context import Context
from fastinit.streams import Stream
from fastinit.tensors.tensor_plan import TensorPlan, tensor_plan
from fastinit.torch.shards.wrappers import own_paths

Steps = tuple[Callable[[], None], ...]

_ITERATIONS = 15  # of the power method, as torch does for a new layer


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ParametrizedWeight:
    """A weight that a layer computes from other tensors.

    Attributes:
        name: The qualified name of the weight, which is not in the state dict.
        kind: The type of the layer.
        stored: The name of the tensor that takes the drawn values.
        computed: The tensors that are computed from it, by name.
        finish: The steps that compute them, each to be done for all weights before the next; none
            if the weight cannot be drawn.
        is_iterated: Whether the computation starts from random values.
        parametrization: The types of the parametrizations, for errors.
    """

    name: str
    kind: str
    stored: str
    computed: dict[str, torch.Tensor]
    finish: Steps
    is_iterated: bool
    parametrization: str

    def check(self) -> None:
        """Check that the weight can be drawn.

        Raises:
            ValueError: It cannot.
        """
        if not self.finish:
            raise ValueError(
                f"{self.name!r} is parametrized by {self.parametrization}, which cannot hold every "
                "weight that a recipe draws; call torch.nn.utils.parametrize."
                "remove_parametrizations, initialize the module, and register the parametrization "
                "again; or leave the weight out with only="
            )

    def starts(self, context: Context, seed: Stream) -> Iterator[tuple[str, TensorPlan]]:
        """Yield the plans of the tensors that start from random values."""
        if self.is_iterated:
            for name, tensor in self.computed.items():
                described = Parameter(name, tuple(tensor.shape), None, dtype_of(tensor.dtype).name)
                yield name, tensor_plan(described, Rule("**", Normal()), context, seed, None)


def find(root: torch.nn.Module) -> list[ParametrizedWeight]:
    """Return the parametrized weights of a module and of all modules in it.

    Their names are those of the state dict, without what wrappers insert.
    """
    found = []
    for _, path, module in own_paths(root):
        dot = f"{path}." if path else ""
        if parametrize.is_parametrized(module):
            lists: Any = module.parametrizations
            for name, each in lists.items():
                if originals := [key for key, _ in each.named_parameters(recurse=False)]:
                    found.append(_registered(module, dot, name, each, originals))
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm):
                found.append(_with_weight_hook(module, dot, hook))
            elif isinstance(hook, SpectralNorm):
                found.append(_with_spectral_hook(module, dot, hook))
    return found


def _registered(
    module: torch.nn.Module, dot: str, name: str, found: Any, originals: list[str]
) -> ParametrizedWeight:
    """Return a weight of ``torch.nn.utils.parametrizations``, given its ParametrizationList."""
    inside = f"{dot}parametrizations.{name}."
    stored, computed = originals[0], originals[1:]
    only: Any = found[0] if len(found) == 1 else None
    is_iterated = type(only) is parametrizations._SpectralNorm
    finish: Steps = ()
    if type(only) is parametrizations._WeightNorm:
        norms, stored = originals
        computed = [norms]
        finish = _norm_steps(found, norms, stored, only.dim)
    elif is_iterated:
        computed = [f"0.{each}" for each, _ in only.named_buffers()]

        def compute() -> None:
            if found.original.ndim > 1:
                matrix = only._reshape_weight_to_matrix(found.original)
                _set_singular_vectors(matrix, only._u, only._v, only.eps)

        finish = (compute,)
    return ParametrizedWeight(
        dot + name,
        parametrize.type_before_parametrizations(module).__name__,
        inside + stored,
        {inside + each: _member(found, each) for each in computed},
        finish,
        is_iterated,
        ", ".join(type(each).__name__ for each in found),
    )


def _with_weight_hook(module: Any, dot: str, hook: WeightNorm) -> ParametrizedWeight:
    """Return a weight of ``torch.nn.utils.weight_norm``."""
    norms, direction = f"{hook.name}_g", f"{hook.name}_v"
    if (last := getattr(module, hook.name)).is_meta:  # its graph would keep the norms from memory
        setattr(module, hook.name, last.detach())

    def refresh() -> None:
        setattr(module, hook.name, hook.compute_weight(module))

    return ParametrizedWeight(
        dot + hook.name,
        type(module).__name__,
        dot + direction,
        {dot + norms: getattr(module, norms)},
        (*_norm_steps(module, norms, direction, hook.dim), refresh),
        is_iterated=False,
        parametrization="WeightNorm",
    )


def _with_spectral_hook(module: Any, dot: str, hook: SpectralNorm) -> ParametrizedWeight:
    """Return a weight of ``torch.nn.utils.spectral_norm``."""
    stored, vectors = f"{hook.name}_orig", (f"{hook.name}_u", f"{hook.name}_v")

    def compute() -> None:
        matrix = hook.reshape_weight_to_matrix(getattr(module, stored))
        left, right = (getattr(module, each) for each in vectors)
        _set_singular_vectors(matrix, left, right, hook.eps)
        setattr(module, hook.name, hook.compute_weight(module, do_power_iteration=False))

    return ParametrizedWeight(
        dot + hook.name,
        type(module).__name__,
        dot + stored,
        {dot + each: getattr(module, each) for each in vectors},
        (compute,),
        is_iterated=True,
        parametrization="SpectralNorm",
    )


def _member(module: torch.nn.Module, path: str) -> Any:
    """Return a tensor of a module, given its name in the state dict."""
    *modules, last = path.split(".")
    return getattr(module.get_submodule(".".join(modules)), last)


def _norm_steps(owner: torch.nn.Module, norms: str, direction: str, dim: int) -> Steps:
    """Return the steps after which a direction, times its norms over its norm, is itself."""

    def compute() -> None:
        with torch.no_grad():
            found = torch.norm_except_dim(getattr(owner, direction), 2, dim)
            getattr(owner, norms).copy_(found)

    def avoid_zero() -> None:  # a direction of norm 0 would divide 0 by 0
        with torch.no_grad():
            getattr(owner, direction).add_(getattr(owner, norms) == 0)

    return compute, avoid_zero


def _set_singular_vectors(
    matrix: torch.Tensor, left: torch.Tensor, right: torch.Tensor, eps: float
) -> None:
    """Set vectors, which hold random numbers, to the first singular vectors of a matrix, nearly."""
    normalize = torch.nn.functional.normalize
    with torch.no_grad():
        right.copy_(normalize(right, dim=0, eps=eps))
        for _ in range(_ITERATIONS):
            left.copy_(normalize(torch.mv(matrix, right), dim=0, eps=eps))
            right.copy_(normalize(torch.mv(matrix.mH, left), dim=0, eps=eps))
