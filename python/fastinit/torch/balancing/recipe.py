"""Scales as a recipe: what any process draws without the batch that they were measured on."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastinit.initializers import Initializer
from fastinit.initializers.composites.channel_scaled import ChannelScaled
from fastinit.initializers.composites.composite import Composite
from fastinit.initializers.composites.composite import Layer as Step
from fastinit.initializers.existing.stored import Stored
from fastinit.plans.plan import Plan
from fastinit.recipes.patterns.pattern import Regex
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rule import Rule
from fastinit.torch.balancing.layers import Layer

_PLAIN = re.compile(r"[A-Za-z0-9_.]+")


@dataclasses.dataclass(frozen=True, eq=False)
class Scaling:
    """The factor on a layer's weight: a number, or one per output channel.

    Attributes:
        layer: the layer.
        factor: the factor, in float64.
    """

    layer: Layer
    factor: torch.Tensor


def balanced(plan: Plan, scalings: Sequence[Scaling], biases: Mapping[str, torch.Tensor]) -> Recipe:
    """Return the recipe of a plan with factors on weights, and biases of given values.

    Args:
        plan: what draws the unscaled weights.
        scalings: the factors.
        biases: values by the name of the parameter.
    """
    manifest = plan.manifest
    found: dict[str, list[Scaling]] = {}
    for each in scalings:
        if bool((each.factor == 1).all()):  # of several layers with one weight, one decides
            continue
        name = manifest.tied.get(each.layer.parameter, each.layer.parameter)
        found.setdefault(name, []).append(each)
    tensors = {each.parameter.name: each for each in plan.tensors}
    rules = []
    for name, parts in found.items():
        drawn = tensors[name]
        initializer = _scaled(drawn.initializer, drawn.parameter.shape, parts)
        rules.append(_rule(drawn.rule, name, initializer))
    for name, values in biases.items():
        array = values.detach().float().cpu().numpy()
        rules.append(_rule(tensors[name].rule, name, Stored.of(array)))
    recipe = plan.recipe
    name = recipe.name if recipe.name.startswith("balanced ") else f"balanced {recipe.name}"
    return dataclasses.replace(recipe, name=name, rules=(*rules, *recipe.rules), serves=())


def _scaled(base: Initializer, shape: tuple[int, ...], parts: Sequence[Scaling]) -> Initializer:
    """Return an initializer times the factors of the layers that use its parameter."""
    first = parts[0]
    whole = first.layer.weight.shape == shape
    if whole and not first.factor.ndim:
        factor = float(first.factor)
        if base.magnitudes:
            return base.scaled(lambda value: value * factor)
        return Composite((Step(base), Step(operation="multiply", operand=factor)))
    axis = 0 if first.layer.axes is None else first.layer.axes[0]
    factors: NDArray[Any] = np.ones(shape[axis])
    for each in parts:
        rows = slice(each.layer.rows, each.layer.rows + each.layer.weight.shape[axis])
        factors[rows] = each.factor.numpy()
    return ChannelScaled(base, tuple(map(float, factors)), axis)


def _rule(rule: Rule, name: str, initializer: Initializer) -> Rule:
    """Return a rule for one parameter, which trains it as the rule before did."""
    pattern = name if _PLAIN.fullmatch(name) else Regex(re.escape(name))
    return Rule(pattern, initializer, zero_row=rule.zero_row, multipliers=rule.multipliers)
