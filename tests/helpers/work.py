"""A bound on the work that code does, the same on a fast machine and on a busy one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Work:
    """Lines of Python that have run."""

    lines = 0


@contextmanager
def bounded(lines: int) -> Iterator[Work]:
    """Raise an ``AssertionError`` in the code that runs more lines of Python than that."""
    work = Work()

    def trace(_: FrameType, event: str, __: Any) -> Any:
        if event == "line":
            work.lines += 1
            assert work.lines <= lines, f"more than {lines:,} lines of Python ran"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield work
    finally:
        sys.settrace(before)
