"""Gains: the factor that makes up for what an activation takes from a signal's scale."""

from __future__ import annotations

import math
from typing import Any

from fastinit.checks import finite, shown
from fastinit.native.arithmetic import in_default_arithmetic

_GAINS = {
    "linear": 1.0,
    "identity": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": 1.4142135623730951,  # sqrt(2), whatever the arithmetic at import
    "leaky_relu": math.nan,  # depends on the slope
    "selu": 3.0 / 4,
}
_SPELLINGS = {name.replace("_", ""): name for name in _GAINS}  # "LeakyReLU" is torch's class


@in_default_arithmetic
def torch_gain(name: Any, a: float | None = None, what: str = "nonlinearity") -> float:
    """Return the gain of an activation that ``torch.nn.init.calculate_gain`` has.

    The values are those of torch: linear and sigmoid 1, tanh 5/3, relu sqrt(2), leaky_relu
    sqrt(2 / (1 + a**2)), selu 3/4 (He et al., arXiv 1502.01852, section 2.2).

    Args:
        name: The activation, in capitals or not: "relu", "ReLU", "LeakyReLU".
        a: The negative slope of ``leaky_relu``, 0.01 by default; not allowed for other activations.
        what: The argument that holds the name, for an error.

    Raises:
        ValueError: The name is not known, or ``a`` is not finite or for another activation.

    Example:
        >>> from fastinit.initializers.gains import torch_gain
        >>> torch_gain("leaky_relu", a=1.0)
        1.0
    """
    found = _SPELLINGS.get(name.lower().replace("_", "")) if isinstance(name, str) else None
    if found is None:
        example = shown(name) if isinstance(name, str) else "'gelu'"
        raise ValueError(
            f"{what}={shown(name)} has no gain in the table of torch; known are "
            f"{', '.join(_GAINS)}; for another compute it, as fastinit.gain({example}, "
            "match='forward') does, and pass gain= as a number"
        )
    if found != "leaky_relu":
        if a is not None:
            raise ValueError(f"a={a} is the slope of leaky_relu and means nothing for {name!r}")
        return _GAINS[found]
    slope = 0.01 if a is None else finite(a, "a")
    return math.sqrt(2.0 / (1 + slope * slope))


def gain_of(given: float | str) -> float:
    """Return the gain of the activation that a string names; a number as it is.

    Raises:
        ValueError: The name is not known.
    """
    return torch_gain(given, what="gain") if isinstance(given, str) else given
