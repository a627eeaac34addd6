"""The plan of a module: what to draw for each of its parameters and known buffers."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from fastinit.checks import type_of
from fastinit.initializers.complex_values import as_pairs
from fastinit.manifests import Manifest, Parameter
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.plans.plan import Plan
from fastinit.process_seed import PROCESS
from fastinit.recipes.buffers import known
from fastinit.recipes.given import RecipeLike, recipe_from
from fastinit.recipes.known import find
from fastinit.recipes.patterns.pattern import compiled, pattern_of
from fastinit.streams import Seed
from fastinit.tensors.tensor_plan import TensorPlan
from fastinit.torch.modules import parametrized
from fastinit.torch.modules.parametrized import ParametrizedWeight
from fastinit.torch.shards.batch import ShardedFillBatch
from fastinit.torch.shards.dtensor import is_distributed, memory_of
from fastinit.torch.shards.wrappers import own_names, reshard, unwrapped

Rules = Plan | RecipeLike
"""A plan, or what stands for a recipe."""

Chosen = list[tuple[str, torch.Tensor, TensorPlan | ParametrizedWeight]]
"""Tensors to fill, with their names and what is drawn or computed for them."""


@dataclasses.dataclass(frozen=True, slots=True)
class ModulePlan:
    """A plan, and the tensors of the module that it is for."""

    plan: Plan
    tensors: dict[str, torch.Tensor]
    parametrized: dict[str, list[ParametrizedWeight]]
    """By the name of the tensor in the plan, which several weights may share."""

    def select(self, only: Any) -> Chosen:
        """Return the tensors whose names match a pattern; None matches all.

        Those that belong to a parametrized weight come with it.

        Raises:
            ValueError: The pattern matches nothing, a parametrized weight that cannot be drawn, or
                a tensor on the meta device of a dtype that is not drawn.
        """
        chosen: Chosen = []
        selected = self.plan.select(only)
        expression = None if only is None else compiled(pattern_of(only))
        for alone in self.plan.left_alone:
            is_selected = expression is None or expression.fullmatch(alone.name)
            if is_selected and self.tensors[alone.name].is_meta:
                raise ValueError(
                    f"{alone.name!r} is on the meta device, and values of dtype {alone.dtype} are "
                    "not drawn; give it memory and values first"
                )
        for each in selected:
            name = each.parameter.name
            chosen.append((name, self.tensors[name], each))
            for weight in self.parametrized.get(name, ()):
                weight.check()
                context = self.plan.recipe.context(self.plan.manifest)
                for start, planned in weight.starts(context, self.plan.stream):
                    chosen.append((start, weight.computed[start], planned))
                chosen += [(part, tensor, weight) for part, tensor in weight.computed.items()]
        return chosen


def plan_of(module: torch.nn.Module, recipe: Rules | None, seed: Seed | None) -> ModulePlan:
    """Return the plan of all parameters of a module and of its buffers with known constants.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: No rule matches a parameter, a rule does not fit it, a parameter is lazy, or a
            module is a ScriptModule.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module is {type_of(module)}; pass a torch.nn.Module")
    module = unwrapped(module)
    reshard(module)
    named = dict(_tensors(module))
    _check_can_be_drawn(module, named)
    found = Manifest.from_torch(module)
    own = own_names(module)
    weights = parametrized.find(module)
    stored = {each.stored: each for each in weights}
    computed = {name for each in weights for name in each.computed}
    renamed = (_renamed(each, own, stored) for each in found.parameters)
    parameters = tuple(each for each in renamed if each.name not in computed)
    kept = _kept(found)
    given = recipe if isinstance(recipe, Plan) else None
    is_complete = given is not None and given.recipe.complete  # it says what buffers hold, too
    buffers = tuple(
        _renamed(each, own, {})
        for each in found.buffers
        if is_complete or (known(each) and each.name not in kept)
    )
    listed = {each.name for each in parameters + buffers}
    ties = (
        (_weight_of(own[name], stored), _weight_of(own[target], stored))
        for name, target in found.tied.items()
    )
    manifest = dataclasses.replace(
        found,
        parameters=parameters,
        buffers=buffers,
        tied={name: target for name, target in ties if target in listed},
    )
    rules = recipe.recipe if isinstance(recipe, Plan) else recipe_from(recipe, manifest)
    if given is None and seed is None:
        _check_seed_of_ranks(named)
    if given is not None:
        manifest, seed = _planned(manifest, given), given.stream if seed is None else seed
    untyped = dataclasses.replace(rules, dtype=None)  # the tensors keep their own dtypes
    plan = Plan(manifest, untyped, seed=seed)
    tensors = {_weight_of(own[name], stored): tensor for name, tensor in named.items()}
    shared: dict[str, list[ParametrizedWeight]] = {}
    for each in weights:
        shared.setdefault(manifest.tied.get(each.name, each.name), []).append(each)
    return ModulePlan(plan, tensors, shared)


def _check_seed_of_ranks(tensors: dict[str, torch.Tensor]) -> None:
    """Check that ranks which hold parts of tensors do not draw from seeds of their own.

    Raises:
        ValueError: They do: no seed is given, and ``fastinit.seed`` has set none.
    """
    for name, tensor in tensors.items():
        if is_distributed(tensor) and not PROCESS.given:
            mesh: Any = tensor.device_mesh  # type: ignore[attr-defined]
            if mesh.size() > 1:
                raise ValueError(
                    f"{name!r} is sharded over {mesh.size()} ranks, and each would draw from a "
                    "seed of its own; pass seed=, the same on all ranks"
                )


@in_default_arithmetic
def fill(chosen: Chosen) -> None:
    """Fill tensors in one native call, of several with the same memory the first; then compute."""
    batch = ShardedFillBatch()
    seen: set[object] = set()
    weights: dict[ParametrizedWeight, None] = {}
    for _, tensor, planned in chosen:
        if isinstance(planned, ParametrizedWeight):
            weights[planned] = None
        elif (key := memory_of(tensor)) not in seen:
            seen.add(key)
            templates = planned.templates
            if tensor.is_complex():  # whose memory is that of real numbers
                templates = as_pairs(templates, planned.parameter.shape)
            batch.add(tensor, templates, planned.stream)
    batch.run()
    for steps in itertools.zip_longest(*(weight.finish for weight in weights)):
        for step in filter(None, steps):
            step()


def _planned(manifest: Manifest, plan: Plan) -> Manifest:
    """Return the manifest of a module, with what a plan says of each of its tensors.

    Raises:
        ValueError: The plan lacks tensors of the module, or has them in another shape.
    """
    theirs = {each.name: each for each in plan.manifest.tensors}

    def planned(mine: Parameter) -> Parameter:
        name = plan.manifest.tied.get(mine.name, mine.name)
        their = theirs.get(name)
        if their is None or their.shape != mine.shape:
            parts = [each for each in theirs if mine.name.endswith(f".{each}")]
            what = f", but {parts[0]!r}" if parts else ""
            what = f"does not have it{what}" if their is None else f"has it in shape {their.shape}"
            raise ValueError(
                f"{mine.name!r} of shape {mine.shape} is in the module, and the plan {what}; pass "
                f"a plan of the same model; this one is of {plan.manifest.model}"
            )
        stream = their.stream if name == mine.name or their.stream is not None else name
        return dataclasses.replace(mine, stream=stream, zero_row=their.zero_row, value=their.value)

    return dataclasses.replace(
        manifest,
        parameters=tuple(map(planned, manifest.parameters)),
        buffers=tuple(map(planned, manifest.buffers)),
    )


def _renamed(
    parameter: Parameter, own: dict[str, str], stored: dict[str, ParametrizedWeight]
) -> Parameter:
    """Return a parameter with its own name, or that of the weight which it stores."""
    name = own[parameter.name]
    weight = stored.get(name)
    if weight is None:
        return parameter if name == parameter.name else dataclasses.replace(parameter, name=name)
    return dataclasses.replace(parameter, name=weight.name, module=weight.kind)


def _kept(found: Manifest) -> set[str]:
    """Return the buffers that keep their values, although they may be known by name.

    Those of dtypes that are not drawn are among them, and the scales of packed weights (GPTQ),
    which keep their values, too.
    """
    known_tensors = [(each, find(each)) for each in found.tensors]
    packed = {
        each.name.rpartition(".")[0]
        for each, known_as in known_tensors
        if known_as is not None and known_as.is_of_quantization and known_as.rule is None
    }
    return {
        each.name
        for each, known_as in known_tensors
        if each.is_left_alone
        or (
            known_as is not None
            and known_as.is_of_quantization
            and each.name.rpartition(".")[0] in packed
        )
    }


def _weight_of(name: str, stored: dict[str, ParametrizedWeight]) -> str:
    return stored[name].name if name in stored else name


def _check_can_be_drawn(module: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    for name, each in module.named_modules():
        if isinstance(each, torch.jit.ScriptModule):
            raise ValueError(
                f"{name or 'module'!r} is a ScriptModule; initialize the module that it was made "
                "from, then script or trace that"
            )
    lazy = [name for name, each in tensors.items() if is_lazy(each)]
    if lazy:
        raise ValueError(
            f"the shapes of {', '.join(map(repr, lazy))} are not known yet; call the module once "
            "with an input (lazy modules get their shapes then), and initialize it afterwards"
        )


def _tensors(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)
