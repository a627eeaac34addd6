"""Memory: where the values of torch tensors go, whatever their strides, dtype or device.

A contiguous tensor on the CPU or a CUDA GPU is drawn into where it lies, and so is one whose rows
lie apart. Any other (transposed, channels last, lazily conjugated, on another device, on a GPU
without fastinit's CUDA part) gets its values through a buffer of bounded size on the CPU, so that
every element is the same as in a contiguous tensor there.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fastinit import cuda
from fastinit.boxes import Box, flat, part, whole
from fastinit.devices import CPU, Cuda, Device
from fastinit.requests import REQUEST, Draw

# Runs shorter than this, or more than so many of them, are drawn into a buffer and copied: a record
# of 300 bytes for each would cost more than the copy.
_SHORTEST_RUN = 64
_MOST_RUNS = 1 << 17
# Values in the buffer of one copy: large enough for all threads, small enough to stay in a cache.
_BUFFERED = 1 << 20

Bounds = Sequence[tuple[int, int]]


@dataclass(slots=True)
class _Target:
    """A tensor, and the part of a whole that it is; complex numbers have an axis of two more."""

    tensor: torch.Tensor
    shape: tuple[int, ...]
    bounds: Bounds

    def box(self) -> Box:
        return part(self.shape, tuple(slice(*each) for each in self.bounds))

    def rows(self, start: int, stop: int) -> _Target:
        """The part of it in these rows, counted in the tensor."""
        first = self.bounds[0][0]
        bounds = ((first + start, first + stop), *self.bounds[1:])
        return _Target(self.tensor[start:stop], self.shape, bounds)


class Filling:
    """Draws into torch tensors, collected, and then made in one call of the native code.

    Example:
        >>> import fastinit, numpy as np, torch
        >>> from fastinit.torch.memory.batch import Filling
        >>> tensor = torch.empty(64, 64).t()
        >>> filling = Filling()
        >>> filling.add(tensor, fastinit.Normal().draws((64, 64), np.dtype("float32")), (0, 0))
        >>> filling.run()
        >>> bool((tensor.numpy() == fastinit.normal((64, 64), seed=0)).all())
        True
    """

    def __init__(self) -> None:
        """Nothing to draw."""
        self._records: dict[Device, list[bytes]] = {}
        self._filled: list[torch.Tensor] = []
        self._buffered: list[tuple[_Target, Sequence[Draw], tuple[int, int]]] = []

    def add(
        self,
        tensor: torch.Tensor,
        draws: Sequence[Draw],
        stream: tuple[int, int],
        shape: tuple[int, ...] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        """Draw a tensor, or the part of a larger one that it holds.

        Args:
            tensor: a strided one with memory, on any device. It is written in ``run``, whatever
                its ``requires_grad``.
            draws: what is drawn, of the tensor's dtype (the real one of a complex dtype, over a
                shape with an axis of 2 more), in order, over the same memory.
            stream: the seed and the stream's number.
            shape: the whole's, of which ``bounds`` are a part; the tensor's own if not given.
            bounds: (start, stop) on every axis of the whole.
        """
        if tensor.numel() == 0:
            self._filled.append(tensor)
            return
        own = tuple(tensor.shape)
        pair = (2,) if tensor.is_complex() else ()
        is_whole = shape is None or bounds is None or own == shape
        device = device_of(tensor)
        if is_whole and device and tensor.is_contiguous():  # nearly all of them
            box = whole(own + pair)
            self._fill(tensor, device, _records(draws, box, tensor.data_ptr(), stream))
            return
        if shape is None or bounds is None:
            shape, bounds = own, tuple((0, size) for size in own)
        target = _Target(tensor, shape + pair, (*bounds, *((0, size) for size in pair)))
        if device is None:
            self._buffered.append((target, draws, stream))
        elif tensor.is_contiguous():
            self._fill(tensor, device, _records(draws, target.box(), tensor.data_ptr(), stream))
        elif is_whole and all(each.elementwise for each in draws) and (runs := _runs(tensor)):
            self._fill(tensor, device, _run_records(tensor, runs, draws, stream))
        else:
            self._buffered.append((target, draws, stream))

    def _fill(self, tensor: torch.Tensor, device: Device, records: Iterable[bytes]) -> None:
        self._records.setdefault(device, []).extend(records)
        self._filled.append(tensor)

    def run(self) -> None:
        """Make all draws that were added, and forget them.

        Raises:
            KeyboardInterrupt: on Ctrl-C; what the tensors hold then is not specified.
            RuntimeError: elements of a tensor share memory, as those of an expanded one do.
        """
        records, filled, buffered = self._records, self._filled, self._buffered
        self._records, self._filled, self._buffered = {}, [], []
        for device, of_device in records.items():
            device.fill(of_device)
        for tensor in filled:
            if not tensor.is_inference():
                torch.autograd.graph.increment_version(tensor)  # autograd must see the change
        for each in buffered:
            _draw_through_buffer(*each)


def device_of(tensor: torch.Tensor) -> Device | None:
    """Who fills the tensor where it lies; None where its values go through a buffer."""
    if tensor.is_conj() or tensor.is_neg():  # what lies there is not the value
        return None
    if tensor.is_cpu:
        return CPU
    number = tensor.device.index
    if tensor.is_cuda and _is_drawn_on(number):
        return Cuda(number, torch.cuda.current_stream(number).cuda_stream)
    return None


@functools.cache
def _is_drawn_on(number: int) -> bool:
    try:
        cuda.extension(number)
    except (RuntimeError, ValueError):
        return False
    return True


def _records(draws: Iterable[Draw], box: Box, address: int, stream: tuple[int, int]) -> list[bytes]:
    return [record for draw in draws for record in draw.place(box, address, *stream)]


def _runs(tensor: torch.Tensor) -> int:
    """Into how many contiguous runs the tensor falls; 0 where it should go through a buffer."""
    run, axis = 1, tensor.dim()
    shape, strides = tensor.shape, tensor.stride()
    while axis and (shape[axis - 1] == 1 or strides[axis - 1] == run):
        axis -= 1
        run *= shape[axis]
    room = run
    for size, stride in zip(reversed(shape[:axis]), reversed(strides[:axis]), strict=True):
        if size > 1 and stride < room:  # elements share memory, or the order is another one
            return 0
        room = size * stride
    runs = tensor.numel() // run
    return runs if run >= _SHORTEST_RUN and runs <= _MOST_RUNS else 0


def _run_records(
    tensor: torch.Tensor, runs: int, draws: Iterable[Draw], stream: tuple[int, int]
) -> Iterator[bytes]:
    """Records of a fill whose runs lie apart: the first one's, moved along."""
    run = tensor.numel() // runs
    starts = np.zeros(1, np.uint64)
    outer = 0
    while math.prod(tensor.shape[:outer]) < runs:
        steps = np.arange(tensor.shape[outer], dtype=np.uint64)
        starts = np.add.outer(starts, steps * tensor.stride(outer)).reshape(-1)
        outer += 1
    values = run * (2 if tensor.is_complex() else 1)
    for record in _records(draws, flat(0, values), tensor.data_ptr(), stream):
        moved = np.frombuffer(record * runs, REQUEST).copy()
        moved["address"] += starts * tensor.element_size()
        moved["offset"] += np.arange(runs, dtype=np.uint64) * values
        yield moved.tobytes()


@torch.no_grad()
def _draw_through_buffer(target: _Target, draws: Sequence[Draw], stream: tuple[int, int]) -> None:
    """Draw into a buffer, as much at a time as the draws allow, and copy."""
    tensor = target.tensor
    if tensor.dim() == 0 or not all(each.elementwise for each in draws):
        pieces: Iterable[_Target] = (target,)
    else:
        rows = max(1, _BUFFERED * len(tensor) // tensor.numel())
        pieces = (
            target.rows(start, min(start + rows, len(tensor)))
            for start in range(0, len(tensor), rows)
        )
    buffer: torch.Tensor | None = None
    for piece in pieces:
        count = piece.tensor.numel()
        if buffer is None or len(buffer) < count:
            buffer = torch.empty(count, dtype=tensor.dtype, device="cpu")
        CPU.fill(_records(draws, piece.box(), buffer.data_ptr(), stream))
        piece.tensor.copy_(buffer[:count].view(piece.tensor.shape))
