"""fastinit: the initialization of neural networks, fast and bit-identical everywhere."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fastinit.cuda import cuda_status
from fastinit.digest import digest
from fastinit.functions import (
    bernoulli,
    constant,
    delta_orthogonal,
    dirac,
    eye,
    factorized,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    identity,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    lora,
    mask,
    n_m,
    normal,
    ones,
    orthogonal,
    sparse,
    truncated_normal,
    uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from fastinit.gains import gain
from fastinit.initializers import (
    NM,
    Bernoulli,
    Constant,
    DeltaOrthogonal,
    Dirac,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    Normal,
    Orthogonal,
    Sparse,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from fastinit.native import get_num_threads, info, set_num_threads
from fastinit.streams import STREAM_VERSION, seed

if TYPE_CHECKING:
    from fastinit.checkpoints.diff import diff
    from fastinit.checkpoints.read import load_plan
    from fastinit.checkpoints.verify import verify
    from fastinit.manifests import Manifest
    from fastinit.plan import Plan
    from fastinit.recipes.parameter import Parameter
    from fastinit.recipes.pattern import Regex
    from fastinit.recipes.recipe import Recipe, recipe, recipes
    from fastinit.recipes.rule import Rule
    from fastinit.recipes.scale import Axis, Layers, Scale, Setting

__all__ = [
    "NM",
    "STREAM_VERSION",
    "Axis",
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
    "Layers",
    "LecunNormal",
    "LecunUniform",
    "Manifest",
    "Normal",
    "Orthogonal",
    "Parameter",
    "Plan",
    "Recipe",
    "Regex",
    "Rule",
    "Scale",
    "Setting",
    "Sparse",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "bernoulli",
    "constant",
    "cuda_status",
    "delta_orthogonal",
    "diff",
    "digest",
    "dirac",
    "eye",
    "factorized",
    "gain",
    "get_num_threads",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "info",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "load_plan",
    "lora",
    "mask",
    "n_m",
    "normal",
    "ones",
    "orthogonal",
    "recipe",
    "recipes",
    "seed",
    "set_num_threads",
    "sparse",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "verify",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

# What whole models need, imported when it is first used: drawing an array does without.
_LAZY = {
    "Manifest": "manifests",
    "Plan": "plan",
    "Parameter": "recipes.parameter",
    "Regex": "recipes.pattern",
    "Recipe": "recipes.recipe",
    "recipe": "recipes.recipe",
    "recipes": "recipes.recipe",
    "Rule": "recipes.rule",
    "Axis": "recipes.scale",
    "Layers": "recipes.scale",
    "Scale": "recipes.scale",
    "Setting": "recipes.scale",
    "diff": "checkpoints",
    "load_plan": "checkpoints",
    "verify": "checkpoints",
}

# The function ``recipes`` has the name of its package, whose first import binds that name here.
# With that import done and the name removed, __getattr__ finds the function.
importlib.import_module("fastinit.recipes")
globals().pop("recipes", None)

_ADAPTERS = ("torch",)


def __getattr__(name: str) -> Any:
    """Import a public name, or an adapter to a framework, when it is first used."""
    if name in _ADAPTERS:
        return importlib.import_module(f"fastinit.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'fastinit' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"fastinit.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """All public names, those that are not imported yet among them."""
    return sorted(set(globals()) | set(__all__))
