"""Initializers by name."""

from __future__ import annotations

from typing import Any

from fastinit.checks import shown, type_of
from fastinit.initializers import Constant, Initializer, VarianceScaling
from fastinit.initializers.named import named
from fastinit.plans.explanation import short

# What torch.nn.Linear and convolutions draw: kaiming_uniform_ with a = sqrt(5).
_TORCH = VarianceScaling(scale=1 / 3, distribution="uniform")
_CALLED = {_TORCH: "torch's default", Constant(0): "zeros"}


def title_of(initializer: Initializer) -> str:
    """Return what tables and charts call an initializer.

    Example:
        >>> from fastinit.guide.named import known_initializer, title_of
        >>> title_of(known_initializer("he_normal")), title_of(known_initializer("torch"))
        ('HeNormal()', "torch's default")
    """
    return _CALLED.get(initializer) or short(initializer.to_dict())


def known_initializer(given: Any) -> Initializer:
    """Return an initializer, or that of a name: "he_normal", "orthogonal", "zeros", "torch".

    Raises:
        TypeError: ``given`` is neither.
        ValueError: the name is not known.

    Example:
        >>> from fastinit.guide.named import known_initializer
        >>> known_initializer("orthogonal")
        Orthogonal()
    """
    if isinstance(given, Initializer):
        return given
    if not isinstance(given, str):
        raise TypeError(
            f"initializer={shown(given)} is {type_of(given)}; pass an initializer, as "
            "HeNormal(), or its name, as 'he_normal'"
        )
    return _TORCH if given == "torch" else named(given, "initializer")
