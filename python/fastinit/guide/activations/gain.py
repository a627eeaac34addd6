"""The gain of an activation, by four definitions."""

from __future__ import annotations

from typing import Any

from fastinit.guide.activations.activation import Activation, check_match
from fastinit.guide.activations.activation import activation as activation_of
from fastinit.initializers import gains


def gain(activation: Any, a: float | None = None, match: str = "torch") -> float:
    """Return the gain of an activation: std = gain / sqrt(fan) keeps the signal's scale.

    The definitions differ. With z standard normal,

    - "torch" is ``torch.nn.init.calculate_gain``, a table: linear and sigmoid 1, tanh 5/3, relu
      sqrt(2), leaky_relu sqrt(2 / (1 + a**2)), selu 3/4;
    - "forward" is 1 / sqrt(E f(z)^2), which keeps the second moment of activations;
    - "centered" is 1 / sqrt(E f(z)^2 - (E f(z))^2), which keeps their variance;
    - "backward" is 1 / sqrt(E f'(z)^2), which keeps the second moment of gradients.

    Gains by quadrature are rounded to 12 digits, so that they are the same on every machine.

    Args:
        activation: a name, or for all but "torch" also a function f of one number or what
            ``fastinit.activation`` returns. Gated units ("swiglu") have the gain of their gate.
        a: the parameter of an activation that has one, such as the negative slope of leaky_relu.
        match: "torch", "forward", "centered" or "backward".

    Raises:
        TypeError: ``activation`` is neither a name nor a function of one real number.
        ValueError: a name or ``match`` is not known, ``a`` is not allowed or not finite, or there
            is no such gain.

    Example:
        >>> import fastinit
        >>> fastinit.gain("leaky_relu", a=1.0)
        1.0
        >>> fastinit.gain("tanh"), fastinit.gain("tanh", match="forward")
        (1.6666666666666667, 1.59253741972)
        >>> fastinit.gain(lambda x: x * (x > 0), match="backward")
        1.41421356237
    """
    check_match(match)
    if match == "torch" and not isinstance(activation, Activation):
        return gains.torch_gain(activation, a, "activation")
    return activation_of(activation, a).gain(match)
