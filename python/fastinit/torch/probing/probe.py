"""``probe``: one forward and one backward pass, and what they show."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from fastinit.checks import type_of
from fastinit.plans.plan import Plan
from fastinit.probes.report import ProbeReport
from fastinit.probes.rows import ProbeRow, ProbeWeight
from fastinit.probes.stacks import stacks_of
from fastinit.probes.updates import Rates, rates_of
from fastinit.probes.verdicts import verdicts_of
from fastinit.torch.modules.init import init_
from fastinit.torch.modules.materialize import materialize_
from fastinit.torch.modules.plan import Rules
from fastinit.torch.probing.measures import local, rms
from fastinit.torch.probing.ranks import Figures, pooled
from fastinit.torch.probing.recording import Recorder
from fastinit.torch.probing.weights import weights_of
from fastinit.torch.running.arguments import calls
from fastinit.torch.running.losses import Loss, scalar_of, signal_of
from fastinit.torch.running.state import unchanged
from fastinit.torch.shards.wrappers import bare, reshard


def probe(
    model: nn.Module,
    batch: Any,
    loss: Loss = None,
    *,
    plan: Rules | None = None,
    lr: Rates = None,
) -> ProbeReport:
    """Run a model once forward and once backward, and say what is wrong with its start.

    The model, its gradients, buffers and mode, and torch's random numbers are afterwards what they
    were. It runs in the mode it is in: in training mode, batch norms use the batch. All ranks of an
    FSDP2 model call it, each with its own batch, and get the same report.

    Args:
        model: a module, on the meta device only with ``plan``.
        batch: what it is called with: a tensor, a tuple or list of arguments, or a mapping of
            keyword arguments; two inputs or more.
        loss: from the model's output to a scalar; "cross_entropy" for that of the next tokens of a
            causal language model of transformers, of drawn classes for all others; "random" for a
            random linear function of the output, whose gradient there is normal. None for the
            ``loss`` that the output has, else "cross_entropy" where it has ``logits``, else
            "random".
        plan: a plan, or what else ``init_`` takes: the model is probed as it would be drawn, of a
            recipe with the seed 0.
        lr: a learning rate, or one by optimizer ("sgd", "adam", "muon"): the report then has the
            size of the first update of each weight, relative to the weight.

    Returns:
        A report: ``rows`` for each layer, activation and block, ``weights``, ``attention``,
        ``stacks``, ``verdicts``, ``ok``, ``assert_healthy()``, ``to_dict()``; ``print`` shows a
        table.

    Raises:
        TypeError: ``model`` is not a module, or its output has no floating-point tensor.
        ValueError: the model is on the meta device, ``loss`` or ``lr`` are not understood, or the
            plan does not fit.

    Example:
        >>> import fastinit.torch, torch
        >>> layers = torch.nn.Linear(8, 64), torch.nn.Tanh(), torch.nn.Linear(64, 2)
        >>> model = torch.nn.Sequential(*layers)
        >>> _ = torch.nn.init.normal_(model[0].weight, std=5.0)
        >>> report = fastinit.torch.probe(model, torch.randn(32, 8))
        >>> [verdict.partition("%")[2].partition(";")[0] for verdict in report.verdicts]
        [' of the values of 1 are saturated']
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {type_of(model)}; pass a torch.nn.Module")
    rates = rates_of(lr)
    with bare(model) as inner, _as_drawn(inner, plan) as probed:
        return _probed(probed, batch, loss, rates)


@contextlib.contextmanager
def _as_drawn(model: nn.Module, plan: Rules | None) -> Iterator[nn.Module]:
    """Yield the model, or as a plan draws it; it is afterwards what it was."""
    is_meta = any(each.is_meta for each in model.parameters())
    if plan is None and is_meta:
        raise ValueError(
            "model is on the meta device; call fastinit.torch.materialize_ first, or pass plan="
        )
    seed = None if isinstance(plan, Plan) else 0  # ranks draw one model, and runs the same
    if is_meta:
        yield materialize_(copy.deepcopy(model), plan, seed)
        return
    with unchanged(model, parameters=plan is not None):
        yield model if plan is None else init_(model, plan, seed)
        reshard(model)


def _probed(model: nn.Module, batch: Any, loss: Loss, rates: dict[str, float]) -> ProbeReport:
    recorder = Recorder(model)
    with torch.enable_grad():
        with recorder.recording():
            output = calls(model, batch)()
        with recorder:
            scalar, is_loss = scalar_of(model, batch, output, loss)
        gradients = _gradients(model, scalar)
    signal = local(signal_of(output))
    figures, ranks = pooled(
        model,
        Figures(
            recorder.rows,
            recorder.attention,
            rms(signal),
            _difference(signal),
            float(local(scalar)) if is_loss else None,
            recorder.cross_entropy if is_loss else None,
        ),
    )
    weights = weights_of(model, gradients, rates)
    rows = _with_weights(model, [each.row for each in figures.rows.values()], weights)
    entropy = figures.cross_entropy
    report = ProbeReport(
        rows=tuple(rows),
        output_rms=figures.output_rms,
        loss=figures.loss,
        verdicts=(),
        weights=weights,
        attention=tuple(figures.attention),
        stacks=tuple(stacks_of(rows)),
        classes=None if entropy is None else entropy.classes,
        ranks=ranks,
    )
    return dataclasses.replace(report, verdicts=verdicts_of(report, figures.varies, rates))


def _gradients(model: nn.Module, scalar: torch.Tensor) -> dict[str, torch.Tensor | None]:
    """Return the gradients of parameters, without adding to those that they have."""
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if not scalar.requires_grad or not trained:
        return {}
    fsdp = sys.modules.get("torch.distributed.fsdp")
    if fsdp is None or not any(isinstance(each, fsdp.FSDPModule) for each in model.modules()):
        found = torch.autograd.grad(scalar, list(trained.values()), allow_unused=True)
        return dict(zip(trained, found, strict=True))
    kept = {name: each.grad for name, each in trained.items()}  # FSDP2 reduces into .grad alone
    try:
        for each in trained.values():
            each.grad = None
        scalar.backward()  # type: ignore[no-untyped-call]
        reshard(model)
        now = dict(model.named_parameters())
        return {name: now[name].grad for name in trained}
    finally:
        for name, each in model.named_parameters():
            if name in kept:
                each.grad = kept[name]


def _with_weights(
    model: nn.Module, rows: list[ProbeRow], weights: tuple[ProbeWeight, ...]
) -> list[ProbeRow]:
    """Return rows of modules with what is known of their weights and biases."""
    own = {id(parameter): name for name, parameter in model.named_parameters()}
    by_name = {each.name: each for each in weights}
    shared = {
        name: by_name[own[id(parameter)]]
        for name, parameter in model.named_parameters(remove_duplicate=False)
    }

    def found(row: ProbeRow) -> ProbeRow:
        prefix = f"{row.name}." if row.name else ""
        weight, bias = shared.get(f"{prefix}weight"), shared.get(f"{prefix}bias")
        if weight is not None:
            row = dataclasses.replace(
                row,
                weight_rms=weight.rms,
                weight_gradient_rms=weight.gradient_rms,
                weight=weight.name,
            )
        return row if bias is None else dataclasses.replace(row, bias_rms=bias.rms)

    return [found(row) for row in rows]


def _difference(output: torch.Tensor) -> float:
    """Return how much the outputs of a batch differ at most, NaN of a single input."""
    if output.ndim < 1 or len(output) < 2:
        return float("nan")
    return float((output - output[:1]).abs().max())
