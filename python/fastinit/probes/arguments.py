"""Checks of what probes are given, for all frameworks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fastinit.checks import shown, wrong_type

LOSSES = ("cross_entropy", "random")

_WAYS = (
    "a function of the model's output alone, such as lambda output: cross_entropy(output, "
    f"targets), or one of {', '.join(map(repr, LOSSES))}"
)


def takes(function: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
    """Return whether a function takes these arguments; True where its signature is not known."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def check_loss(loss: Any) -> None:
    """Check a function from a model's output to a scalar, or the name of one.

    Raises:
        TypeError: ``loss`` is neither, or a function of more than the output.
        ValueError: The name is not known.
    """
    if loss is None or (isinstance(loss, str) and loss in LOSSES):
        return
    if isinstance(loss, str):
        raise ValueError(f"loss={shown(loss)} is not known; pass {_WAYS}")
    if not callable(loss):
        raise wrong_type(loss, "loss", _WAYS)
    if not takes(getattr(loss, "forward", loss), object()):
        raise TypeError(f"loss={shown(loss)} takes more than one argument; pass {_WAYS}")
