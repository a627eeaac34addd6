"""Verdicts on a model: what is wrong with its start, in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

import torch
from torch import nn

from fastinit.guide import functions
from fastinit.guide.profile import growth
from fastinit.recipes.numbers import without_numbers
from fastinit.tables import listed
from fastinit.torch.probing.report import ProbeRow

_PER_BLOCK = 1.3  # factor of an rms per block, up or down, in the later half of a stack
_FEWEST = 4  # blocks, layers or siblings that are compared
_DEAD, _SATURATED = 0.75, 0.5
_OFF = 1.6  # factor between the std of a weight and those of its neighbors
_LOGITS = 5.0  # rms of the output of a model
_MOST = 3  # names in a verdict
_BIAS, _LITTLE = 0.95, 0.1  # parts of an output's rms: the bias, and what depends on the input


def verdicts_of(
    model: nn.Module, rows: list[ProbeRow], output_rms: float, varies: float
) -> tuple[str, ...]:
    """Return what is wrong; the first cause alone where a signal ends."""
    broken = next((row for row in rows if not math.isfinite(row.output_rms)), None)
    if broken is not None:
        return (f"the output of {broken.name} is not finite (rms {broken.output_rms})",)
    if varies == 0 and (ended := _end(rows)) is not None:
        return (ended,)
    found = [*_of_layers(rows), *_of_symmetry(model), *_of_siblings(model, rows)]
    for title, stack in _stacks(rows):
        found += _of_stack(title, stack)
    if output_rms > _LOGITS:
        found.append(
            f"the output's rms is {output_rms:.3g}: logits of this size are certain before the "
            "first step; scale the last weight down"
        )
    return tuple(found)


def _end(rows: list[ProbeRow]) -> str | None:
    """Return where the signal ends, None if only in the last layer, which may start at 0."""
    weighted = [row for row in rows if not math.isnan(row.weight_rms)]
    for row in rows:
        if row.varies == 0 and (not weighted or row is not weighted[-1]):
            what = "an output that does not vary"
            if row.weight_rms == 0:
                what = "weights that are all 0"
            elif row.dead == 1:
                what = "no unit that is above 0 for any input"
            return (
                f"the model's output does not depend on its input: {row.name} has {what}; draw "
                "random weights"
            )
    return None


def _of_layers(rows: list[ProbeRow]) -> Iterator[str]:
    dead = [row for row in rows if row.dead > _DEAD and _is_activation(row)]
    if dead:
        worst = max(row.dead for row in dead)
        yield f"up to {worst:.0%} of the units of {_names(dead)} are 0 for the whole batch"
    saturated = [row for row in rows if row.saturated > _SATURATED]
    if saturated:
        worst = max(row.saturated for row in saturated)
        yield (
            f"up to {worst:.0%} of the values of {_names(saturated)} are saturated; scale the "
            "weights before down"
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


def _of_symmetry(model: nn.Module) -> Iterator[str]:
    """Yield weights whose rows are all equal, and not 0: their units stay alike."""
    alike = []
    for name, weight in model.named_parameters():
        if weight.ndim < 2 or len(weight) < 2 or not name.endswith("weight"):
            continue
        values = weight.detach()
        if bool((values == values[:1]).all()) and bool((values != 0).any()):
            alike.append(name)
    if alike:
        names = listed(alike, _MOST)
        yield f"all units of {names} start alike, and stay alike; draw random weights"


def _is_activation(row: ProbeRow) -> bool:
    return functions.find(row.kind) not in (None, "linear")


def _names(rows: list[ProbeRow]) -> str:
    return listed([row.name for row in rows], _MOST)


def _of_siblings(model: nn.Module, rows: list[ProbeRow]) -> Iterator[str]:
    """Yield weights whose std is not that of the same weight in the layers beside."""
    groups: dict[tuple[str, torch.Size], list[ProbeRow]] = {}
    for row in rows:
        if row.weight_rms > 0:
            shape = model.get_parameter(f"{row.name}.weight").shape
            groups.setdefault((without_numbers(row.name), shape), []).append(row)
    for group in groups.values():
        for k, row in enumerate(group if len(group) >= _FEWEST else ()):
            beside = [each.weight_rms for each in group[max(k - 2, 0) : k + 3] if each is not row]
            usual = statistics.median(beside)
            if not 1 / _OFF < row.weight_rms / usual < _OFF:
                yield (
                    f"the std of {row.name} is {row.weight_rms / usual:.3g} times that of the same "
                    "weight in the layers beside it"
                )


def _stacks(rows: list[ProbeRow]) -> Iterator[tuple[str, list[ProbeRow]]]:
    """Yield rows that follow each other in depth: blocks of one list, else all weighted layers."""
    groups: dict[tuple[str, str, tuple[int, ...]], list[ProbeRow]] = {}
    for row in rows:
        if row.is_block:
            parent = row.name.rpartition(".")[0]
            groups.setdefault((parent, row.kind, row.shape), []).append(row)
    stacks = [
        (key[0] or "the blocks", group) for key, group in groups.items() if len(group) >= _FEWEST
    ]
    if stacks:
        yield from stacks
        return
    weighted = [row for row in rows if row.weight_rms > 0 and "Norm" not in row.kind]
    hidden = [row for row in weighted[:-1] if row.kind == weighted[-2].kind] if weighted[1:] else []
    if len(hidden) >= _FEWEST and not any("Norm" in row.kind for row in rows):
        yield "the layers", hidden


def _of_stack(title: str, stack: list[ProbeRow]) -> Iterator[str]:
    """Yield the growth of signals and gradients per block, where it is not steady."""
    late = stack[(len(stack) - 1) // 2 :]
    signal = growth([row.output_rms for row in late])
    gradient = growth([row.gradient_rms for row in reversed(late)])
    for what, factor in (("signal", signal), ("gradient", gradient)):
        if not math.isnan(factor) and not 1 / _PER_BLOCK < factor < _PER_BLOCK:
            verb = "grows" if factor > 1 else "shrinks"
            yield f"the {what} {verb} {factor:.3g} x a block in {title}, from {late[0].name} on"


def spread_of(output: torch.Tensor) -> float:
    """Return how much the outputs of a batch differ at most, NaN of a single input."""
    if output.ndim < 1 or len(output) < 2:
        return math.nan
    return float((output - output[:1]).abs().max())
