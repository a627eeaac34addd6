"""fastinit for PyTorch: ``import fastinit.torch as init`` replaces ``from torch.nn import init``.

Every function of torch.nn.init, under the same name and with the same arguments, plus ``seed=``
and ``name=``; with ``seed=`` they fill a DTensor too, each process its own part of the whole. Any
name that is not ours is torch.nn.init's. Beside them, whole modules: ``init_``, ``materialize_``
and ``lsuv_``, and ``fill_shard_`` for parts of tensors that no process holds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

try:
    from torch.nn import init as _torchs
except ImportError as error:
    raise ImportError(
        f"fastinit.torch needs PyTorch ({error}); pip install 'fastinit[torch]'"
    ) from error

from torch.nn.init import calculate_gain, eye, eye_

from fastinit.torch.acceleration.context import accelerate
from fastinit.torch.nn_init.deprecated import (
    constant,
    dirac,
    kaiming_normal,
    kaiming_uniform,
    normal,
    orthogonal,
    sparse,
    uniform,
    xavier_normal,
    xavier_uniform,
)
from fastinit.torch.shards.batch import drawn_elements, fill_shard_
from fastinit.torch.nn_init.distributions import (
    constant_,
    normal_,
    ones_,
    trunc_normal_,
    uniform_,
    zeros_,
)
from fastinit.torch.nn_init.variance_scaling import (
    kaiming_normal_,
    kaiming_uniform_,
    xavier_normal_,
    xavier_uniform_,
)
from fastinit.torch.nn_init.structured import dirac_, orthogonal_, sparse_

if TYPE_CHECKING:
    from fastinit.torch.lsuv.lsuv import LsuvReport, LsuvRow, lsuv_
    from fastinit.torch.modules.materialize import materialize_
    from fastinit.torch.modules.init import init_

__all__ = [
    "LsuvReport",
    "LsuvRow",
    "accelerate",
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "drawn_elements",
    "eye",
    "eye_",
    "fill_shard_",
    "init_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lsuv_",
    "materialize_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]


# What whole modules need, imported when it is first used: filling a tensor does without.
_LAZY = {
    "LsuvReport": "lsuv.lsuv",
    "LsuvRow": "lsuv.lsuv",
    "init_": "modules.init",
    "lsuv_": "lsuv.lsuv",
    "materialize_": "modules.materialize",
}


def __getattr__(name: str) -> Any:
    """What is imported when it is first used; any other name is torch.nn.init's."""
    if name in _LAZY:
        value = getattr(importlib.import_module(f"fastinit.torch.{_LAZY[name]}"), name)
        globals()[name] = value
        return value
    if name.startswith("__") or not hasattr(_torchs, name):
        raise AttributeError(f"module 'fastinit.torch' has no attribute {name!r}")
    return getattr(_torchs, name)


def __dir__() -> list[str]:
    """Ours and torch.nn.init's names."""
    return sorted(set(globals()) | set(__all__) | set(dir(_torchs)))
