"""A bound on the work that code does, the same on a fast machine and on a busy one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def bounded(lines: int) -> Iterator[None]:
    """Raise an ``AssertionError`` in the code that runs more lines of Python than that."""
    ran = 0

    def trace(_: FrameType, event: str, __: Any) -> Any:
        nonlocal ran
        if event == "line":
            ran += 1
            assert ran <= lines, f"more than {lines:,} lines of Python ran"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
