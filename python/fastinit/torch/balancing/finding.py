"""The factors of a model's layers: measured on its weights, or in expectation over these."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import nn

from fastinit.plans.plan import Plan
from fastinit.torch.balancing.balance_report import BalanceRow
from fastinit.torch.balancing.balancer import Balancer
from fastinit.torch.balancing.expected import in_expectation
from fastinit.torch.balancing.layers import Layer
from fastinit.torch.balancing.recipe import Scaling
from fastinit.torch.modules.init import init_
from fastinit.torch.running.arguments import calls
from fastinit.torch.running.losses import Loss, scalar_of
from fastinit.torch.running.progress import progress_bar
from fastinit.torch.running.state import unchanged, without_dropout


@dataclasses.dataclass(frozen=True)
class Options:
    """Arguments of ``balance_``, of the same names."""

    of: str
    channels: bool
    variance: float
    tolerance: float
    rounds: int
    loss: Loss
    progress: bool | None

    def balancer(self, layers: list[Layer]) -> Balancer:
        """Return what scales layers."""
        return Balancer(layers, self.variance, self.tolerance, self.rounds, self.channels)


@dataclasses.dataclass(frozen=True)
class Found:
    """The result.

    Attributes:
        scalings: the factors.
        rows: those of the report.
        passes: the number of times that the model ran.
        biases: the values of those that channels have shifted, by the names of their parameters.
    """

    scalings: list[Scaling]
    rows: list[BalanceRow]
    passes: int
    biases: Mapping[str, torch.Tensor] = dataclasses.field(default_factory=dict)


def measure(
    model: nn.Module, plan: Plan, layers: list[Layer], batch: Any, options: Options
) -> Found:
    """Draw a model by a plan and scale its layers while it runs; restore it afterwards."""
    balancer = options.balancer(layers)
    with unchanged(model, parameters=True), without_dropout(model):
        init_(model, plan)
        with torch.no_grad():
            _run(model, batch, balancer, options)
            rows = balancer.rows()
        biases = _biases(model, layers) if options.channels else {}
    scalings = [Scaling(layer, factor) for layer, factor in balancer.factors.items()]
    return Found(scalings, rows, balancer.passes, biases)


def expect(
    model: nn.Module,
    plan: Plan,
    layers: list[Layer],
    batch: Any,
    options: Options,
    real: Collection[str] = (),
) -> Found:
    """Return the factors that give the target in expectation over the weights; leave the model.

    Of a model on the meta device, layers that are never called are drawn by a second run, because
    their weights may be used without a call.

    Args:
        model: a module, in memory or on the meta device.
        plan: what would draw it.
        layers: its layers.
        batch: what it is called with.
        options: further arguments.
        real: names of layers that are drawn.
    """
    # Scales should not depend on how far from the target a layer happens to be.
    exact = dataclasses.replace(options, tolerance=options.tolerance / 10)
    is_meta = any(each.is_meta for each in model.parameters())
    with contextlib.ExitStack() as stack:
        if is_meta:
            stack.enter_context(torch.device("cpu"))  # also where the caller makes meta tensors
        stack.enter_context(unchanged(model, parameters=not is_meta))
        found = stack.enter_context(in_expectation(model, plan, real))
        balancer = exact.balancer(found.layers)
        with torch.no_grad(), without_dropout(found.model):
            _run(found.model, batch, balancer, exact)
            rows = balancer.rows()
    uncalled = {each.layer for each in rows if each.note == "never called"} & found.drawing
    if is_meta and uncalled:
        return expect(model, plan, layers, batch, options, real=uncalled)
    rows = [dataclasses.replace(each, is_expected=each.layer in found.drawing) for each in rows]
    factors = {layer.name: factor for layer, factor in balancer.factors.items()}
    scalings = [Scaling(layer, factors[layer.name]) for layer in layers]
    return Found(scalings, rows, balancer.passes)


def _run(model: nn.Module, batch: Any, balancer: Balancer, options: Options) -> None:
    """Run the model, and scale its layers meanwhile."""
    layers = list(balancer.factors)
    forward = calls(model, batch, next(model.parameters()).device)

    def backward() -> None:
        with torch.enable_grad():
            scalar, _ = scalar_of(model, batch, forward(), options.loss)
            torch.autograd.grad(scalar, list(model.parameters()), allow_unused=True)

    if options.of == "gradients":
        balancer.measure(forward)
    else:
        with progress_bar("balance", "layers", len(layers), options.progress) as settled:
            balancer.of_activations(forward, settled)
    if options.of != "activations":
        balancer.of_gradients(backward, 0.5 if options.of == "both" else 1.0)
        balancer.measure(forward)


def _biases(model: nn.Module, layers: list[Layer]) -> dict[str, torch.Tensor]:
    """Return the biases that channels have shifted, by the names of their parameters."""
    names = {each.bias_parameter for each in layers if each.axes and each.bias_parameter}
    return {name: model.get_parameter(name).detach().clone() for name in sorted(names)}
