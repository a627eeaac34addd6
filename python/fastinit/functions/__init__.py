"""The functions: each draws one array through the initializer object of the same name."""

from fastinit.functions.distributions import (
    constant,
    normal,
    ones,
    truncated_normal,
    uniform,
    zeros,
)
from fastinit.functions.factors import factorized, lora
from fastinit.functions.masked import bernoulli, mask, n_m, sparse
from fastinit.functions.orthogonal import delta_orthogonal, orthogonal
from fastinit.functions.scaling import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
)
from fastinit.functions.structured import dirac, eye, identity

__all__ = [
    "bernoulli",
    "constant",
    "delta_orthogonal",
    "dirac",
    "eye",
    "factorized",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "lora",
    "mask",
    "n_m",
    "normal",
    "ones",
    "orthogonal",
    "sparse",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
