"""Initializers: what to draw. Small frozen objects that draw an array when they are called."""

from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions import Constant, Normal, TruncatedNormal, Uniform
from fastinit.initializers.orthogonal import DeltaOrthogonal, Orthogonal
from fastinit.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from fastinit.initializers.sparse import NM, Bernoulli, Sparse
from fastinit.initializers.structured import Dirac, Identity

__all__ = [
    "NM",
    "Bernoulli",
    "Constant",
    "DeltaOrthogonal",
    "Dirac",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Orthogonal",
    "Sparse",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
]
