"""A count of the elements that this process has written, by which tests see what a rank draws."""

from __future__ import annotations

import threading


class _Counter:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.elements = 0

    def add(self, elements: int) -> None:
        with self.lock:
            self.elements += elements


_counter = _Counter()
count_elements = _counter.add


def drawn_elements() -> int:
    """Return how many elements ``ShardedFillBatch`` has written in this process."""
    return _counter.elements
