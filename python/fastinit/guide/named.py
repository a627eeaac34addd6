"""Initializers by name."""

from __future__ import annotations

import difflib
from typing import Any

from fastinit.checks import shown
from fastinit.initializers import Initializer, VarianceScaling
from fastinit.initializers.presets import PRESETS

# What torch.nn.Linear and convolutions draw: kaiming_uniform_ with a = sqrt(5).
_TORCH = VarianceScaling(scale=1 / 3, distribution="uniform")


def initializer_of(given: Any) -> Initializer:
    """Return an initializer, or that of a name: "he_normal", "orthogonal", "zeros", "torch".

    Raises:
        TypeError: ``given`` is neither.
        ValueError: the name is not known; the message names the nearest.

    Example:
        >>> from fastinit.guide.named import initializer_of
        >>> initializer_of("orthogonal")
        Orthogonal()
    """
    if isinstance(given, Initializer):
        return given
    if not isinstance(given, str):
        raise TypeError(
            f"initializer={shown(given)} is a {type(given).__name__}; pass an initializer, as "
            "HeNormal(), or its name, as 'he_normal'"
        )
    known: dict[str, dict[str, Any]] = {
        **{name: {"type": kind.__name__} for name, kind in PRESETS.items()},
        "normal": {"type": "Normal"},
        "uniform": {"type": "Uniform"},
        "orthogonal": {"type": "Orthogonal"},
        "identity": {"type": "Identity"},
        "zeros": {"type": "Constant", "value": 0},
        "ones": {"type": "Constant", "value": 1},
        "torch": _TORCH.to_dict(),
    }
    if given not in known:
        close = difflib.get_close_matches(given, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(
            f"initializer={shown(given)} is not known; {hint}known are {', '.join(known)}; or pass "
            "an initializer, as Normal(std=0.02)"
        )
    return Initializer.from_dict(known[given])
