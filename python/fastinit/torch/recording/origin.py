"""Origins: the function and the line of code that asked for a draw."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FrameType

# Code between a model's own and the fill: torch's functions, wrappers of them, and fastinit.
_BETWEEN = (
    *("torch.nn.init", "torch.overrides", "torch._", "torch.utils", "torch.functional"),
    *("transformers.initialization", "contextlib", "functools", "copy", "fastinit"),
)


def origin() -> str:
    """Return the innermost function outside of torch's and fastinit's fills, and its line."""
    return line_of(next(callers()))


def line_of(frame: FrameType) -> str:
    """Return the function of a frame, and its line."""
    module = frame.f_globals.get("__name__", "?")
    return f"{module}.{frame.f_code.co_qualname}, line {frame.f_lineno}"


def callers(until: CodeType | None = None) -> Iterator[FrameType]:
    """Yield the frames outside of torch's and fastinit's fills, the innermost first.

    The outermost frame of all counts as outside.

    Args:
        until: The code of a function whose frame, and those around it, are left out.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not until:
        if frame.f_back is None or not _is_between(frame.f_globals.get("__name__", "")):
            yield frame
        frame = frame.f_back


def _is_between(module: str) -> bool:
    return module.startswith(_BETWEEN)
