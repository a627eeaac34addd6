"""Activations by what they compute, whatever the functions are called that make them."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import Activation
from fastinit.guide.advice import known_activation
from fastinit.guide.models.graph import Node
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
    names, expected = _known()
    if (found := np.flatnonzero(_are_close(values, expected))).size:
        return known_activation(names[found[0]])
    at_minus_1 = float(values[POINTS == -1.0][0])
    for name, parameter in (("leaky_relu", -at_minus_1), ("elu", at_minus_1 / math.expm1(-1.0))):
        if not math.isfinite(parameter):
            continue
        number = round(parameter, _DIGITS)
        if number > 0 and number != 1 and _are_close(values, _values(name, number)):
            return known_activation(name, number)
    return None


def mark_activations(region: Sequence[tuple[Node, Array]], results: Collection[Node]) -> None:
    """Mark the node that makes an activation of the elements of one value.

    It is the first that the rest of the program uses and that has the values of an activation, else
    the last in between, such as the relu of a scaled relu. Where there is none, nodes remain what
    their names say, such as the sine of a multiple.

    Args:
        region: the functions of the elements of one value, in order, and what they give at
            ``POINTS``.
        results: the nodes that make results of the program.
    """
    members = {node for node, _ in region}
    named = {
        node: found
        for node, values in region
        if (found := recognized(np.broadcast_to(values, POINTS.shape))) is not None
    }
    ends = [
        node
        for node, _ in region
        if node in results or any(user not in members for user in node.users)
    ]
    chosen = next((each for each in ends if each in named), next(reversed(named), None))
    if chosen is not None:
        for node in members:
            node.activation = named[node] if node is chosen else None


@functools.cache
def _known() -> tuple[list[str], Array]:
    """Return the names of activations, and their values at the points as rows."""
    names = [name for name in functions.names() if _is_compared(name)]
    return names, np.stack([_values(name) for name in names])


def _is_compared(name: str) -> bool:
    is_gated = name in functions.GATED
    return not is_gated and name not in _LEFT_OUT and name != "leaky_relu"


@in_default_arithmetic
def _values(name: str, parameter: float | None = None) -> Array:
    function, _ = functions.function_of(name, parameter)
    return np.asarray(function(POINTS), np.float64)


def _are_close(values: Array, expected: Array) -> npt.NDArray[np.bool_]:
    """Return whether all values are those expected, of each row."""
    allowed = _TOLERANCE * (1.0 + np.abs(expected))
    return np.asarray((np.abs(values - expected) <= allowed).all(axis=-1))
