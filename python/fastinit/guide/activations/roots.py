"""Roots of continuous functions of one variable."""

from __future__ import annotations

import math
from collections.abc import Callable

_ROUNDS = 60
_CLOSE = 1e-15  # relative distance of two estimates after which the last is returned


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return a root between two numbers where the function has different signs (Ridders 1979).

    Example:
        >>> from fastinit.guide.activations.roots import root
        >>> round(root(lambda x: x * x - 2, 0.0, 2.0), 12)
        1.414213562373
    """
    at_low, at_high = function(low), function(high)
    if at_low == 0 or at_high == 0:
        return low if at_low == 0 else high
    last = math.inf
    for _ in range(_ROUNDS):
        middle = 0.5 * (low + high)
        at_middle = function(middle)
        curved = math.sqrt(at_middle * at_middle - at_low * at_high)
        if at_middle == 0 or curved == 0:
            return middle
        step = math.copysign(at_middle / curved, at_middle * at_low)
        found = middle + (middle - low) * step
        at_found = function(found)
        if at_found == 0 or abs(found - last) <= _CLOSE * abs(found):
            return found
        last = found
        if (at_middle < 0) != (at_found < 0):
            ends = sorted([(middle, at_middle), (found, at_found)])
            (low, at_low), (high, at_high) = ends
        elif (at_low < 0) != (at_found < 0):
            high, at_high = found, at_found
        else:
            low, at_low = found, at_found
    return last
