"""torch's own functions, bound at import: a program may replace those in torch.nn.init by ours."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import init
from torch.nn.init import (
    _calculate_correct_fan,
    _calculate_fan_in_and_fan_out,
    _no_grad_trunc_normal_,
    calculate_gain,
    dirac_,
    eye_,
    kaiming_normal_,
    ones_,
    orthogonal_,
    sparse_,
    trunc_normal_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from torch.overrides import handle_torch_function, has_torch_function_unary

__all__ = [
    "_calculate_correct_fan",
    "_calculate_fan_in_and_fan_out",
    "_no_grad_trunc_normal_",
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]


def _passed_on(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a function that subclasses of Tensor and modes of torch see as ``function`` itself.

    It passes itself on to them by its name in torch.nn.init, where ours may be by then.
    """
    names = tuple(inspect.signature(function).parameters)

    @functools.wraps(function)
    def original(*args: Any) -> Tensor:
        tensor = args[0]
        if has_torch_function_unary(tensor):
            arguments = dict(zip(names, args, strict=False))
            return handle_torch_function(function, (tensor,), **arguments)
        return function(*args)

    return original


constant_ = _passed_on(init.constant_)
kaiming_uniform_ = _passed_on(init.kaiming_uniform_)
normal_ = _passed_on(init.normal_)
uniform_ = _passed_on(init.uniform_)
