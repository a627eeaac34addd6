"""The functions of torch.nn.init and how to call them, for comparisons with ours."""

import warnings
from collections.abc import Callable
from typing import Any

from torch.nn import init as theirs

import fastinit.torch as ours

RANDOM = {  # functions that draw, with the arguments that they need
    "uniform_": (),
    "normal_": (),
    "trunc_normal_": (),
    "xavier_uniform_": (),
    "xavier_normal_": (),
    "kaiming_uniform_": (),
    "kaiming_normal_": (),
    "orthogonal_": (),
    "sparse_": (0.3,),
}
CONSTANT = {"constant_": (0.5,), "ones_": (), "zeros_": (), "eye_": (), "dirac_": ()}
ALL = RANDOM | CONSTANT
OWN = sorted(name for name in RANDOM if getattr(ours, name) is not getattr(theirs, name))


def shape_for(name: str) -> tuple[int, ...]:
    return (6, 4, 3) if name.startswith("dirac") else (6, 4)


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """The class and text of a call's error, or None, and those of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            function(*args, **kwargs)
            error = None
        except Exception as raised:
            error = (type(raised), str(raised))
    return error, [(each.category, str(each.message)) for each in caught]
