"""Verdicts: what the evidence of a model says is wrong, or worth a look.

A finding is a failure only where correct code does not do the same. All else is a note.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import torch

from fastinit.initializers import Constant
from fastinit.plans.explanation import short
from fastinit.plans.plan import Plan
from fastinit.recipes.patterns.numbers import without_numbers
from fastinit.torch.auditing.evidence import Evidence
from fastinit.torch.auditing.log import Lost
from fastinit.torch.auditing.moments import differ, expected_moments, found_moments
from fastinit.torch.auditing.report import Finding, Moments, Verdict

_SMALLEST_SAMPLE = 30  # values whose moments say something

_MATRICES = (
    *(torch.nn.Linear, torch.nn.Bilinear, torch.nn.Embedding, torch.nn.EmbeddingBag),
    *(torch.nn.modules.conv._ConvNd, torch.nn.MultiheadAttention, torch.nn.RNNBase),
)
"""Modules whose weights make their units differ."""


def findings_of(evidence: Mapping[str, Evidence], expected: Plan | None) -> Iterator[Finding]:
    """Yield the findings and notes of a model, in the order of its tensors.

    Args:
        evidence: What is known of each tensor.
        expected: A plan whose means and standard deviations the tensors should have.
    """
    usual = _usual_dtype(evidence)
    on_meta = [name for name, each in evidence.items() if each.log.device == "meta"]
    is_all_on_meta = 2 * len(on_meta) >= len(evidence)
    random_patterns = {without_numbers(name) for name, each in evidence.items() if is_random(each)}
    for name, each in evidence.items():
        if each.log.device == "meta" and not is_all_on_meta:
            yield _failure(each, "device", "it is left on the meta device, and others are not")
            continue
        if each.unwritten:
            yield _unwritten(each)
            if each.is_unwritten:
                continue
        if each.log.early_read is not None:
            yield _failure(
                each,
                "read before written",
                "its memory was read before anything was written to it",
                each.log.early_read,
            )
        yield from _lost(each)
        yield from _unseen(each)
        yield from _constant(each, without_numbers(name) in random_patterns)
        yield from _values(each)
        yield from _dtype(each, usual)
        yield from _expected(each, expected)


def is_random(evidence: Evidence) -> bool:
    """Return whether random numbers are drawn for a tensor."""
    return evidence.initializer is not None and evidence.initializer.is_random


def last_origin(evidence: Evidence) -> str | None:
    """Return the function and line that wrote a tensor last."""
    return evidence.writes[-1].origin if evidence.writes else None


def _failure(
    evidence: Evidence, verdict: Verdict, detail: str, origin: str | None = None
) -> Finding:
    return Finding(evidence.name, verdict, detail, origin or last_origin(evidence), True)


def _note(evidence: Evidence, verdict: Verdict, detail: str) -> Finding:
    return Finding(evidence.name, verdict, detail, last_origin(evidence), False)


def _unwritten(evidence: Evidence) -> Finding:
    if not evidence.is_unwritten:
        count, total = evidence.unwritten, evidence.tensor.numel()
        detail = f"nothing writes {count} of its {total} elements"
        return _failure(evidence, "partly never written", detail)
    detail = "nothing writes it; it holds what its memory held before"
    if evidence.kind == "buffer, not saved":  # scratch memory is not initialized on purpose
        return _note(evidence, "never written", detail)
    return _failure(evidence, "never written", detail)


def _lost(evidence: Evidence) -> Iterator[Finding]:
    """Yield what the model's own code had written, if what took its place is not its own."""
    for lost in evidence.log.lost:
        if lost.write.is_default or lost.write.initializer is None:
            continue
        instead = _instead(evidence, lost)
        if instead is not None:
            drawn = short(lost.write.initializer.to_dict())
            detail = f"{drawn} of {lost.write.origin} is lost, since {lost.how}; it has {instead}"
            yield _failure(evidence, "initialization lost", detail, lost.origin)


def _instead(evidence: Evidence, lost: Lost) -> str | None:
    last = evidence.writes[-1] if evidence.writes else None
    if last is not None and last.is_default and evidence.initializer is not None:
        return f"torch's default {short(evidence.initializer.to_dict())}"
    drawn = lost.write.initializer
    if drawn is not None and drawn.is_random and isinstance(evidence.initializer, Constant):
        return str(evidence.initializer)
    return None


def _unseen(evidence: Evidence) -> Iterator[Finding]:
    """Yield a difference between what was asked for and the values that are there."""
    if evidence.requested is None or evidence.values is None:
        return
    expected = expected_moments(evidence.requested, tuple(evidence.tensor.shape))
    found = found_moments(evidence.values)
    detail = f"its values are not those of {evidence.requested}; code wrote where torch cannot see"
    is_sample = evidence.values.size >= _SMALLEST_SAMPLE
    if is_sample and expected and found and differ(expected, found, evidence.values.size):
        yield _failure(evidence, "std", f"{detail}; {_compared(expected, found)}")
    else:
        yield _note(evidence, "changed unseen", detail)


def _constant(evidence: Evidence, has_random_siblings: bool) -> Iterator[Finding]:
    """Yield a matrix of equal values, in which all units are the same."""
    is_matrix = sum(size > 1 for size in evidence.tensor.shape) > 1
    if evidence.kind != "parameter" or not is_matrix or not evidence.tensor.requires_grad:
        return
    if not isinstance(evidence.initializer, Constant):
        return
    if not math.isfinite(evidence.initializer.value):
        return  # which is said of all values that are not finite
    detail = f"all its elements are {evidence.initializer.value:g}"
    if evidence.log.is_placeholder and has_random_siblings:
        detail += ", as it was made, and those of the same name in other layers are random"
        yield _failure(evidence, "constant", detail)
    elif isinstance(evidence.module, _MATRICES) and not _is_factor(evidence.initializer, evidence):
        yield _failure(evidence, "constant", f"{detail}, so that all units are the same")
    else:
        yield _note(evidence, "constant", detail)


def _is_factor(initializer: Constant, evidence: Evidence) -> bool:
    """Whether a constant means something: zeros, and ones that an adaptive norm looks up."""
    is_table = isinstance(evidence.module, (torch.nn.Embedding, torch.nn.EmbeddingBag))
    return initializer.value == 0 or (initializer.value == 1 and is_table)


def _values(evidence: Evidence) -> Iterator[Finding]:
    values = evidence.values
    if values is None or not evidence.tensor.is_floating_point():
        return
    numbers = values.astype(np.float64)
    if evidence.kind == "parameter" and not np.isfinite(numbers).all():
        yield _failure(evidence, "not finite", "it has infinite values or values that are NaN")
    elif np.isnan(numbers).any():
        yield _note(evidence, "not finite", "it has values that are NaN")


def _usual_dtype(evidence: Mapping[str, Evidence]) -> torch.dtype | None:
    counts = Counter(
        each.tensor.dtype
        for each in evidence.values()
        if each.kind == "parameter" and each.tensor.is_floating_point()
    )
    return counts.most_common(1)[0][0] if counts else None


def _dtype(evidence: Evidence, usual: torch.dtype | None) -> Iterator[Finding]:
    dtype = evidence.tensor.dtype
    if not evidence.tensor.is_floating_point() or usual is None or dtype == usual:
        return
    if dtype == torch.float64:
        detail = f"it is float64, and most parameters are {_name(usual)}"
        if evidence.kind == "parameter":
            yield _failure(evidence, "dtype", detail)
        else:
            yield _note(evidence, "dtype", detail)
        return
    siblings = {
        each.dtype
        for each in evidence.module.parameters(recurse=False)
        if each.is_floating_point() and each is not evidence.tensor
    }
    if evidence.kind == "parameter" and siblings and dtype not in siblings:
        others = " or ".join(sorted(map(_name, siblings)))
        yield _note(evidence, "dtype", f"it is {_name(dtype)}, and its module's others {others}")


def _expected(evidence: Evidence, plan: Plan | None) -> Iterator[Finding]:
    """Yield a difference from a plan that says what the tensor should have."""
    planned = None if plan is None else plan.find(evidence.name)
    if planned is None:
        return
    shape = tuple(evidence.tensor.shape)
    if planned.parameter.shape != shape:
        detail = f"it has the shape {shape}, and {planned.parameter.shape} is expected"
        yield _failure(evidence, "std", detail)
        return
    expected = expected_moments(planned.initializer, shape)
    found, sample = _moments(evidence)
    if expected and found and differ(expected, found, sample):
        yield _failure(evidence, "std", _compared(expected, found))


def _moments(evidence: Evidence) -> tuple[Moments | None, int | None]:
    """Return the moments of a tensor, and the number of values that they were estimated from."""
    known = None
    if evidence.initializer is not None:
        known = expected_moments(evidence.initializer, tuple(evidence.tensor.shape))
    if known is None and evidence.values is not None and evidence.values.size >= _SMALLEST_SAMPLE:
        return found_moments(evidence.values), evidence.values.size
    return known, None


def _compared(expected: Moments, found: Moments) -> str:
    times = f", {found.std / expected.std:.4g} times that" if expected.std else ""
    return (
        f"mean {found.mean:.4g} and std {found.std:.4g}, where mean {expected.mean:.4g} and "
        f"std {expected.std:.4g} are expected{times}"
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
