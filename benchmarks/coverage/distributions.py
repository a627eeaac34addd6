"""Whether two libraries draw the same distributions for the tensors of a model.

Tensors that are the same bits in both agree. All others must depend on the seed, and are tested as
two samples of one distribution: by the test of Kolmogorov and Smirnov, with the bound of Wei and
Dudley (2012) that holds for all sizes, and by differences of means and of standard deviations.
Values that occur repeatedly in a tensor count once. Tensors of few elements are pooled with the
others that one rule of the plan draws.

The probability that one test fails although the distributions are the same is at most ``LEVEL``,
so that all tests together, of which there may be ``MOST_TESTS``, fail with ``FALSE_ALARM``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 1e-6
MOST_TESTS = 1_000_000
LEVEL = FALSE_ALARM / MOST_TESTS

_FEW = 64  # elements below which tensors are pooled
_FEWEST = 8  # distinct values that a test needs
_SAMPLE = 1 << 16  # elements that are tested, evenly spaced
_WEI_DUDLEY = 2.16863  # P(D >= d) <= this times exp(-n d^2), for two samples of n >= 4

Array = NDArray[Any]
Arrays = Mapping[str, Array]


def faults_of(
    ours: tuple[Arrays, Arrays], theirs: tuple[Arrays, Arrays], pools: Mapping[str, str]
) -> dict[str, Any]:
    """Return the numbers of equal and of random tensors, of tests, and what does not agree.

    Args:
        ours: The tensors that one library draws with two seeds.
        theirs: Those of the other library.
        pools: The names under which tensors of few elements are pooled.
    """
    faults: dict[str, str] = {}
    samples: dict[str, list[tuple[Array, Array]]] = defaultdict(list)
    equal = random = tests = 0
    for name, first in ours[0].items():
        if name not in theirs[0] or not _is_like(first, theirs[0][name]):
            faults[name] = "another shape or dtype"
            continue
        if first.tobytes() == theirs[0][name].tobytes():
            equal += 1
            continue
        reason = _constants((first, ours[1][name]), (theirs[0][name], theirs[1][name]))
        if reason is not None:
            faults[name] = reason
            continue
        random += 1
        key = pools.get(name, name) if first.size < _FEW else name
        samples[key].append((first, theirs[0][name]))
    smallest = 1.0
    for name, pairs in samples.items():
        mine, other = (
            np.concatenate([_numbers(each) for each in side]) for side in zip(*pairs, strict=True)
        )
        for what, p in _tests(mine, other):
            tests += 1
            smallest = min(smallest, p)
            if p < LEVEL:
                faults[name] = f"{what}: p = {p:.1e}"
    faults |= {name: "not in the accelerated model" for name in theirs[0] if name not in ours[0]}
    return {
        "equal": equal,
        "random": random,
        "tests": tests,
        "smallest_p": smallest,
        "faults": faults,
    }


def _is_like(first: Array, second: Array) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype


def _constants(ours: tuple[Array, Array], theirs: tuple[Array, Array]) -> str | None:
    """Return why what does not depend on the seed differs; None if it agrees."""
    is_constant = [first.tobytes() == second.tobytes() for first, second in (ours, theirs)]
    if all(is_constant):
        return "both are computed, and differ"
    if any(is_constant):
        return "only one depends on the seed"
    rows = [_constant_rows(*each) for each in (ours, theirs)]
    if (rows[0] != rows[1]).any():
        return "other rows depend on the seed"
    if ours[0][rows[0]].tobytes() != theirs[0][rows[0]].tobytes():
        return "rows that do not depend on the seed differ"
    return None


def _constant_rows(first: Array, second: Array) -> NDArray[np.bool_]:
    """Return which rows of a matrix do not depend on the seed, if they are not short."""
    if first.ndim < 2 or first.dtype.itemsize < 4 or math.prod(first.shape[1:]) < 4:
        return np.zeros(first.shape[:1], bool)
    same = first.reshape(len(first), -1) == second.reshape(len(second), -1)
    found: NDArray[np.bool_] = same.all(axis=1)
    return found


def _numbers(array: Array) -> NDArray[np.float64]:
    flat = array.reshape(-1)
    if flat.dtype.kind == "c":
        flat = flat.view(flat.real.dtype)
    step = -(-flat.size // _SAMPLE)
    return flat[::step].astype(np.float64)


def _tests(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Iterator[tuple[str, float]]:
    """Yield tests and the probabilities with which equal distributions differ as much."""
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        yield "values that are not finite", float(_numbers_equal(ours, theirs))
        return
    both = [np.sort(each) for each in (ours, theirs)]
    count = min(1 + int((np.diff(each) != 0).sum()) for each in both)
    if count < _FEWEST:
        return
    values = np.concatenate(both)
    below = [np.searchsorted(each, values, side="right") / each.size for each in both]
    distance = float(np.abs(below[0] - below[1]).max())
    yield "distribution", min(1.0, _WEI_DUDLEY * math.exp(-count * distance**2))
    if count < _FEW:
        return
    variances = ours.var(), theirs.var()
    error = math.sqrt(sum(variances) / count)
    yield "mean", _tail(abs(ours.mean() - theirs.mean()) / error)
    centered = np.concatenate([ours - ours.mean(), theirs - theirs.mean()])
    kurtosis = max(3.0, float((centered**4).mean() / (centered**2).mean() ** 2))
    error = math.sqrt(2 * (kurtosis - 1) / count)
    yield "std", _tail(abs(math.log(variances[0] / variances[1])) / error)


def _numbers_equal(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> bool:
    """Return whether the same elements are not finite."""
    return bool((np.isfinite(ours) == np.isfinite(theirs)).all())


def _tail(z: float) -> float:
    """Return the probability of a standard normal beyond -z and z."""
    return math.erfc(z / math.sqrt(2))
