"""Activations by what they compute, for programs in which functions have no names."""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import Activation
from fastinit.guide.advice import known_activation
from fastinit.native.arithmetic import in_default_arithmetic

Array = npt.NDArray[np.float64]

POINTS: Array = np.array([-9.0, -2.7, -1.0, -0.6, -0.05, 0.0, 0.05, 0.6, 1.0, 2.7, 9.0])
"""The points at which functions are compared."""

_TOLERANCE = 1e-5  # of float32 constants, and of formulas that approximate others
_DIGITS = 6  # of a parameter that is found
# Those that mostly are arithmetic, and those that another parameter of one in the list makes.
_LEFT_OUT = ("linear", "abs", "sign", "step", "exp", "gaussian", "cos", "prelu", "rrelu", "celu")


def recognized(values: Array) -> Activation | None:
    """Return the listed activation that has these values at ``POINTS``, or None.

    Example:
        >>> from fastinit.guide.models.recognize import POINTS, recognized
        >>> import numpy as np
        >>> recognized(np.where(POINTS > 0, POINTS, 0.2 * POINTS)).a
        0.2
    """
    for name, expected in _known().items():
        if _are_close(values, expected):
            return known_activation(name)
    at_minus_1 = float(values[POINTS == -1.0][0])
    for name, parameter in (("leaky_relu", -at_minus_1), ("elu", at_minus_1 / math.expm1(-1.0))):
        if not math.isfinite(parameter):
            continue
        number = round(parameter, _DIGITS)
        if number > 0 and number != 1 and _are_close(values, _values(name, number)):
            return known_activation(name, number)
    return None


@functools.cache
def _known() -> dict[str, Array]:
    return {name: _values(name) for name in functions.names() if _is_compared(name)}


def _is_compared(name: str) -> bool:
    is_gated = name in functions.GATED
    return not is_gated and name not in _LEFT_OUT and name != "leaky_relu"


@in_default_arithmetic
def _values(name: str, parameter: float | None = None) -> Array:
    function, _ = functions.function_of(name, parameter)
    return np.asarray(function(POINTS), np.float64)


def _are_close(values: Array, expected: Array) -> bool:
    return bool(np.allclose(values, expected, _TOLERANCE, _TOLERANCE))
