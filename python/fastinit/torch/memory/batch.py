"""A batch of fills of torch tensors, executed in one native call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from fastinit.arrays.destination import fill_devices
from fastinit.arrays.devices import Device
from fastinit.initializers.computed import any_may_fail, check_all
from fastinit.native.box import whole
from fastinit.native.request import Fill, Request, Template
from fastinit.torch.memory.buffer import fill_through_buffer, in_buffer
from fastinit.torch.memory.devices import device_of
from fastinit.torch.memory.dtypes import complex_axis
from fastinit.torch.memory.runs import count_runs, requests_of_runs
from fastinit.torch.memory.target import Bounds, Target, requests_of


class FillBatch:
    """Fills of torch tensors, which are collected and then executed in one native call.

    Example:
        >>> import fastinit, numpy as np, torch
        >>> from fastinit.torch.memory.batch import FillBatch
        >>> tensor = torch.empty(64, 64).t()
        >>> batch = FillBatch()
        >>> batch.add(tensor, fastinit.Normal().templates((64, 64), np.dtype("float32")), (0, 0))
        >>> batch.run()
        >>> bool((tensor.numpy() == fastinit.normal((64, 64), seed=0)).all())
        True
    """

    def __init__(self) -> None:
        self._requests: dict[Device, list[Request]] = {}
        self._in_place: list[torch.Tensor] = []
        self._buffered: list[tuple[Target, Sequence[Template], tuple[int, int]]] = []

    def add(
        self,
        tensor: torch.Tensor,
        templates: Sequence[Template],
        stream: tuple[int, int],
        shape: tuple[int, ...] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        """Add the fill of a tensor, which may hold a part of a larger one.

        Args:
            tensor: A strided tensor with memory, on any device. ``run`` writes it, whatever its
                ``requires_grad``.
            templates: What to draw, in order, over the same memory. The dtype is that of the
                tensor; for a complex tensor it is the real dtype, and the shape has an additional
                axis of size 2.
            stream: The seed and the number of the stream.
            shape: The shape of the whole tensor, of which ``bounds`` are a part. By default the
                tensor is the whole.
            bounds: (start, stop) on every axis of the whole.
        """
        if tensor.numel() == 0:
            self._in_place.append(tensor)
            return
        own = tuple(tensor.shape)
        is_whole = shape is None or bounds is None or own == shape
        device = device_of(tensor)
        if is_whole and device and tensor.is_contiguous():  # nearly all of them
            box = whole(own + complex_axis(tensor))
            self._append(tensor, device, requests_of(templates, box, tensor.data_ptr(), stream))
            return
        target = Target.of(tensor, shape, bounds)
        if device is None:
            self._buffered.append((target, templates, stream))
        elif tensor.is_contiguous():
            requests = requests_of(templates, target.box(), tensor.data_ptr(), stream)
            self._append(tensor, device, requests)
        elif (
            is_whole
            and len(fills := [each for each in templates if isinstance(each, Fill)])
            == len(templates)
            and (runs := count_runs(tensor))
        ):
            self._append(tensor, device, requests_of_runs(tensor, runs, fills, stream))
        else:
            self._buffered.append((target, templates, stream))

    def _append(self, tensor: torch.Tensor, device: Device, requests: Iterable[Request]) -> None:
        self._requests.setdefault(device, []).extend(requests)
        self._in_place.append(tensor)

    def run(self) -> None:
        """Execute all fills that were added, and empty the batch.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; the tensors' contents are then unspecified.
            RuntimeError: Elements of a tensor share memory, as those of an expanded tensor do.
        """
        requests, in_place, buffered = self._requests, self._in_place, self._buffered
        self._requests, self._in_place, self._buffered = {}, [], []
        drawn = []
        for target, templates, stream in buffered:
            check_all(templates, *stream)
            if any_may_fail(templates):
                drawn.append((target, in_buffer(target, templates, stream)))
        fill_devices(requests)
        for target, values in drawn:
            target.tensor.copy_(values)
        for tensor in in_place:
            if not tensor.is_inference():
                torch.autograd.graph.increment_version(tensor)  # autograd must see the change
        for target, templates, stream in buffered:
            if not any_may_fail(templates):
                fill_through_buffer(target, templates, stream)
