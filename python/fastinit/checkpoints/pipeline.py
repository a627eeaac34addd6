"""A pipeline: threads work on a few items at a time, and results come in order."""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastinit.native.cpu import get_num_threads

Bytes = NDArray[np.uint8]
Progress = Callable[[int], None]  # called with a number of bytes, each time that many more are done
Item = TypeVar("Item")
Result = TypeVar("Result")

BUFFER = 4 << 20  # bytes per thread: they stay in its cache from the draw to the write


def workers() -> int:
    """Return the number of threads: as many as may draw, and two that wait for the disk."""
    return get_num_threads() + 2


def memory(size: int) -> Bytes:
    """Allocate whole pages, which are returned to the system with the array."""
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return np.frombuffer(mmap.mmap(-1, max(size, 1), private), np.uint8)[:size]


class Pipeline(Generic[Item, Result]):
    """Calls ``act(item, buffer)`` in threads that have a buffer each, ``done(item, result)`` here.

    Results come in the order in which the items were put in. An error or Ctrl-C stops the rest.
    """

    def __init__(
        self,
        act: Callable[[Item, Bytes], Result],
        done: Callable[[Item, Result], None],
    ) -> None:
        count = workers()
        self._act, self._done = act, done
        self._most = 2 * count
        self._running: deque[tuple[Item, Future[Result]]] = deque()
        self._pool = ThreadPoolExecutor(count)
        self._buffers: SimpleQueue[Bytes] = SimpleQueue()
        for _ in range(count):
            self._buffers.put(memory(BUFFER))

    def put(self, item: Item) -> None:
        """Submit an item, once there is room."""
        if len(self._running) >= self._most:
            self._finish_oldest()
        self._running.append((item, self._pool.submit(self._run, item)))

    def wait(self) -> None:
        """Finish all items that were submitted."""
        while self._running:
            self._finish_oldest()

    def __enter__(self) -> Pipeline[Item, Result]:
        return self

    def __exit__(self, error: object, *_: Any) -> None:
        # After an error, items that no thread has begun are dropped.
        try:
            if error is None:
                self.wait()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def _run(self, item: Item) -> Result:
        buffer = self._buffers.get()
        try:
            return self._act(item, buffer)
        finally:
            self._buffers.put(buffer)

    def _finish_oldest(self) -> None:
        item, future = self._running.popleft()
        self._done(item, future.result())


def run(
    items: Iterable[Item],
    act: Callable[[Item, Bytes], Result],
    done: Callable[[Item, Result], None],
) -> None:
    """Put all items through a pipeline; see ``Pipeline``."""
    with Pipeline(act, done) as pipeline:
        for item in items:
            pipeline.put(item)
