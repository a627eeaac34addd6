"""Initializers: what to draw. Small frozen objects that draw an array when they are called."""

from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions import Constant, Normal, TruncatedNormal, Uniform
from fastinit.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
]
