"""The program that called, to whose line a warning belongs."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

_passed_over: tuple[str, ...] = (__file__.removesuffix("callers.py"),)


def pass_over(folder: str) -> None:
    """Do not take code in a folder for the program that calls: it belongs to a framework."""
    global _passed_over
    _passed_over = (*_passed_over, folder)


def caller() -> FrameType:
    """Return the frame of the program that called."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_passed_over):
        frame = frame.f_back
    return frame


def warn(message: str, category: type[Warning], frame: FrameType) -> None:
    """Warn of the line at which a frame is."""
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__", "<unknown>")
    file, line = frame.f_code.co_filename, frame.f_lineno
    warnings.warn_explicit(message, category, file, line, module, registry)
