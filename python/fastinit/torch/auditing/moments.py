"""Means, standard deviations and supports: those of initializers, and those of values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit.initializers import Constant, Initializer, LogUniform, Uniform
from fastinit.initializers.distributions.truncated_normal import BoundedNormal, TruncatedNormal
from fastinit.torch.auditing.report import Moments

_EXACT = 0.01  # by which moments that are known may differ, in standard deviations
_SIGMAS = 6.0  # by which those of a sample may


def expected_moments(initializer: Initializer, shape: tuple[int, ...]) -> Moments | None:
    """Return the moments of what an initializer draws, or None where they are not known."""
    moments = initializer.moments(shape)
    return None if moments is None else Moments(*moments, *_support(initializer))


def found_moments(values: NDArray[Any]) -> Moments | None:
    """Return the moments of the finite values of an array, or None where there are none."""
    if values.dtype.kind == "c" or values.size == 0:
        return None
    numbers = values.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return None
    low, high = float(numbers.min()), float(numbers.max())
    return Moments(float(numbers.mean()), float(numbers.std()), low, high)


def differ(expected: Moments, found: Moments, sample: int | None) -> bool:
    """Return whether a mean or a standard deviation is not the expected one.

    Args:
        expected: The moments of a distribution.
        found: Those of another, or of values.
        sample: The number of the values; None for a distribution.
    """
    scale = max(expected.std, abs(expected.mean) * 1e-6)
    noise = 0.0 if sample is None else _SIGMAS / math.sqrt(sample)
    if scale == 0.0:
        return found.std > 0 or found.mean != expected.mean
    is_shifted = abs(found.mean - expected.mean) > (_EXACT + noise) * scale
    return is_shifted or abs(found.std - expected.std) > (_EXACT + noise) * scale


def _support(initializer: Initializer) -> tuple[float | None, float | None]:
    match initializer:
        case Constant():
            return float(initializer.value), float(initializer.value)
        case Uniform() | LogUniform() | BoundedNormal():
            return initializer.low, initializer.high
        case TruncatedNormal(compensate=False):
            mean, std = initializer.mean, initializer.std
            return mean + initializer.lower * std, mean + initializer.upper * std
    return None, None
