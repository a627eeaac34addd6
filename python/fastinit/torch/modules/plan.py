"""The plan of a module: what to draw for each of its parameters and known buffers."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from fastinit.initializers import Initializer
from fastinit.manifests import Manifest, Parameter
from fastinit.plans.plan import Plan
from fastinit.recipes.buffers import known
from fastinit.recipes.recipe import Recipe, recipe_of
from fastinit.recipes.recipe import recipe as recipe_from
from fastinit.recipes.rule import Rule
from fastinit.tensors.tensor_plan import TensorPlan
from fastinit.torch.modules.wrappers import own_name, reshard, unwrapped
from fastinit.torch.shards.batch import ShardedFillBatch
from fastinit.torch.shards.dtensor import memory_of

Rules = Recipe | str | os.PathLike[str] | Sequence[Rule | tuple[str, Initializer]]
"""A recipe, the name or path of one, or rules in order."""

Chosen = list[tuple[str, torch.Tensor, TensorPlan]]
"""Tensors to fill, with their names and what the plan draws for them."""


@dataclasses.dataclass(frozen=True, slots=True)
class ModulePlan:
    """A plan, and the tensors of the module that it is for."""

    plan: Plan
    tensors: dict[str, torch.Tensor]

    def select(self, only: Any) -> Chosen:
        """Return the tensors whose names match a pattern; None matches all."""
        return [
            (each.parameter.name, self.tensors[each.parameter.name], each)
            for each in self.plan.select(only)
        ]


def plan_of(module: torch.nn.Module, recipe: Rules | None, seed: int | None) -> ModulePlan:
    """Return the plan of all parameters of a module and of its buffers with known constants.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: No rule matches a parameter, or a rule does not fit it.
    """
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
    untyped = dataclasses.replace(rules, dtype=None)  # the tensors keep their own dtypes
    plan = Plan(manifest, untyped, seed=seed)
    return ModulePlan(plan, {own_name(name): tensor for name, tensor in _tensors(module)})


def fill(chosen: Chosen) -> None:
    """Fill tensors in one native call; of several with the same memory, the first."""
    batch = ShardedFillBatch()
    seen: set[object] = set()
    for _, tensor, tensor_plan in chosen:
        if (key := memory_of(tensor)) not in seen:
            seen.add(key)
            batch.add(tensor, tensor_plan.templates, tensor_plan.stream)
    batch.run()


def _renamed(parameter: Parameter) -> Parameter:
    return dataclasses.replace(parameter, name=own_name(parameter.name))


def _tensors(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _recipe(given: Rules | None, manifest: Manifest) -> Recipe:
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
    raise TypeError(f"{given!r} is not a rule; pass a Rule, or (pattern, initializer)")
