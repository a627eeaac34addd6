"""Mean-field theory of a layer of random weights, in infinite width."""

from __future__ import annotations

import math

from fastinit.guide.activations.activation import (
    Activation,
    kernel_series,
    second_moment,
    slope_second_moment,
)

_DIGITS = 6  # of the variance at which moments are computed: where it is steady, they are known
_SMALLEST, _LARGEST = 1e-280, 1e280


def forward(
    act: Activation, q: float, c: float, weights: float, biases: float
) -> tuple[float, float]:
    """Return the mean square and the correlation of pre-activations of the next layer.

    Args:
        act: the activation.
        q: the mean square of the pre-activations.
        c: their correlation for two inputs.
        weights: the variance of a weight times fan_in.
        biases: the variance of a bias.

    Returns:
        NaN for what is not known or leaves the range of floats.
    """
    at = _rounded(q)
    if math.isnan(at) or math.isnan(weights):
        return math.nan, math.nan
    try:
        found = weights * second_moment(act, at) + biases
        if math.isnan(c) or not found:
            return found, math.nan
        covariance = weights * kernel_series(act, at, min(max(c, -1.0), 1.0)) + biases
    except ValueError:  # of an activation that grows too fast for this variance
        return math.nan, math.nan
    return found, covariance / found


def backward(act: Activation, q: float, weights: float) -> float:
    """Return the factor by which gradients grow, backward through a layer and the activation.

    Args:
        act: the activation before the layer.
        q: the mean square of the pre-activations.
        weights: the variance of a weight of the layer times fan_out.
    """
    at = _rounded(q)
    if math.isnan(at) or math.isnan(weights):
        return math.nan
    try:
        return weights * slope_second_moment(act, at)
    except ValueError:
        return math.nan


def _rounded(q: float) -> float:
    return float(f"{q:.{_DIGITS}g}") if _SMALLEST < q < _LARGEST else math.nan
