"""LSUV: weights scaled, layer by layer, until each layer's output has unit variance.

Mishkin and Matas, "All you need is a good init", ICLR 2016, arXiv 1511.06422. The paper runs the
model once for every layer and round. Here each layer is rescaled, and itself alone run again, at
the moment in which the model calls it, so all later layers see its final output: one pass of the
model settles all layers that it calls once. Only a layer that it calls several times needs more.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from fastinit import streams
from fastinit.checks import finite, integer
from fastinit.dtypes import dtype_of
from fastinit.initializers import Orthogonal
from fastinit.torch.lsuv.layers import Layer, layers_of
from fastinit.torch.memory.batch import Filling
from fastinit.torch.lsuv.rescaling import Scaling, State
from fastinit.torch.shards.placements import is_distributed

_LISTED = 10  # names in a warning


@dataclass(frozen=True, slots=True)
class LsuvRow:
    """What became of one layer.

    Attributes:
        layer: the qualified name of the module; of an attention's projections, with ``.q`` and so
            on behind it.
        before: the variance of its output when the model first called it, all layers before it
            being settled; NaN where it was never called.
        after: the variance with which it ends.
        rounds: how often its weight was rescaled.
        note: what was out of the ordinary, or "".
    """

    layer: str
    before: float
    after: float
    rounds: int
    note: str


@dataclass(frozen=True, slots=True)
class LsuvReport:
    """What ``lsuv_`` did.

    Attributes:
        rows: one for each layer, in the order of the model's calls.
        forwards: how often the whole model ran.
    """

    rows: tuple[LsuvRow, ...]
    forwards: int

    def __str__(self) -> str:
        """A table."""
        width = max(len("layer"), *(len(row.layer) for row in self.rows))
        lines = [f"{'layer':{width}}  {'before':>10}  {'after':>10}  rounds"]
        lines += [
            f"{row.layer:{width}}  {row.before:10.4g}  {row.after:10.4g}  {row.rounds:6}"
            + (f"  {row.note}" if row.note else "")
            for row in self.rows
        ]
        passes = "1 forward pass" if self.forwards == 1 else f"{self.forwards} forward passes"
        return "\n".join([*lines, passes])


def lsuv_(
    model: torch.nn.Module,
    batch: Any,
    *,
    variance: float = 1.0,
    tolerance: float = 0.1,
    rounds: int = 10,
    orthogonal: bool = True,
    seed: int | None = None,
    progress: bool | None = None,
) -> LsuvReport:
    """Scale the weights of a model's layers until their outputs on a batch have unit variance.

    Layers are the linear ones, convolutions, embeddings and ``nn.MultiheadAttention`` (its three
    projections and its output). W <- W sqrt(variance / Var(output)) until |Var(output) -
    variance| < tolerance (Mishkin and Matas, arXiv 1511.06422). The model runs without gradients
    and in evaluation mode (no dropout), and afterwards is in the mode that it was in. Of modules
    that share one weight, the first that is called decides.

    Args:
        model: its parameters' devices and dtypes stay.
        batch: what the model is called with: a tensor, a tuple or list of arguments, or a mapping
            of keyword arguments. Tensors are moved to the device of the model's first parameter.
        variance: what each output's variance shall be, positive.
        tolerance: how far it may be off, positive.
        rounds: how often a weight is rescaled at most, 1 or more.
        orthogonal: start with orthogonal weights and zero biases in these layers, as the paper
            does; False starts from the weights that are there.
        seed: of the orthogonal start, an integer in [0, 2**64); None for the process-wide seed.
            The streams are the weights' qualified names.
        progress: show a progress bar; None for one if standard error is a terminal and ``rich`` is
            installed.

    Returns:
        The variances before and after, by layer, and the number of forward passes.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: the model has no such layer or lies on the meta device, a number is out of
            range, or an output is not finite; in this last case the layers before it are scaled.

    Warns:
        UserWarning: a layer that is not within the tolerance in the end.

    Example:
        >>> import torch, fastinit.torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
        >>> report = fastinit.torch.lsuv_(model, torch.randn(256, 8), seed=0)
        >>> report.forwards, [abs(row.after - 1) < 0.1 for row in report.rows]
        (1, [True, True])
    """
    _check(variance, tolerance, rounds)
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; pass a torch.nn.Module")
    layers, refused = layers_of(model)
    _check_layers(layers)
    args, kwargs = _arguments(batch, layers[0].weight.device)
    scaling = Scaling(layers, float(variance), float(tolerance), rounds)
    with torch.no_grad(), _evaluating(model):
        if orthogonal:
            _start(layers, seed)
        with _bar(len(layers), progress) as scaling.settled:
            forwards = scaling.run(lambda: model(*args, **kwargs))
    left_out = (LsuvRow(name, math.nan, math.nan, 0, why) for name, why in refused.items())
    report = LsuvReport((*map(_row, scaling.states_in_order()), *left_out), forwards)
    _warn(report, variance, tolerance)
    return report


def _check(variance: float, tolerance: float, rounds: int) -> None:
    for name, value in (("variance", variance), ("tolerance", tolerance)):
        if finite(value, name) <= 0:
            raise ValueError(f"{name}={value} is not positive; pass a number above 0")
    if integer(rounds, "rounds", "1 or more") < 1:
        raise ValueError(f"rounds={rounds} is not positive; pass 1 or more")


def _check_layers(layers: list[Layer]) -> None:
    if not layers:
        raise ValueError(
            "model has no linear, convolution, attention or embedding layer with a weight of its "
            "own, so there is nothing to scale"
        )
    for layer in layers:
        if layer.weight.is_meta:
            raise ValueError(
                f"{layer.name!r} lies on the meta device; call fastinit.torch.materialize_ first"
            )
        if is_distributed(layer.weight):
            raise ValueError(
                f"the weight of {layer.name!r} is a DTensor; call lsuv_ before the model is sharded"
            )


def _start(layers: list[Layer], seed: int | None) -> None:
    """Orthogonal weights, each weight once, and zero biases."""
    filling = Filling()
    for layer in {each.memory: each for each in reversed(layers)}.values():
        weight = layer.weight
        initializer = Orthogonal(layout=layer.layout)
        draws = initializer.draws(tuple(weight.shape), dtype_of(weight.dtype))
        filling.add(weight, draws, streams.resolve(seed, layer.stream))
    filling.run()
    for layer in layers:
        if layer.bias is not None:
            layer.bias.zero_()


def _arguments(batch: Any, device: torch.device) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the model is called with, its tensors on the model's device."""

    def moved(value: Any) -> Any:
        return value.to(device) if isinstance(value, torch.Tensor) else value

    if isinstance(batch, Mapping):
        return (), {key: moved(value) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(map(moved, batch)), {}
    return (moved(batch),), {}


@contextlib.contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    """In evaluation mode; attention through its modules, which nn's fused fast path goes past."""
    modes = {module: module.training for module in model.modules()}
    fast = torch.backends.mha.get_fastpath_enabled()
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for module, mode in modes.items():
            module.training = mode


@contextlib.contextmanager
def _bar(layers: int, wanted: bool | None) -> Iterator[Callable[[], None]]:
    """What is called whenever a layer is settled; it moves a progress bar where one is shown."""
    if wanted is None:
        wanted = sys.stderr.isatty() and importlib.util.find_spec("rich") is not None
    if not wanted:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("LSUV"), BarColumn(), MofNCompleteColumn(), TextColumn("layers")
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("LSUV", total=layers)
        yield lambda: progress.advance(task)


def _row(state: State) -> LsuvRow:
    return LsuvRow(state.layer.name, state.before, state.variance(), state.rounds, state.note)


def _warn(report: LsuvReport, variance: float, tolerance: float) -> None:
    off = [row.layer for row in report.rows if not abs(row.after - variance) < tolerance]
    if off:
        more = f" and {len(off) - _LISTED} more" if len(off) > _LISTED else ""
        warnings.warn(
            f"the output's variance is not within {tolerance} of {variance} in "
            f"{', '.join(off[:_LISTED])}{more}; print the report that lsuv_ returns",
            stacklevel=3,
        )
