"""fastinit: the initialization of neural networks, fast and bit-identical everywhere."""

from __future__ import annotations

import importlib
from typing import Any

import fastinit.initializers as _initializers
from fastinit import package as _package
from fastinit.arrays.digest import digest
from fastinit.arrays.dlpack import to_dlpack
from fastinit.missing_names import missing as _missing
from fastinit.native.cpu import get_num_threads, set_num_threads
from fastinit.native.cuda import cuda_status
from fastinit.native.info import info
from fastinit.process_seed import seed
from fastinit.repeated_streams import RepeatedStreamWarning
from fastinit.streams import STREAM_VERSION, Stream

__all__ = [
    "STREAM_VERSION",
    "Manifest",
    "Parameter",
    "Plan",
    "Recipe",
    "RepeatedStreamWarning",
    "Rule",
    "Stream",
    "activation",
    "cuda_status",
    "describe",
    "diff",
    "digest",
    "erk",
    "fixup",
    "gain",
    "get_num_threads",
    "hanin_rolnick",
    "info",
    "list_models",
    "list_recipes",
    "load_plan",
    "propagate",
    "recipe",
    "recommend",
    "recommend_recipe",
    "resize_vocabulary",
    "seed",
    "set_num_threads",
    "sparse_recipe",
    "to_dlpack",
    "transfer",
    "upcycle",
    "verify",
]
__all__ += _initializers.__all__
globals().update(
    {name: vars(_initializers)[name] for name in __all__ if name in vars(_initializers)}
)

# What whole models need, imported when it is first used: drawing an array does without.
_LAZY = {
    "Manifest": "manifests",
    "Plan": "plans.plan",
    "Parameter": "recipes",
    "Recipe": "recipes",
    "Rule": "recipes",
    "erk": "recipes.budgets",
    "fixup": "recipes.depth",
    "hanin_rolnick": "recipes.depth",
    "activation": "guide.activations.activation",
    "describe": "guide.describe",
    "gain": "guide.activations.gain",
    "list_models": "manifests",
    "list_recipes": "recipes",
    "recipe": "recipes",
    "propagate": "guide.propagation.propagate",
    "recommend": "guide.recommend",
    "recommend_recipe": "guide.models.recommend_recipe",
    "diff": "checkpoints",
    "load_plan": "plans.files",
    "resize_vocabulary": "plans.transfer",
    "sparse_recipe": "plans.sparse_recipe",
    "transfer": "plans.transfer",
    "upcycle": "plans.transfer",
    "verify": "plans.files",
}

_ADAPTERS = ("jax", "keras", "torch")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _package.version()
    if name in _ADAPTERS:
        return importlib.import_module(f"fastinit.{name}")
    if name in _initializers.__all__:
        value = getattr(_initializers, name)
    elif name in _LAZY:
        value = getattr(importlib.import_module(f"fastinit.{_LAZY[name]}"), name)
    else:
        raise _missing("fastinit", name, __dir__())
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    # Adapters are listed once they are imported: help() reads every name that it finds here.
    return sorted({"__version__", *__all__, *(name for name in _ADAPTERS if name in globals())})
