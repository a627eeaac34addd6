"""The arithmetic in which parameters are computed, whatever the calling program has set.

``torch.set_flush_denormal(True)``, libraries linked with ``-ffast-math`` and ``fesetround`` change
what a thread's floating-point operations return. Drawn bits must not depend on that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fastinit.native import _cpu

P = ParamSpec("P")
R = TypeVar("R")


def in_default_arithmetic(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function``, which rounds to nearest and flushes no subnormals while it runs.

    The caller's own arithmetic is restored afterwards.

    Example:
        >>> from fastinit.native.arithmetic import in_default_arithmetic
        >>> in_default_arithmetic(lambda x: x / 2)(2.0**-1073)
        5e-324
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        before = _cpu.set_default_arithmetic()
        if before is None:
            return function(*args, **kwargs)
        try:
            return function(*args, **kwargs)
        finally:
            _cpu.set_arithmetic(before)

    return wrapped
