"""Tensors whose memory is several contiguous runs, in order: each run is filled in place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch

from fastinit.native.box import flat
from fastinit.native.request import REQUEST, Fill
from fastinit.torch.memory.dtypes import complex_axis

# Shorter runs, or more of them, go through a buffer: a request of 300 bytes for each run would
# cost more than the copy.
_SHORTEST_RUN = 64
_MOST_RUNS = 1 << 17


def count_runs(tensor: torch.Tensor) -> int:
    """Return the number of contiguous runs of a tensor, or 0 where it should use a buffer."""
    run, axis = 1, tensor.dim()
    shape, strides = tensor.shape, tensor.stride()
    while axis and (shape[axis - 1] == 1 or strides[axis - 1] == run):
        axis -= 1
        run *= shape[axis]
    room = run
    for size, stride in zip(reversed(shape[:axis]), reversed(strides[:axis]), strict=True):
        if size > 1 and stride < room:  # elements share memory, or are in another order
            return 0
        room = size * stride
    runs = tensor.numel() // run
    return runs if run >= _SHORTEST_RUN and runs <= _MOST_RUNS else 0


def requests_of_runs(
    tensor: torch.Tensor, runs: int, fills: Iterable[Fill], stream: tuple[int, int]
) -> Iterator[bytes]:
    """Yield the requests of all runs: copies of the first run's, with other addresses."""
    run = tensor.numel() // runs
    starts = np.zeros(1, np.uint64)
    outer = 0
    while math.prod(tensor.shape[:outer]) < runs:
        steps = np.arange(tensor.shape[outer], dtype=np.uint64)
        starts = np.add.outer(starts, steps * tensor.stride(outer)).reshape(-1)
        outer += 1
    values = run * math.prod(complex_axis(tensor))
    for fill in fills:
        (request,) = fill.requests(flat(0, values), tensor.data_ptr(), *stream)
        moved = np.frombuffer(request * runs, REQUEST).copy()
        moved["address"] += starts * tensor.element_size()
        moved["offset"] += np.arange(runs, dtype=np.uint64) * values
        yield moved.tobytes()
