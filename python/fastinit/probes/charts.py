"""Charts of a probed model: its signals, weights and attention."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fastinit.plots.chart import Chart, numbered
from fastinit.probes.rows import ProbeAttention, ProbeRow, ProbeStack, ProbeWeight

_RMS = "root mean square"


def charts_of(
    rows: Sequence[ProbeRow],
    stacks: Sequence[ProbeStack],
    attention: Sequence[ProbeAttention],
    weights: Sequence[ProbeWeight],
) -> tuple[Chart, ...]:
    """Return the charts of the rows of a report."""
    by_name = {row.name: row for row in rows}
    charts = [_of_stack(each, [by_name[name] for name in each.names]) for each in stacks]
    charts += _of_calls([row for row in rows if row.name])
    if attention:
        charts.append(_of_attention(attention))
    charts += _of_weights([each for each in weights if len(each.shape) > 1])
    return tuple(charts)


def _of_calls(calls: Sequence[ProbeRow]) -> Iterator[Chart]:
    signals = {
        "output": [row.output_rms for row in calls],
        "difference between inputs": [row.varies for row in calls],
        "gradient at the output": [row.gradient_rms for row in calls],
    }
    yield numbered("signals, module by module", "call", _RMS, signals)
    fractions = {
        "dead": [row.dead for row in calls if not math.isnan(row.dead)],
        "saturated": [row.saturated for row in calls if not math.isnan(row.saturated)],
    }
    if any(value > 0 for values in fractions.values() for value in values):
        yield numbered(
            "dead and saturated units", "activation", "fraction", fractions, may_be_log=False
        )


def _of_attention(attention: Sequence[ProbeAttention]) -> Chart:
    lines = {
        "entropy, 1 where all keys are equal": [each.entropy for each in attention],
        "standard deviation of logits": [each.logit_std for each in attention],
    }
    return numbered("attention", "attention", "entropy, and std of logits", lines)


def _of_stack(stack: ProbeStack, rows: list[ProbeRow]) -> Chart:
    signals = {
        "output": [row.output_rms for row in rows],
        "gradient at the output": [row.gradient_rms for row in rows],
    }
    title = f"{stack.title}: signal x {stack.signal:.3g}, gradient x {stack.gradient:.3g} per block"
    return numbered(title, "block", _RMS, signals)


def _of_weights(weights: Sequence[ProbeWeight]) -> Iterator[Chart]:
    if not weights:
        return
    ratios = {"gradient to weight": [each.gradient_to_weight for each in weights]}
    for optimizer in dict.fromkeys(name for each in weights for name in each.update_to_weight):
        ratios[f"update to weight, {optimizer}"] = [
            each.update_to_weight.get(optimizer, math.nan) for each in weights
        ]
    yield numbered("matrices", "matrix", _RMS, {"weight": [each.rms for each in weights]})
    yield numbered("gradients and updates of matrices", "matrix", "ratio", ratios)
