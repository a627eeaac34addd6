"""fastinit for PyTorch: ``import fastinit.torch as init`` replaces ``from torch.nn import init``.

Every function of torch.nn.init, under the same name and with the same arguments, plus ``seed=``
and ``name=``. Any name that is not ours is torch.nn.init's.
"""

from __future__ import annotations

from typing import Any

try:
    from torch.nn import init as _torchs
except ImportError as error:
    raise ImportError(
        f"fastinit.torch needs PyTorch ({error}); pip install 'fastinit[torch]'"
    ) from error

from torch.nn.init import calculate_gain, eye, eye_, orthogonal, orthogonal_, sparse, sparse_

from fastinit.torch.aliases import (
    constant,
    dirac,
    kaiming_normal,
    kaiming_uniform,
    normal,
    uniform,
    xavier_normal,
    xavier_uniform,
)
from fastinit.torch.distributions import (
    constant_,
    normal_,
    ones_,
    trunc_normal_,
    uniform_,
    zeros_,
)
from fastinit.torch.scaling import (
    kaiming_normal_,
    kaiming_uniform_,
    xavier_normal_,
    xavier_uniform_,
)
from fastinit.torch.structured import dirac_

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
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


def __getattr__(name: str) -> Any:
    """Any other name is torch.nn.init's."""
    if name.startswith("__") or not hasattr(_torchs, name):
        raise AttributeError(f"module 'fastinit.torch' has no attribute {name!r}")
    return getattr(_torchs, name)


def __dir__() -> list[str]:
    """Ours and torch.nn.init's names."""
    return sorted(set(globals()) | set(dir(_torchs)))
