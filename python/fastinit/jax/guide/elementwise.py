"""The primitives that act on each element alone, as functions of NumPy's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastinit.guide.activations import functions
from fastinit.native.arithmetic import in_default_arithmetic

SUMS = ("add", "add_any")
COPIES = ("convert_element_type", "copy", "copy_p", "stop_gradient", "reduce_precision")
"""Primitives that give what they take."""

_sigmoid, _ = functions.function_of("sigmoid")
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "rem": np.fmod,
    "max": np.maximum,
    "min": np.minimum,
    "pow": np.power,
    "neg": np.negative,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "logistic": _sigmoid,
    "erf": functions.erf,
    "erfc": lambda x: 1.0 - functions.erf(x),
    "sin": np.sin,
    "cos": np.cos,
    "atan": np.arctan,
    "square": np.square,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1.0 / np.sqrt(x),
    "abs": np.abs,
    "sign": np.sign,
    "eq": np.equal,
    "ne": np.not_equal,
    "ge": np.greater_equal,
    "gt": np.greater,
    "le": np.less_equal,
    "lt": np.less,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "is_finite": np.isfinite,
    "select_n": lambda which, *cases: np.where(which, cases[-1], cases[0]),
    "clamp": lambda low, x, high: np.clip(x, low, high),
}


def is_elementwise(name: str) -> bool:
    """Return whether a primitive acts on each element alone."""
    return name in _FUNCTIONS or name in COPIES or name == "integer_pow"


@in_default_arithmetic
def applied(name: str, params: dict[str, Any], values: list[Any]) -> Any:
    """Return what a primitive makes of arrays or numbers."""
    with np.errstate(all="ignore"):
        if name in COPIES:
            return values[0]
        if name == "integer_pow":
            return np.asarray(values[0], np.float64) ** params["y"]
        return _FUNCTIONS[name](*values)
