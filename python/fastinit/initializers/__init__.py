"""Initializers: one file per family, with its objects and its functions."""

from typing import Any

import fastinit.initializers.bernoulli as _bernoulli
import fastinit.initializers.constant as _constant
import fastinit.initializers.factors as _factors
import fastinit.initializers.identity as _identity
import fastinit.initializers.normal as _normal
import fastinit.initializers.orthogonal as _orthogonal
import fastinit.initializers.presets as _presets
import fastinit.initializers.sparse as _sparse
import fastinit.initializers.truncated_normal as _truncated_normal
import fastinit.initializers.uniform as _uniform
import fastinit.initializers.variance_scaling as _variance_scaling
from fastinit.initializers import later as _later
from fastinit.initializers.base import Initializer
from fastinit.initializers.bernoulli import *
from fastinit.initializers.constant import *
from fastinit.initializers.factors import *
from fastinit.initializers.identity import *
from fastinit.initializers.normal import *
from fastinit.initializers.orthogonal import *
from fastinit.initializers.presets import *
from fastinit.initializers.sparse import *
from fastinit.initializers.truncated_normal import *
from fastinit.initializers.uniform import *
from fastinit.initializers.variance_scaling import *

__all__ = ["Initializer"]
__all__ += _bernoulli.__all__
__all__ += _constant.__all__
__all__ += _factors.__all__
__all__ += _identity.__all__
__all__ += _normal.__all__
__all__ += _orthogonal.__all__
__all__ += _presets.__all__
__all__ += _sparse.__all__
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
