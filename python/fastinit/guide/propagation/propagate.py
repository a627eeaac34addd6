"""Signals and gradients in networks of random weights, layer by layer, beside theory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastinit.checks import boolean, finite, not_negative, positive_integer, shown
from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import Activation
from fastinit.guide.activations.activation import activation as activation_of
from fastinit.guide.activations.elementwise import Array
from fastinit.guide.named import known_initializer
from fastinit.guide.propagation.network import Network
from fastinit.guide.propagation.propagation import Propagation
from fastinit.initializers import Normal


def propagate(
    activation: Any,
    initializer: Any,
    *,
    depth: int = 50,
    width: int = 512,
    widths: Sequence[int] | None = None,
    inputs: Any = None,
    sigma_b: float = 0.0,
    batch: int = 64,
    correlation: float = 0.5,
    jacobian: bool = False,
    seed: int | None = 0,
) -> Propagation:
    """Send inputs forward and gradients backward through a random network, and compare with theory.

    The network is z = W f(z) + b in each layer, f left out before the first. Weights are float32,
    drawn as ``initializer(shape, seed=seed, name="layers.1.weight")``.

    Args:
        activation: a name, a function or what ``fastinit.activation`` returns, or a list of these
            to compare; no gated unit.
        initializer: an initializer, a name such as "he_normal" or "orthogonal", or a list of these
            to compare.
        depth: the number of layers.
        width: the number of units of each, and of inputs.
        widths: the numbers of inputs and of the units of each layer, in place of the two.
        inputs: an array (inputs, features), whose rows 1 and 2, 3 and 4, ... are the pairs that
            are correlated; None for normal ones of variance 1.
        sigma_b: the standard deviation of biases.
        batch: the number of normal inputs.
        correlation: of normal inputs in pairs.
        jacobian: whether to compute singular values, which takes the longer part of the time.
        seed: of weights, biases and normal inputs.

    Returns:
        An object with ``profiles``: for each activation and initializer the growth per layer of
        signals and gradients with theory beside it, every layer, and verdicts in words. ``print``
        shows a table, ``plot()`` draws all of it with matplotlib, and ``html(path)`` writes a page.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument is out of range, or the initializer does not fit the widths.

    Example:
        >>> import fastinit
        >>> found = fastinit.propagate("relu", ["he_normal", "glorot_normal"], depth=20, width=256)
        >>> [round(profile.forward_theory, 3) for profile in found.profiles]
        [1.0, 0.5]
        >>> found.profiles[0].verdicts
        ()
    """
    acts = [_activation(each) for each in _listed(activation, "activation")]
    sizes = _sizes(depth, width, widths)
    signals = _inputs(inputs, sizes, batch, correlation, seed)
    if sizes[0] != signals.shape[1]:
        raise ValueError(
            f"inputs have {signals.shape[1]} features and widths begins with {sizes[0]}; make them "
            "equal"
        )
    spread = not_negative(sigma_b, "sigma_b")
    wanted = [known_initializer(each) for each in _listed(initializer, "initializer")]
    networks = [Network(act, each, sizes, spread, seed) for act in acts for each in wanted]
    is_asked = boolean(jacobian, "jacobian")
    return Propagation(tuple(each.profile(signals, is_asked) for each in networks))


def _listed(given: Any, what: str) -> list[Any]:
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    if not found:
        raise ValueError(f"{what} is an empty list; pass one or more")
    return found


def _activation(given: Any) -> Activation:
    act = activation_of(given)
    if act.is_gated:
        gate = functions.GATED.get(act.name)
        named = "" if gate is None else f", {gate!r}"
        raise ValueError(
            f"{act.name} is a gated unit, which has two weights per layer; pass the activation of "
            f"its gate{named}"
        )
    return act


def _sizes(depth: int, width: int, widths: Sequence[int] | None) -> tuple[int, ...]:
    if widths is None:
        return (positive_integer(width, "width"),) * (positive_integer(depth, "depth") + 1)
    if isinstance(widths, (str, bytes)) or not isinstance(widths, Sequence) or len(widths) < 2:
        raise ValueError(
            f"widths={shown(widths)} is not a list of two or more; pass the number of inputs and "
            "that of each layer's units"
        )
    return tuple(positive_integer(each, "widths") for each in widths)


def _inputs(
    given: Any, sizes: tuple[int, ...], batch: int, correlation: float, seed: int | None
) -> Array:
    if given is not None:
        found = np.asarray(given, dtype=np.float64)
        if found.ndim != 2 or len(found) < 2 or not np.isfinite(found).all():
            raise ValueError(
                f"inputs of shape {found.shape} are not two or more rows of finite numbers"
            )
        return found[: len(found) // 2 * 2]
    pairs = (positive_integer(batch, "batch") + 1) // 2
    c = finite(correlation, "correlation")
    if abs(c) > 1:
        raise ValueError(f"correlation={c} is not one; pass a number from -1 to 1")
    drawn = Normal()((2, pairs, sizes[0]), seed=seed, name="inputs", dtype="float64")
    drawn[1] = c * drawn[0] + math.sqrt(1 - c * c) * drawn[1]
    found = drawn.transpose(1, 0, 2).reshape(2 * pairs, sizes[0])
    return np.ascontiguousarray(found)
