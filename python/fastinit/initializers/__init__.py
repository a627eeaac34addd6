"""Initializers: one file per family, with its objects and its functions."""

from typing import Any

import fastinit.initializers.distributions.constant as _constant
import fastinit.initializers.distributions.normal as _normal
import fastinit.initializers.distributions.presets as _presets
import fastinit.initializers.distributions.truncated_normal as _truncated_normal
import fastinit.initializers.distributions.uniform as _uniform
import fastinit.initializers.distributions.variance_scaling as _variance_scaling
from fastinit.initializers import later as _later
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions.constant import *
from fastinit.initializers.distributions.normal import *
from fastinit.initializers.distributions.presets import *
from fastinit.initializers.distributions.truncated_normal import *
from fastinit.initializers.distributions.uniform import *
from fastinit.initializers.distributions.variance_scaling import *

__all__ = ["Initializer"]
__all__ += _constant.__all__
__all__ += _normal.__all__
__all__ += _presets.__all__
__all__ += _truncated_normal.__all__
__all__ += _uniform.__all__
__all__ += _variance_scaling.__all__
__all__ += [name for names in _later.PUBLIC.values() for name in names]


def __getattr__(name: str) -> Any:
    if name not in _later.FILES or name not in __all__:
        raise AttributeError(f"module 'fastinit.initializers' has no attribute {name!r}")
    value = getattr(_later.imported(name), name)
    globals()[name] = value
    return value
