"""Models in expectation over the weights of their layers, which need no memory for these."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Collection, Iterator

import torch
from torch import nn

from fastinit.plans.plan import Plan
from fastinit.torch.balancing.drawn_outputs import Drawn, DrawnOutput, is_drawn
from fastinit.torch.balancing.layers import Layer, layers_of
from fastinit.torch.modules.init import init_
from fastinit.torch.modules.materialize import materialize_


@dataclasses.dataclass(frozen=True)
class Expectation:
    """A model that can be called, with layers that draw their outputs.

    Attributes:
        model: the model, or if it is on the meta device a twin with memory for everything else.
        layers: as of ``layers_of``; those that draw have a factor as their weight.
        drawing: the names of these. All others have the weights of the plan.
    """

    model: nn.Module
    layers: list[Layer]
    drawing: frozenset[str]


@contextlib.contextmanager
def in_expectation(
    model: nn.Module, plan: Plan, real: Collection[str] = ()
) -> Iterator[Expectation]:
    """Let the layers of a model draw their outputs; its other parameters are drawn by the plan.

    Args:
        model: a module in memory, or on the meta device.
        plan: what draws it.
        real: names of layers that have weights nevertheless.
    """
    layers, _ = layers_of(model, recurrent=True)
    stds = _stds(plan, layers, real)
    is_meta = any(each.is_meta for each in model.parameters())
    target = copy.deepcopy(model) if is_meta else model
    if is_meta:
        _materialize_others(target, plan, stds)
        layers, _ = layers_of(target, recurrent=True)
    else:
        init_(target, plan)
    factors: dict[str, torch.Tensor] = {}
    last: dict[Layer, Drawn] = {}
    for k, layer in enumerate(layers):
        if layer.name in stds:
            name = _tied(plan, layer)
            factor = factors.setdefault(name, torch.ones((), dtype=torch.float64))
            forward = DrawnOutput(layer, stds[layer.name], factor, last)
            vars(layer.module)["forward"] = forward
            layers[k] = dataclasses.replace(layer, weight=factor, compute=forward)
    try:
        yield Expectation(target, layers, frozenset(stds))
    finally:
        for layer in layers:
            if layer.name in stds:
                del vars(layer.module)["forward"]


def _stds(plan: Plan, layers: list[Layer], real: Collection[str]) -> dict[str, float]:
    """Return the std of the weights of layers that can draw their outputs, by the layers' names.

    All layers of a weight can, or none.
    """
    tensors = {each.parameter.name: each for each in plan.tensors}
    stds: dict[str, float] = {}
    others: set[str] = set()
    for layer in layers:
        planned = tensors[_tied(plan, layer)]
        moments = planned.initializer.moments(planned.parameter.shape)
        if layer.name in real or not is_drawn(layer) or moments is None or moments[0] != 0:
            others.add(planned.parameter.name)
        else:
            stds[layer.name] = moments[1]
    alone = {each.name for each in layers if _tied(plan, each) not in others}
    return {name: std for name, std in stds.items() if name in alone}


def _tied(plan: Plan, layer: Layer) -> str:
    return plan.manifest.tied.get(layer.parameter, layer.parameter)


def _materialize_others(model: nn.Module, plan: Plan, drawing: Collection[str]) -> None:
    """Give memory to all but the weights of some layers, which only get a shape and a device."""
    modules = [model.get_submodule(name) for name in drawing]
    weights = [each._parameters["weight"] for each in modules]
    for each in modules:
        each._parameters["weight"] = None
    if any(each.is_meta for each in (*model.parameters(), *model.buffers())):
        materialize_(model, plan)
    for each, weight in zip(modules, weights, strict=True):
        assert weight is not None
        nothing = torch.zeros((), dtype=weight.dtype).expand(weight.shape)
        each._parameters["weight"] = nn.Parameter(nothing, requires_grad=False)
