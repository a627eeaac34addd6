"""A guard against compiled code, which bypasses a context."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, cast

import torch

_Guard = contextlib.AbstractContextManager[Any]

_IN_COMPILED_CODE = (
    "torch.compile cannot trace fastinit.torch.accelerate(); build the model outside of compiled "
    "code"
)


def without_compilation() -> _Guard:
    """Return a guard in which compiled functions run eagerly: graphs bypass function modes.

    Raises:
        RuntimeError: The caller itself is being compiled.
    """
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and it takes a second to import
        return contextlib.nullcontext()
    if torch.compiler.is_compiling():  # this function is itself traced
        raise RuntimeError(_IN_COMPILED_CODE)
    try:
        return cast(_Guard, torch.compiler.set_stance("force_eager"))
    except RuntimeError as error:
        raise RuntimeError(_IN_COMPILED_CODE) from error
