"""Verdicts on a model: what is wrong with its start, and what to do, in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping

from fastinit.guide.activations import functions
from fastinit.probes import remedies
from fastinit.probes.report import ProbeReport
from fastinit.probes.rows import ProbeRow
from fastinit.probes.stacks import FEWEST, LAYERS
from fastinit.recipes.patterns.numbers import without_numbers
from fastinit.tables import listed

_PER_BLOCK = 1.3  # factor of an rms per block, up or down, in the later half of a stack
# At that rate the whole stack makes this of it. Less does no harm: in the short stacks of a ResNet
# batch norms alone make gradients grow by 1.3 to 1.5 a block (Yang et al. 2019, arXiv 1902.08129).
_PER_STACK = 5.0
_DEAD, _SATURATED = 0.75, 0.5
_OFF = 1.6  # factor between the std of a weight and those of its neighbors
_LOGITS = 5.0  # rms of the output of a model
_LOSS = 1.5  # times that of equal probabilities
_ENTROPY = 0.5  # of an attention, relative to equal probabilities
_UPDATE = 0.1  # of the size of a matrix, in one step
_MATRICES = ("weight", "kernel")  # ends of names
_MOST = 3  # names in a verdict
_BIAS, _LITTLE = 0.95, 0.1  # parts of an output's rms: the bias, and what depends on the input


def verdicts_of(report: ProbeReport, varies: float, rates: Mapping[str, float]) -> tuple[str, ...]:
    """Return what is wrong; the first cause alone where a signal ends.

    Args:
        report: the figures.
        varies: how much the model's outputs differ at most.
        rates: the learning rates for which there are updates.
    """
    rows = report.rows
    broken = next((row for row in rows if not math.isfinite(row.output_rms)), None)
    if broken is not None:
        return (f"the output of {broken.label} is not finite (rms {broken.output_rms})",)
    if varies == 0 and (ended := _end(rows)) is not None:
        return (ended,)
    return (
        *_of_layers(rows),
        *_of_symmetry(report),
        *_of_siblings(report),
        *_of_stacks(report),
        *_of_attention(report),
        *_of_output(report),
        *_of_updates(report, rates),
    )


def _end(rows: tuple[ProbeRow, ...]) -> str | None:
    """Return where the signal ends, None if only in the last layer, which may start at 0."""
    weighted = [row for row in rows if not math.isnan(row.weight_rms)]
    for row in rows:
        if row.varies == 0 and (not weighted or row is not weighted[-1]):
            if row is rows[0] and row.weight_rms > 0 and row.dead != 1:
                return (
                    f"all samples of the batch are alike to {row.label}, the first layer; pass a "
                    "batch of different samples"
                )
            what = "an output that does not vary"
            if row.weight_rms == 0:
                what = "weights that are all 0"
            elif row.dead == 1:
                what = "no unit that is above 0 for any input"
            return (
                f"the model's output does not depend on its input: {row.label} has {what}; draw "
                "random weights"
            )
    return None


def _of_layers(rows: tuple[ProbeRow, ...]) -> Iterator[str]:
    dead = [row for row in rows if row.dead > _DEAD and _is_activation(row)]
    if dead:
        yield (
            f"up to {max(row.dead for row in dead):.0%} of the units of {_names(dead)} are 0 for "
            f"the whole batch; {remedies.of_dead(rows, dead[0])}"
        )
    saturated = [row for row in rows if row.saturated > _SATURATED]
    if saturated:
        worst = max(saturated, key=lambda row: row.saturated)
        yield (
            f"up to {worst.saturated:.0%} of the values of {_names(saturated)} are saturated; "
            f"{remedies.of_saturated(worst)}"
        )
    biased = [
        row
        for row in rows
        if row.weight_rms > 0
        and row.bias_rms > _BIAS * row.output_rms
        and row.varies < _LITTLE * row.output_rms
    ]
    if biased:
        yield f"the output of {_names(biased)} is mostly its bias; start biases at 0"


def _of_symmetry(report: ProbeReport) -> Iterator[str]:
    """Yield weights whose rows are all equal, and not 0: their units stay alike."""
    alike = [
        each.name for each in report.weights if each.is_alike and each.name.endswith(_MATRICES)
    ]
    if alike:
        yield f"all units of {_listed(alike)} start alike, and stay alike; draw random weights"


def _of_siblings(report: ProbeReport) -> Iterator[str]:
    """Yield weights whose std is not that of the same weight in the layers beside."""
    shapes = {each.name: each.shape for each in report.weights}
    groups: dict[tuple[str, tuple[int, ...]], list[ProbeRow]] = {}
    for row in report.rows:
        shape = shapes.get(row.weight)
        if row.weight_rms > 0 and shape is not None:
            groups.setdefault((without_numbers(row.name), shape), []).append(row)
    for group in groups.values():
        for k, row in enumerate(group if len(group) >= FEWEST else ()):
            beside = [each.weight_rms for each in group[max(k - 2, 0) : k + 3] if each is not row]
            usual = statistics.median(beside)
            if not 1 / _OFF < row.weight_rms / usual < _OFF:
                yield (
                    f"the std of {row.name} is {row.weight_rms / usual:.3g} times that of the same "
                    f"weight in the layers beside it; multiply it by {usual / row.weight_rms:.3g}"
                )


def _of_stacks(report: ProbeReport) -> Iterator[str]:
    """Yield the growth of signals and gradients per block, where it is not steady."""
    for stack in report.stacks:
        for what, factor in (("signal", stack.signal), ("gradient", stack.gradient)):
            if math.isnan(factor) or _is_steady(factor, len(stack.names) - 1):
                continue
            verb = "grows" if factor > 1 else "shrinks"
            if stack.title == LAYERS:
                remedy = remedies.of_layers(report, stack, factor)
            else:
                remedy = remedies.of_blocks(stack, factor)
            yield (
                f"the {what} {verb} {factor:.3g} x a block in {stack.title}, from {stack.late[0]} "
                f"on{f'; {remedy}' if remedy else ''}"
            )


def _is_steady(factor: float, steps: int) -> bool:
    """Whether an rms that changes by a factor in each step is that of a sound start."""
    growth = max(factor, 1 / factor) if factor else math.inf
    return growth < _PER_BLOCK or growth**steps < _PER_STACK


def _of_attention(report: ProbeReport) -> Iterator[str]:
    sharp = [each for each in report.attention if each.entropy < _ENTROPY]
    if sharp:
        worst = min(sharp, key=lambda each: each.entropy)
        names = list(dict.fromkeys(each.name for each in sharp))
        yield (
            f"the attention of {_listed(names)} looks at few keys: the entropy is "
            f"{worst.entropy:.0%} of that of equal probabilities; {remedies.of_attention(worst)}"
        )


def _of_output(report: ProbeReport) -> Iterator[str]:
    size, equal, loss = report.output_rms, report.expected_loss, report.loss
    if size > _LOGITS:
        yield (
            f"the output's rms is {size:.3g}: logits of this size are certain before the first "
            f"step; multiply the last weight by {1 / size:.2g}"
        )
    elif equal is not None and loss is not None and loss > _LOSS * equal:
        yield (
            f"the loss is {loss:.3g}, and that of equal probabilities ln({report.classes}) = "
            f"{equal:.3g}; multiply the last weight by {min(1 / size, 0.5):.2g}"
        )


def _of_updates(report: ProbeReport, rates: Mapping[str, float]) -> Iterator[str]:
    """Yield matrices that one step changes by a large part of their size."""
    for name, rate in rates.items():
        large = [
            each
            for each in report.weights
            if len(each.shape) > 1 and _UPDATE < each.update_to_weight.get(name, 0.0) < math.inf
        ]
        if large:
            worst = max(large, key=lambda each: each.update_to_weight[name])
            ratio = worst.update_to_weight[name]
            yield (
                f"the first step of {name} with lr={rate:g} changes "
                f"{_listed([each.name for each in large])} by up to {ratio:.0%} of their size; "
                f"lr={rate * 0.01 / ratio:.1g} would change them by 1%"
            )


def _is_activation(row: ProbeRow) -> bool:
    return functions.find(row.kind) not in (None, "linear")


def _names(rows: list[ProbeRow]) -> str:
    return _listed([row.label for row in rows])


def _listed(names: list[str]) -> str:
    return listed(names, _MOST)
