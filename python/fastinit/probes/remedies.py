"""Remedies of faults, worked out from the figures that show them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import activation
from fastinit.guide.models.roles import with_layout
from fastinit.guide.recommend import recommend
from fastinit.initializers.fans import fans
from fastinit.plans.explanation import short
from fastinit.probes.report import ProbeReport
from fastinit.probes.rows import ProbeAttention, ProbeRow, ProbeStack

_HOMOGENEOUS = ("linear", "relu", "leaky_relu", "prelu", "rrelu", "abs")  # f(s x) = s f(x)
_SMALL = 1e-6  # a variance near 0
_STEADY = 2.0  # growth over a whole stack that is no fault


def of_dead(rows: Sequence[ProbeRow], dead: ProbeRow) -> str:
    """Return what to do about units that are 0: biases that hold them there, else the weights."""
    before = [row for row in rows[: rows.index(dead)] if row.weight_rms > 0]
    if before and before[-1].bias_rms > before[-1].weight_rms:
        return (
            f"start the biases of {before[-1].label} at 0 (their rms is {before[-1].bias_rms:.3g})"
        )
    return "draw the weights before from a distribution of mean 0, with biases of 0"


def of_saturated(row: ProbeRow) -> str:
    """Return the factor that makes the input of a bounded activation as large as 1."""
    if not row.input_rms > 1:
        return "scale the weights before down"
    return (
        f"their input has rms {row.input_rms:.3g}: multiply the weights before by "
        f"{1 / row.input_rms:.2g}"
    )


def of_attention(found: ProbeAttention) -> str:
    """Return the factor on query weights that makes logits as large as 1."""
    return (
        f"the logits have std {found.logit_std:.3g}: multiply the query weights by "
        f"{1 / found.logit_std:.2g}"
    )


def of_layers(report: ProbeReport, stack: ProbeStack, factor: float) -> str:
    """Return the initializer that fits the activation of plain layers, and what it would give."""
    rows = {row.name: row for row in report.rows}
    late = [rows[name] for name in stack.late]
    weight = {each.name: each for each in report.weights}.get(late[-1].weight)
    if weight is None or len(weight.shape) < 2:
        return ""
    between = report.rows[report.rows.index(late[0]) : report.rows.index(late[-1])]
    found = (functions.find(row.kind) for row in between if math.isnan(row.weight_rms))
    name = next((each for each in found if each is not None), "linear")
    initializer = with_layout(recommend(name, layer="hidden").initializer, weight.layout)
    moments = initializer.resolve(weight.shape).moments(weight.shape)
    now = late[-1].weight_rms
    if moments is None or not moments[1] or not now:
        return ""
    std, fan_in = moments[1], fans(weight.shape, weight.layout)[0]
    would = factor * std / now
    if name not in _HOMOGENEOUS:
        would = _in_theory(name, std * math.sqrt(fan_in))
    return (
        f"{short(initializer.to_dict())} (std {std:.3g} instead of {now:.3g}) would give "
        f"{would:.2g}"
    )


def _in_theory(name: str, sigma_w: float) -> float:
    """Return the growth of gradients per layer in a deep network: the root of chi_1."""
    found = activation(name)
    if found.variance_fixed_point(sigma_w) > 0:
        return math.sqrt(found.chi_1(sigma_w))
    return math.sqrt(found.variance_map(_SMALL, sigma_w) / _SMALL)  # at 0 both maps have one slope


def of_blocks(stack: ProbeStack, factor: float) -> str:
    """Return the factor on the ends of residual branches for which a stack at most doubles."""
    depth = len(stack.names)
    if factor < 1:
        return "check whether the blocks have residual connections"
    branch = factor**2 - 1  # the part of the branch in a block's variance, relative to its input
    scale = math.sqrt((_STEADY ** (2 / depth) - 1) / branch)
    return (
        f"with the last weight of each residual branch multiplied by {scale:.2g} it would be "
        f"{math.sqrt(1 + branch * scale**2):.3g}"
    )
