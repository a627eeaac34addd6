"""Figures pooled over the ranks of a sharded model, so that every rank has the same report."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from fastinit.probes.rows import ProbeAttention
from fastinit.torch.probing.recording import CrossEntropy, Measured
from fastinit.torch.shards.dtensor import is_distributed

_SQUARES = ("input_rms", "output_rms", "varies", "gradient_rms")
_MEANS = ("dead", "saturated")


@dataclasses.dataclass
class Figures:
    """The measurements of one rank, or of several together."""

    rows: dict[str, Measured]
    attention: list[ProbeAttention]
    output_rms: float
    varies: float
    loss: float | None
    cross_entropy: CrossEntropy | None


def pooled(model: nn.Module, figures: Figures) -> tuple[Figures, int]:
    """Return the figures of all ranks over which a model is sharded, and their number."""
    sharded: list[Any] = [each for each in model.parameters() if is_distributed(each)]
    mesh = sharded[0].device_mesh if sharded else None
    if mesh is None:
        return figures, 1
    for axis in range(mesh.ndim):
        group = mesh.get_group(axis)
        gathered: list[Any] = [None] * torch.distributed.get_world_size(group)
        torch.distributed.all_gather_object(gathered, figures, group=group)
        figures = _together(gathered)
    return figures, mesh.size()


def _together(each: Sequence[Figures]) -> Figures:
    names = dict.fromkeys(name for one in each for name in one.rows)
    rows = {name: _rows([one.rows[name] for one in each if name in one.rows]) for name in names}
    losses = [one.loss for one in each if one.loss is not None]
    entropies = [one.cross_entropy for one in each if one.cross_entropy is not None]
    return Figures(
        rows,
        [_attention(group) for group in zip(*(one.attention for one in each), strict=False)],
        _root([one.output_rms for one in each]),
        max(one.varies for one in each),
        _mean(losses) if losses else None,
        CrossEntropy(_mean([one.value for one in entropies]), entropies[0].classes)
        if entropies
        else None,
    )


def _rows(each: Sequence[Measured]) -> Measured:
    """Return a row with mean squares and fractions over ranks; dead is what is dead on all."""
    found: dict[str, Any] = {
        name: _root([getattr(one.row, name) for one in each]) for name in _SQUARES
    }
    found |= {name: _mean([getattr(one.row, name) for one in each]) for name in _MEANS}
    alive = [one.alive for one in each if one.alive is not None]
    is_alive = None
    if len({len(one) for one in alive}) == 1:
        is_alive = np.logical_or.reduce(alive)
        found["dead"] = float(1 - is_alive.mean())
    return Measured(dataclasses.replace(each[0].row, **found), is_alive)


def _attention(each: Sequence[ProbeAttention]) -> ProbeAttention:
    return dataclasses.replace(
        each[0],
        entropy=_mean([one.entropy for one in each]),
        logit_std=_root([one.logit_std for one in each]),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _root(values: Sequence[float]) -> float:
    return math.sqrt(_mean([value * value for value in values]))
