"""``balance_``: scales that give every layer unit variance, as a recipe."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from typing import Any

from torch import nn

from fastinit.checks import type_of
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.plans.plan import Plan
from fastinit.streams import Seed
from fastinit.tables import listed
from fastinit.torch.balancing.balance_report import BalanceReport, BalanceRow
from fastinit.torch.balancing.checks import check_layers, check_targets
from fastinit.torch.balancing.finding import Options, expect, measure
from fastinit.torch.balancing.layers import layers_of
from fastinit.torch.balancing.recipe import balanced
from fastinit.torch.modules.init import init_
from fastinit.torch.modules.plan import Rules, plan_of
from fastinit.torch.running.losses import Loss
from fastinit.torch.running.synthetic import synthetic_batch
from fastinit.torch.shards.wrappers import bare

OF = ("activations", "gradients", "both")


@in_default_arithmetic
def balance_(
    model: nn.Module,
    batch: Any = None,
    recipe: Rules | None = None,
    seed: Seed | None = None,
    *,
    of: str = "activations",
    channels: bool = False,
    variance: float = 1.0,
    tolerance: float = 0.1,
    rounds: int = 10,
    loss: Loss = None,
    progress: bool | None = None,
) -> BalanceReport:
    """Draw a model by a recipe, and scale its layers until their outputs have unit variance.

    It is the idea of LSUV (Mishkin and Matas, arXiv 1511.06422), made reproducible: the scales come
    back as a recipe, which draws the same bits in any process, on any shard and without the batch.

    With a batch, variances are measured on it and on the weights that the recipe draws. Without
    one they are expectations over the weights: each layer of independent weights of a known std and
    mean 0 draws its output in place of weights, with the covariance that its inputs give it, and
    all that is between the layers runs as it is. The scales then hold for every seed, up to the
    chance of a draw, which matters in layers of few weights. No memory is needed for the weights,
    so the model may be on the meta device, where it stays: ``materialize_`` takes the recipe. Rows
    of other layers (attention and recurrent modules of torch, layers with a forward of their own)
    are measured on weights that are drawn, and the report says so.

    Layers are linear layers, convolutions, embeddings, projections of ``nn.MultiheadAttention`` and
    the input weights of recurrent layers, whose outputs are the inputs of the gates. The model runs
    in its mode, without dropout, and keeps its buffers and torch's random numbers. Of a weight that
    an embedding and an output layer share, the output layer decides.

    Args:
        model: A module, in memory or, without a batch, on the meta device. All its parameters in
            memory are drawn.
        batch: What it is called with: a tensor, a tuple or list of arguments, or a mapping of
            keyword arguments; it should be as varied as a training batch. None means synthetic
            inputs, always the same, which the report names: standard normal numbers or uniform
            tokens, as the config of a transformers model or the first layer says. For gradients and
            channels these are a batch on which is measured.
        recipe: As for ``init_``: what draws the weights before they are scaled.
        seed: As for ``init_``.
        of: "activations": the variance of each output. "gradients": the variance of the gradient
            stays the same on its way back through a layer and the activation before it. "both": the
            geometric mean of these scales.
        channels: Whether each output channel has a scale of its own, and a bias for which its mean
            is 0, as the data-dependent starts of weight normalization (Salimans and Kingma, arXiv
            1602.07868) and ActNorm (Kingma and Dhariwal, arXiv 1807.03039).
        variance: The desired variance of outputs, positive.
        tolerance: The largest deviation, from it or of the growth of gradients from 1, positive.
        rounds: The largest number of times that a weight is scaled, 1 or more.
        loss: As for ``probe``: what is differentiated.
        progress: Whether to show a progress bar. None means yes if standard error is a terminal and
            ``rich`` is installed.

    Returns:
        A report with ``recipe`` and a row for each layer: its scale, variances before and after,
        and why one scale cannot help where that is so.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The model has no such layer or is sharded, it is on the meta device and
            measured, an option is out of range, an output is not finite, or synthetic inputs do not
            fit.

    Warns:
        UserWarning: The final variance of a layer is not within the tolerance, without a reason
            that its row names.

    Example:
        >>> import torch, fastinit.torch
        >>> from torch import nn
        >>> def build():
        ...     return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
        >>> model = build()
        >>> report = fastinit.torch.balance_(model, torch.randn(256, 8), "default", seed=0)
        >>> [abs(row.after - 1) < 0.1 for row in report.rows]
        [True, True]
        >>> again = fastinit.torch.init_(build(), report.recipe, seed=0)
        >>> torch.equal(again[0].weight, model[0].weight)
        True
    """
    check_targets(variance, tolerance, rounds)
    if of not in OF:
        raise ValueError(f"of={of!r} is not known; pass one of {', '.join(OF)}")
    if channels and of != "activations":
        raise ValueError(f"channels=True is for of='activations', not {of!r}; leave one out")
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {type_of(model)}; pass a torch.nn.Module")
    with bare(model) as model:
        plan = plan_of(model, recipe, seed).plan
        layers, refused = layers_of(model, recurrent=True)
        is_measured = batch is not None or channels or of != "activations"
        check_layers(layers, "balance_", has_memory=is_measured)
        inputs = "the batch"
        if batch is None:
            batch, inputs = synthetic_batch(model)
        options = Options(of, channels, variance, tolerance, rounds, loss, progress)
        find = measure if is_measured else expect
        with _explained(inputs):
            found = find(model, plan, layers, batch, options)
        scaled = balanced(plan, found.scalings, found.biases)
        if not any(each.is_meta for each in model.parameters()):
            init_(model, Plan(plan.manifest, scaled, seed=plan.stream))
        left_out = (
            BalanceRow(k, k, 1.0, math.nan, math.nan, note=why) for k, why in refused.items()
        )
        if of == "activations":
            _warn(found.rows, variance, tolerance)
        return BalanceReport((*found.rows, *left_out), found.passes, inputs, scaled)


@contextlib.contextmanager
def _explained(inputs: str) -> Iterator[None]:
    """Say what synthetic inputs were where a model cannot be called with them."""
    try:
        yield
    except (RuntimeError, TypeError, IndexError) as error:
        if inputs == "the batch":
            raise
        raise ValueError(
            f"the model cannot be called with synthetic inputs ({inputs}): {error}; pass a batch"
        ) from error


def _warn(rows: list[BalanceRow], variance: float, tolerance: float) -> None:
    off = [
        row.layer
        for row in rows
        if not abs(row.after - variance) < tolerance and not row.note.startswith("shares")
    ]
    if off:
        warnings.warn(
            f"the output's variance is not within {tolerance} of {variance} in "
            f"{listed(off)}; print the report that balance_ returns",
            stacklevel=4,
        )
