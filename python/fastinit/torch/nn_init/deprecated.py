"""The names of torch.nn.init without an underscore, which torch has deprecated."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fastinit.torch.nn_init.constants import constant_
from fastinit.torch.nn_init.dirac import dirac_
from fastinit.torch.nn_init.distributions import normal_, uniform_
from fastinit.torch.nn_init.orthogonal import orthogonal_
from fastinit.torch.nn_init.sparse import sparse_
from fastinit.torch.nn_init.variance_scaling import (
    kaiming_normal_,
    kaiming_uniform_,
    xavier_normal_,
    xavier_uniform_,
)

P = ParamSpec("P")
R = TypeVar("R")


def _deprecated(function: Callable[P, R]) -> Callable[P, R]:
    name = function.__name__.removesuffix("_")
    message = f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`."  # torch's words

    @functools.wraps(function)
    def alias(*args: P.args, **kwargs: P.kwargs) -> R:
        warnings.warn(message, FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    alias.__name__ = alias.__qualname__ = name
    alias.__doc__ = f"Call ``{name}_``, in favor of which torch has deprecated this name."
    return alias


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
dirac = _deprecated(dirac_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
