"""Modules: all parameters of a torch module, filled in place by a recipe in one native call."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from fastinit.initializers import Initializer
from fastinit.manifests import Manifest, Parameter
from fastinit.plan import Plan
from fastinit.planned import Planned
from fastinit.recipes.buffers import known
from fastinit.recipes.recipe import Recipe, recipe_of
from fastinit.recipes.recipe import recipe as recipe_from
from fastinit.recipes.rule import Rule
from fastinit.torch.distributed import ShardedFilling
from fastinit.torch.placements import memory_of

Rules = Recipe | str | os.PathLike[str] | Sequence[Rule | tuple[str, Initializer]]

# What wrappers put into the names of the parameters that they wrap.
_WRAPPERS = ("_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")


def init_(
    module: torch.nn.Module,
    recipe: Rules | None = None,
    seed: int | None = None,
    *,
    only: Any = None,
) -> torch.nn.Module:
    """Fill all parameters of a module in place, in one native call.

    Each parameter is the stream of its qualified name, whatever else the module holds and however
    it is sharded: of DTensors (tensor parallelism, FSDP2) each process draws its own part. Tied
    parameters are drawn once. Names are those of the module itself: what ``torch.compile``,
    activation checkpointing and ``DistributedDataParallel`` put before them does not count.

    Args:
        module: on any device but meta; dtypes stay.
        recipe: a recipe, the name of a built-in one or the path of its JSON file, or a sequence of
            rules or of (pattern, initializer), of which the first that matches a name draws it;
            None for the recipe of the module's own architecture, else "default".
        seed: an integer in [0, 2**64); None for the process-wide seed, which is the same in all
            processes only if ``fastinit.seed`` set it.
        only: a pattern, as rules have it: other parameters are left alone.

    Returns:
        ``module``. Buffers whose constants are known (running means, positions) hold these; others
        are left alone.

    Raises:
        FileNotFoundError: ``recipe`` is neither built in nor a file.
        TypeError: an argument of the wrong type.
        ValueError: no rule matches a parameter or a rule does not fit it, a tensor lies on the meta
            device, or ``only`` matches nothing. Nothing is drawn then.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.LayerNorm(4))
        >>> _ = fastinit.torch.init_(model, "default", seed=0)
        >>> expected = fastinit.normal((4, 8), std=0.02, seed=0, name="0.weight")
        >>> bool((model[0].weight.detach().numpy() == expected).all())
        True
    """
    planned = plan_of(module, recipe, seed)
    chosen = planned.select(only)
    if on_meta := [name for name, tensor, _ in chosen if tensor.is_meta]:
        raise ValueError(
            f"{on_meta[0]!r} lies on the meta device and has no memory; use "
            "fastinit.torch.materialize_"
        )
    draw(chosen)
    return module


Chosen = list[tuple[str, torch.Tensor, Planned]]


@dataclasses.dataclass(frozen=True, slots=True)
class ModulePlan:
    """A plan, and the tensors of a module that it is for."""

    plan: Plan
    tensors: dict[str, torch.Tensor]

    def select(self, only: Any) -> Chosen:
        """What is drawn of the tensors whose names a pattern matches."""
        return [
            (each.parameter.name, self.tensors[each.parameter.name], each)
            for each in self.plan.select(only)
        ]


def plan_of(module: torch.nn.Module, recipe: Rules | None, seed: int | None) -> ModulePlan:
    """What is drawn for every parameter of a module and every buffer of known content."""
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module is a {type(module).__name__}; pass a torch.nn.Module")
    module = unwrapped(module)
    reshard(module)
    found = Manifest.from_torch(module)
    manifest = dataclasses.replace(
        found,
        parameters=tuple(map(_renamed, found.parameters)),
        buffers=tuple(_renamed(each) for each in found.buffers if known(each)),
        tied={own_name(name): own_name(target) for name, target in found.tied.items()},
    )
    rules = _recipe(recipe, manifest)
    untyped = dataclasses.replace(rules, dtype=None)  # the tensors have their own dtypes
    plan = Plan(manifest, untyped, seed=seed)
    return ModulePlan(plan, {own_name(name): tensor for name, tensor in _tensors(module)})


def draw(chosen: Chosen) -> None:
    """Draw planned tensors in one native call; of several over the same memory, the first."""
    filling = ShardedFilling()
    seen: set[object] = set()
    for _, tensor, planned in chosen:
        if (key := memory_of(tensor)) not in seen:
            seen.add(key)
            filling.add(tensor, planned.draws, planned.stream)
    filling.run()


def unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """The module that ``torch.compile`` or ``DistributedDataParallel`` wraps."""
    while True:
        if isinstance(module, torch.nn.parallel.DistributedDataParallel):
            module = module.module
        elif isinstance(inner := module._modules.get("_orig_mod"), torch.nn.Module):
            module = inner
        else:
            return module


def own_name(name: str) -> str:
    """A parameter's name without what wrappers put into it."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def reshard(module: torch.nn.Module) -> None:
    """Make FSDP2 modules hold their shards, which are the parameters that last."""
    fsdp = sys.modules.get("torch.distributed.fsdp")
    if fsdp is not None:
        for each in module.modules():
            if isinstance(each, fsdp.FSDPModule):
                each.reshard()


def _renamed(parameter: Parameter) -> Parameter:
    return dataclasses.replace(parameter, name=own_name(parameter.name))


def _tensors(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _recipe(given: Rules | None, manifest: Manifest) -> Recipe:
    """The recipe that is meant.

    Raises:
        TypeError: a sequence of something else than rules.
    """
    if given is None:
        return recipe_of(manifest)
    if isinstance(given, Recipe):
        return given
    if isinstance(given, (str, os.PathLike)):
        return recipe_from(given)
    if not isinstance(given, Sequence):
        raise TypeError(
            f"recipe is a {type(given).__name__}; pass a Recipe, the name of one, a path, or a "
            "list of rules"
        )
    return Recipe("rules", "given by the caller", tuple(map(_rule, given)))


def _rule(given: Any) -> Rule:
    if isinstance(given, Rule):
        return given
    if isinstance(given, tuple) and len(given) == 2:
        return Rule(*given)
    raise TypeError(f"{given!r} is no rule; pass a Rule, or (pattern, initializer)")
