"""Initializers that a framework calls as its own, although they are not: what to write instead.

Keras calls its initializers with a shape and ``dtype=``, JAX with a key first, haiku with a shape
and a dtype, and programs of torch call functions of tensors and modules.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
Result = TypeVar("Result")

# The functions that the adapters to JAX and Keras both have, and the classes of Keras.
_CLASSES = {
    "delta_orthogonal": "DeltaOrthogonal",
    "fan_in_uniform": "FanInUniform",
    "glorot_normal": "GlorotNormal",
    "glorot_uniform": "GlorotUniform",
    "he_normal": "HeNormal",
    "he_uniform": "HeUniform",
    "kaiming_normal": "HeNormal",
    "kaiming_uniform": "HeUniform",
    "lecun_normal": "LecunNormal",
    "lecun_uniform": "LecunUniform",
    "normal": "RandomNormal",
    "orthogonal": "Orthogonal",
    "siren_uniform": "SirenUniform",
    "truncated_normal": "TruncatedNormal",
    "uniform": "RandomUniform",
    "variance_scaling": "VarianceScaling",
    "xavier_normal": "GlorotNormal",
    "xavier_uniform": "GlorotUniform",
}
_FUNCTIONS = {cls.lower(): name for name, cls in _CLASSES.items()}
_FUNCTIONS |= {name.replace("_", ""): name for name in _CLASSES}
_SCALED_BY_HAND = ("normal", "truncated_normal", "uniform", "variance_scaling")
_IN_BETWEEN = ("fastinit", "jax")  # Keras draws sharded weights in programs of JAX


def caller_of(arguments: Sequence[Any]) -> str | None:
    """Return the framework that calls an initializer with these arguments; None for a program.

    Args:
        arguments: Those that are given by position.

    Returns:
        "keras", "jax", "haiku", "torch" for a tensor, "torch.nn" for a module, or None.
    """
    first = arguments[0] if arguments else None
    if _is_key(first):
        return "jax"
    if torch := sys.modules.get("torch"):
        if isinstance(first, torch.nn.Module):
            return "torch.nn"
        if isinstance(first, torch.Tensor) and first.ndim:
            return "torch"
    if is_called_by_keras():
        return "keras"
    is_shape = isinstance(first, (tuple, list)) and all(isinstance(each, int) for each in first)
    if is_shape and len(arguments) == 2 and isinstance(arguments[1], (type, np.dtype)):
        return "haiku"
    return None


def is_called_by_keras() -> bool:
    """Return whether a layer or a variable of Keras calls the initializer itself."""
    if "keras" not in sys.modules:
        return False
    frame = sys._getframe(1)
    while frame.f_back is not None and _package_of(frame) in _IN_BETWEEN:
        frame = frame.f_back
    return _package_of(frame) == "keras"


def remedy(caller: str | None, name: str) -> str | None:
    """Return what is wrong with an initializer that a framework calls, and what to write.

    Args:
        caller: As ``caller_of`` returns it.
        name: That of a function or a class of initializers.
    """
    function = _FUNCTIONS.get(name.replace("_", "").lower())
    if function is None:
        core = name if name[:1].isupper() else name.title().replace("_", "")
        of_jax, of_keras = f"initializer(fastinit.{core}(...))", f"Adapted(fastinit.{core}(...))"
    else:
        arguments = "(...)" if function in _SCALED_BY_HAND else "()"
        of_jax, of_keras = function + arguments, _CLASSES[function] + arguments
    return {
        "jax": f"the first argument is a key of JAX: write fastinit.jax.{of_jax}, which is called "
        "with (key, shape)",
        "haiku": "a shape and a dtype are what haiku gives: write lambda shape, dtype: "
        f"fastinit.jax.{of_jax}(hk.next_rng_key(), shape, dtype)",
        "keras": f"Keras calls it, whose layers take fastinit.keras.{of_keras}",
        "torch": "the first argument is a tensor, which the functions of fastinit.torch fill",
        "torch.nn": "the first argument is a module, which fastinit.torch.init_(module) draws",
    }.get(caller or "")


def explained(own: str) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Return a decorator for ``__call__`` of a framework's initializers, whose errors name others.

    Args:
        own: The framework, as ``caller_of`` returns it.
    """

    def decorate(call: Callable[P, Result]) -> Callable[P, Result]:
        @functools.wraps(call)
        def called(*args: P.args, **kwargs: P.kwargs) -> Result:
            try:
                return call(*args, **kwargs)
            except (TypeError, ValueError) as error:
                name = repr(args[0]).removeprefix("initializer(").partition("(")[0]
                caller = caller_of(args[1:])
                meant = None if caller == own else remedy(caller, name)
                if meant is None:
                    raise
                raise TypeError(f"{args[0]}: {meant}") from error

        return called

    return decorate


def _package_of(frame: Any) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_key(value: Any) -> bool:
    jax = sys.modules.get("jax")
    if jax is None or not isinstance(value, jax.Array):
        return False
    is_raw = value.dtype == "uint32" and value.ndim == 1 and value.shape[0] in (2, 4)
    return bool(is_raw or jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key))
