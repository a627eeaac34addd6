"""Activations and their slopes in mpmath, written from their definitions, and closed forms."""

import math
from collections.abc import Callable
from typing import Any

import mpmath  # type: ignore[import-untyped]
from mpmath import mp, mpf

_A, _S = mpf("1.6732632423543772848170429916717"), mpf("1.0507009873554804934193349852946")


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def _mish_slope(x: Any) -> Any:
    inner = mp.tanh(_softplus(x))
    return inner + x * (1 - inner**2) * _sigmoid(x)


def _gelu_tanh_slope(x: Any) -> Any:
    k = mp.sqrt(2 / mp.pi)
    inner = mp.tanh(k * (x + mpf("0.044715") * x**3))
    return (1 + inner) / 2 + x / 2 * (1 - inner**2) * k * (1 + 3 * mpf("0.044715") * x**2)


def _inside(x: Any) -> Any:
    return mpf(-1 < x < 1)


Pair = tuple[Callable[[Any], Any], Callable[[Any], Any], tuple[float, ...]]

# Name -> (f, f', kinks).
REFERENCES: dict[str, Pair] = {
    "tanh": (mp.tanh, lambda x: 1 - mp.tanh(x) ** 2, ()),
    "lecun_tanh": (
        lambda x: mpf("1.7159") * mp.tanh(2 * x / 3),
        lambda x: mpf("1.7159") * 2 / 3 * (1 - mp.tanh(2 * x / 3) ** 2),
        (),
    ),
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x), ()),
    "log_sigmoid": (lambda x: -_softplus(-x), lambda x: _sigmoid(-x), ()),
    "softplus": (_softplus, _sigmoid, ()),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, (0,)),
    "arctan": (mp.atan, lambda x: 1 / (1 + x**2), ()),
    "relu6": (lambda x: min(max(x, 0), 6), lambda x: mpf(0 < x < 6), (0, 6)),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), lambda x: 1 if x > 0 else mp.exp(x), (0,)),
    "selu": (
        lambda x: _S * (x if x > 0 else _A * mp.expm1(x)),
        lambda x: _S * (1 if x > 0 else _A * mp.exp(x)),
        (0,),
    ),
    "gelu": (lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x), ()),
    "gelu_tanh": (
        lambda x: x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3))),
        _gelu_tanh_slope,
        (),
    ),
    "quick_gelu": (
        lambda x: x * _sigmoid(mpf("1.702") * x),
        lambda x: _sigmoid(mpf("1.702") * x) * (1 + mpf("1.702") * x * _sigmoid(-mpf("1.702") * x)),
        (),
    ),
    "silu": (
        lambda x: x * _sigmoid(x),
        lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x)),
        (),
    ),
    "mish": (lambda x: x * mp.tanh(_softplus(x)), _mish_slope, ()),
    "hard_swish": (
        lambda x: x * min(max(x + 3, 0), 6) / 6,
        lambda x: (2 * x + 3) / 6 if -3 < x < 3 else mpf(x > 0),
        (-3, 3),
    ),
    "hard_sigmoid": (
        lambda x: min(max(x + 3, 0), 6) / mpf(6),
        lambda x: mpf(-3 < x < 3) / 6,
        (-3, 3),
    ),
    "hard_tanh": (lambda x: min(max(x, -1), 1), _inside, (-1, 1)),
    "tanh_shrink": (lambda x: x - mp.tanh(x), lambda x: mp.tanh(x) ** 2, ()),
    "soft_shrink": (
        lambda x: mp.sign(x) * max(abs(x) - mpf("0.5"), 0),
        lambda x: mpf(abs(x) > mpf("0.5")),
        (-0.5, 0.5),
    ),
    "gaussian": (lambda x: mp.exp(-(x**2)), lambda x: -2 * x * mp.exp(-(x**2)), ()),
}


def moments(name: str) -> tuple[float, float, float]:
    """E f, E f^2 and E f'^2 to 15 digits."""
    function, slope, kinks = REFERENCES[name]
    ends = sorted([-12, -6, -2, 2, 6, 12, *kinks])
    with mpmath.workdps(18):
        weighted = (
            lambda x: function(x) * mp.npdf(x),
            lambda x: function(x) ** 2 * mp.npdf(x),
            lambda x: slope(x) ** 2 * mp.npdf(x),
        )
        first, second, slopes = (float(mp.quad(each, ends, maxdegree=5)) for each in weighted)
    return first, second, slopes


_HALF = math.exp(-0.5)

# (name, a) -> (E f, E f^2, E f'^2) in closed form.
CLOSED: dict[tuple[str, float | None], tuple[float, float, float]] = {
    ("linear", None): (0.0, 1.0, 1.0),
    ("relu", None): (1 / math.sqrt(2 * math.pi), 0.5, 0.5),
    ("leaky_relu", None): (0.99 / math.sqrt(2 * math.pi), (1 + 1e-4) / 2, (1 + 1e-4) / 2),
    ("leaky_relu", -0.7): (1.7 / math.sqrt(2 * math.pi), 1.49 / 2, 1.49 / 2),
    ("prelu", 0.5): (0.5 / math.sqrt(2 * math.pi), 1.25 / 2, 1.25 / 2),
    ("relu_squared", None): (0.5, 1.5, 2.0),
    ("abs", None): (math.sqrt(2 / math.pi), 1.0, 1.0),
    ("step", None): (0.5, 0.5, math.inf),
    ("sign", None): (0.0, 1.0, math.inf),
    ("erf", None): (0.0, 2 / math.pi * math.asin(2 / 3), 4 / (math.pi * math.sqrt(5))),
    ("sin", None): (0.0, (1 - _HALF**4) / 2, (1 + _HALF**4) / 2),
    ("cos", None): (_HALF, (1 + _HALF**4) / 2, (1 - _HALF**4) / 2),
    ("exp", None): (math.exp(0.5), math.exp(2), math.exp(2)),
    ("gaussian", None): (1 / math.sqrt(3), 1 / math.sqrt(5), 4 / 5**1.5),
    ("bilinear", None): (0.0, 1.0, 2.0),
    ("reglu", None): (0.0, 0.5, 1.0),
}
