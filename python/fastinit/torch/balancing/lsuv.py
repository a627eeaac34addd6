"""``lsuv_``: rescale the layers of a model until their outputs have unit variance."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch

from fastinit import streams
from fastinit.checks import type_of
from fastinit.initializers import Orthogonal
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.dtypes import dtype_of
from fastinit.streams import Seed
from fastinit.tables import listed
from fastinit.torch.balancing.checks import check_layers, check_targets
from fastinit.torch.balancing.layers import Layer, layers_of
from fastinit.torch.balancing.report import LsuvReport, LsuvRow
from fastinit.torch.balancing.rescaler import Rescaler, State
from fastinit.torch.memory.batch import FillBatch
from fastinit.torch.running.arguments import calls
from fastinit.torch.running.progress import progress_bar
from fastinit.torch.running.state import evaluating
from fastinit.torch.shards.wrappers import bare


@in_default_arithmetic
def lsuv_(
    model: torch.nn.Module,
    batch: Any,
    *,
    variance: float = 1.0,
    tolerance: float = 0.1,
    rounds: int = 10,
    orthogonal: bool = True,
    seed: Seed | None = None,
    progress: bool | None = None,
) -> LsuvReport:
    """Rescale the weights of a model's layers until their outputs on a batch have unit variance.

    Layers are linear layers, convolutions, embeddings and ``nn.MultiheadAttention`` (its three
    projections and its output). W <- W * sqrt(variance / Var(output)) until |Var(output) -
    variance| < tolerance (Mishkin and Matas, arXiv 1511.06422). The model runs without gradients
    and in evaluation mode (no dropout), and its mode is restored afterwards. If modules share one
    weight, the first that is called decides.

    Args:
        model: A module. Its parameters keep their devices and dtypes.
        batch: What the model is called with: a tensor, a tuple or list of arguments, or a mapping
            of keyword arguments. Tensors are moved to the device of the model's first parameter.
        variance: The desired variance of each output, positive.
        tolerance: The largest deviation from it, positive.
        rounds: The largest number of times that a weight is rescaled, 1 or more.
        orthogonal: Whether to start with orthogonal weights and zero biases in these layers, as
            the paper does. False starts from the current weights.
        seed: The seed of the orthogonal start, an integer in [0, 2**64), or a ``fastinit.Stream``.
            None means the process-wide seed. Streams have the weights' qualified names.
        progress: Whether to show a progress bar. None means yes if standard error is a terminal
            and ``rich`` is installed.

    Returns:
        The variances before and after, by layer, and the number of forward passes.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The model has no such layer or is on the meta device, a number is out of range,
            or an output is not finite. In the last case the layers before it have been rescaled.

    Warns:
        UserWarning: The final variance of a layer is not within the tolerance.

    Example:
        >>> import torch, fastinit.torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
        >>> report = fastinit.torch.lsuv_(model, torch.randn(256, 8), seed=0)
        >>> report.forwards, [abs(row.after - 1) < 0.1 for row in report.rows]
        (1, [True, True])
    """
    check_targets(variance, tolerance, rounds)
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model is {type_of(model)}; pass a torch.nn.Module")
    with bare(model) as model:
        layers, refused = layers_of(model)
        check_layers(layers, "lsuv_")
        call = calls(model, batch, layers[0].weight.device)
        rescaler = Rescaler(layers, float(variance), float(tolerance), rounds)
        with torch.no_grad(), evaluating(model):
            if orthogonal:
                _start(layers, streams.of_names(seed))
            with progress_bar("LSUV", "layers", len(layers), progress) as rescaler.settled:
                forwards = rescaler.run(call)
        left_out = (LsuvRow(name, math.nan, math.nan, 0, why) for name, why in refused.items())
        report = LsuvReport(
            (*(_row(each, variance) for each in rescaler.states_in_order()), *left_out), forwards
        )
        _warn(report, variance, tolerance)
        return report


def _start(layers: list[Layer], names: streams.Stream) -> None:
    """Fill each weight once with an orthogonal matrix, and the biases with zeros."""
    batch = FillBatch()
    for layer in {each.memory: each for each in reversed(layers)}.values():
        weight = layer.weight
        initializer = Orthogonal(layout=layer.layout)
        templates = initializer.templates(tuple(weight.shape), dtype_of(weight.dtype))
        batch.add(weight, templates, streams.resolve(names, layer.stream))
    batch.run()
    for layer in layers:
        if layer.bias is not None:
            layer.bias.zero_()


def _row(state: State, target: float) -> LsuvRow:
    return LsuvRow(state.layer.name, state.before, state.variance(target), state.rounds, state.note)


def _warn(report: LsuvReport, variance: float, tolerance: float) -> None:
    off = [row.layer for row in report.rows if not abs(row.after - variance) < tolerance]
    if off:
        warnings.warn(
            f"the output's variance is not within {tolerance} of {variance} in "
            f"{listed(off)}; print the report that lsuv_ returns",
            stacklevel=4,
        )
