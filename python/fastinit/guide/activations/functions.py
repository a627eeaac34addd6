"""The activations that have names, as functions of float64 arrays."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastinit.checks import finite, shown, type_of
from fastinit.guide.activations.elementwise import Array, Function

# The constants of Klambauer et al. 2017 (arXiv 1706.02515): E f = 0 and E f^2 = 1.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

_erf = np.frompyfunc(math.erf, 1, 1)


def erf(x: Array) -> Array:
    """Return the error function of each element."""
    found: Array = np.asarray(_erf(x), dtype=np.float64)
    return found


def _sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def _softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))


def _gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def _celu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0) / alpha))


def _leaky_relu(x: Array, slope: float) -> Array:
    return np.where(x > 0, x, slope * x)


def _hard_sigmoid(x: Array) -> Array:
    return np.clip(x / 6.0 + 0.5, 0.0, 1.0)


_FUNCTIONS: dict[str, Function] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "relu_squared": lambda x: np.maximum(x, 0.0) ** 2,
    "abs": np.abs,
    "step": lambda x: np.heaviside(x, 0.5),
    "sign": np.sign,
    "tanh": np.tanh,
    "lecun_tanh": lambda x: 1.7159 * np.tanh(2.0 / 3.0 * x),
    "sigmoid": _sigmoid,
    "log_sigmoid": lambda x: -_softplus(-x),
    "softplus": _softplus,
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "arctan": np.arctan,
    "erf": erf,
    "selu": lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "quick_gelu": lambda x: x * _sigmoid(1.702 * x),
    "silu": lambda x: x * _sigmoid(x),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "hard_sigmoid": _hard_sigmoid,
    "hard_tanh": lambda x: np.clip(x, -1.0, 1.0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0.0),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0.0),
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "gaussian": lambda x: np.exp(-(x**2)),
}

# Those with a parameter: its default, torch's; what it is; and a function of x and the parameter.
_PARAMETRIC: dict[str, tuple[float, str, Callable[[Array, float], Array]]] = {
    "leaky_relu": (0.01, "negative slope", _leaky_relu),
    "prelu": (0.25, "negative slope", _leaky_relu),
    "rrelu": (11 / 48, "mean negative slope", _leaky_relu),
    "elu": (1.0, "alpha", _elu),
    "celu": (1.0, "alpha", _celu),
}

# Gated units (Shazeer 2020, arXiv 2002.05202), f(u) v, by the activation of the gate u.
GATED = {
    "glu": "sigmoid",
    "bilinear": "linear",
    "reglu": "relu",
    "geglu": "gelu",
    "geglu_tanh": "gelu_tanh",
    "swiglu": "silu",
}

# Other names: those of torch, Keras, JAX and transformers, as ``_key`` writes them.
_ALIASES = {
    "identity": "linear",
    "none": "linear",
    "conv1d": "linear",
    "conv2d": "linear",
    "conv3d": "linear",
    "convtranspose1d": "linear",
    "convtranspose2d": "linear",
    "convtranspose3d": "linear",
    "relu2": "relu_squared",
    "squaredrelu": "relu_squared",
    "leakyrelu": "leaky_relu",
    "swish": "silu",
    "gelunew": "gelu_tanh",
    "newgelu": "gelu_tanh",
    "gelupython": "gelu",
    "fastgelu": "gelu_tanh",
    "pytorchgelutanh": "gelu_tanh",
    "gelufast": "gelu_tanh",
    "gelupytorchtanh": "gelu_tanh",
    "heaviside": "step",
    "logistic": "sigmoid",
    "atan": "arctan",
    "sine": "sin",
    "absolute": "abs",
}


def _key(name: str) -> str:
    """Return a name without what libraries write differently in it."""
    key = "".join(each for each in name.casefold() if each.isalnum())
    return key.removesuffix("activation")


_BY_KEY = {_key(each): each for each in (*_FUNCTIONS, *_PARAMETRIC, *GATED)} | _ALIASES


def names() -> list[str]:
    """Return the names of all activations, gated units last."""
    return [*_FUNCTIONS, *_PARAMETRIC, *GATED]


def find(name: str) -> str | None:
    """Return the name under which an activation is listed here, or None.

    Example:
        >>> from fastinit.guide.activations.functions import find
        >>> find("LeakyReLU"), find("swish"), find("softmax")
        ('leaky_relu', 'silu', None)
    """
    return _BY_KEY.get(_key(name))


def canonical(name: Any) -> str:
    """Return the name under which an activation is listed here.

    Raises:
        TypeError: ``name`` is not a string.
        ValueError: it is not known; the message names the nearest.
    """
    if not isinstance(name, str):
        raise TypeError(f"activation={shown(name)} is {type_of(name)}; pass a name")
    found = find(name)
    if found is None:
        close = difflib.get_close_matches(_key(name), _BY_KEY, n=1)
        hint = f"did you mean {_BY_KEY[close[0]]!r}? " if close else ""
        raise ValueError(
            f"activation {shown(name)} is not known; {hint}known are {', '.join(names())}; "
            "or pass a function"
        )
    return found


def function_of(name: str, a: Any = None) -> tuple[Function, float | None]:
    """Return the function of a listed name, the gate's if that is a gated unit, and its parameter.

    Raises:
        TypeError: ``a`` is not a number.
        ValueError: ``a`` for an activation without a parameter, or not finite; 0 for celu.
    """
    gate = GATED.get(name, name)
    if gate not in _PARAMETRIC:
        if a is not None:
            raise ValueError(
                f"a={shown(a)} means nothing for {name!r}; only {', '.join(_PARAMETRIC)} have a "
                "parameter: leave a out"
            )
        return _FUNCTIONS[gate], None
    default, _, function = _PARAMETRIC[gate]
    number = default if a is None else finite(a, "a")
    if gate == "celu" and number == 0:
        raise ValueError("a=0 divides by zero in celu; pass another number")
    return lambda x: function(x, number), number
