"""fastinit for JAX: ``import fastinit.jax as init`` replaces ``from jax.nn import initializers``.

It has every initializer of jax.nn.initializers, with the same name and arguments; names that
fastinit does not define are jax.nn.initializers'. ``initializer`` brings all others of fastinit.
``sharded`` draws arrays that lie on several devices, and ``init_tree`` whole models.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

try:
    from jax.nn import initializers as _jaxs
except ImportError as error:
    raise ImportError(
        f"fastinit.jax needs JAX ({error}); pip install 'fastinit-nn[jax]'"
    ) from error

from jax.nn.initializers import constant, ones, zeros

from fastinit.jax.base import Initializer
from fastinit.jax.initializers import (
    delta_orthogonal,
    fan_in_uniform,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    initializer,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    orthogonal,
    siren_uniform,
    truncated_normal,
    uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
)
from fastinit.jax.sharding import sharded
from fastinit.jax.targets import FFI_TARGETS, registered
from fastinit.jax.trees import init_tree
from fastinit.missing_names import missing as _missing
from fastinit.package import check_package

if TYPE_CHECKING:
    from fastinit.jax.guide.recommend import recommend_recipe
    from fastinit.jax.probing.probe import probe

__all__ = [
    "FFI_TARGETS",
    "Initializer",
    "constant",
    "delta_orthogonal",
    "fan_in_uniform",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "init_tree",
    "initializer",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "probe",
    "recommend_recipe",
    "sharded",
    "siren_uniform",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

check_package()
registered()  # for programs that are read from files


# Imported on first use: initializers do not need these modules.
_LAZY = {
    "probe": "fastinit.jax.probing.probe",
    "recommend_recipe": "fastinit.jax.guide.recommend",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    if name.startswith("__") or not hasattr(_jaxs, name):
        raise _missing("fastinit.jax", name, __dir__(), {"init": "init_tree", "init_": "init_tree"})
    return getattr(_jaxs, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in dir(_jaxs) if not name.startswith("_"))})
