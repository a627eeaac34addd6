"""The names of torch.nn.init without an underscore, which torch has deprecated."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fastinit.torch.nn_init import distributions, structured
from fastinit.torch.nn_init import variance_scaling as scaling

P = ParamSpec("P")
R = TypeVar("R")


def _deprecated(function: Callable[P, R]) -> Callable[P, R]:
    name = function.__name__.removesuffix("_")
    message = f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`."  # torch's words

    def alias(*args: P.args, **kwargs: P.kwargs) -> R:
        warnings.warn(message, FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    alias.__name__ = alias.__qualname__ = name
    alias.__doc__ = f"Call ``{name}_``, in favor of which torch has deprecated this name."
    return alias


uniform = _deprecated(distributions.uniform_)
normal = _deprecated(distributions.normal_)
constant = _deprecated(distributions.constant_)
dirac = _deprecated(structured.dirac_)
orthogonal = _deprecated(structured.orthogonal_)
sparse = _deprecated(structured.sparse_)
xavier_uniform = _deprecated(scaling.xavier_uniform_)
xavier_normal = _deprecated(scaling.xavier_normal_)
kaiming_uniform = _deprecated(scaling.kaiming_uniform_)
kaiming_normal = _deprecated(scaling.kaiming_normal_)
