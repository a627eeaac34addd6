"""Origins: the function and the line of code that asked for a draw."""

from __future__ import annotations

import sys

# Code between a model's own and the fill: torch's functions, wrappers of them, and fastinit.
_BETWEEN = (
    *("torch.nn.init", "torch.overrides", "torch._", "torch.utils", "torch.functional"),
    *("transformers.initialization", "contextlib", "functools", "copy", "fastinit"),
)


def origin() -> str:
    """Return the innermost function outside of torch's and fastinit's fills, and its line."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    module = frame.f_globals.get("__name__", "?")
    return f"{module}.{frame.f_code.co_qualname}, line {frame.f_lineno}"


def _is_between(module: str) -> bool:
    return module.startswith(_BETWEEN)
