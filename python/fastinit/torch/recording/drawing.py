"""Drawing what descriptions say: whole tensors, and pieces of large ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from fastinit.arrays.devices import CPU
from fastinit.arrays.digest import to_numpy
from fastinit.native.box import part
from fastinit.native.dtypes import dtype_of
from fastinit.torch.recording.describe import Description


def draw(found: Description, shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> torch.Tensor:
    """Return a new CPU tensor with what is drawn."""
    return _drawn(found, shape, dtype, seed, tuple((0, size) for size in shape))


def pieces(
    found: Description, like: torch.Tensor, axis: int, most: int, seed: int
) -> Iterator[torch.Tensor]:
    """Yield what is drawn for a tensor in pieces along an axis, each of two or more indices.

    Args:
        found: What is drawn.
        like: The tensor.
        axis: The axis, of two or more indices.
        most: Bytes of a piece, if that is not too little.
        seed: The seed of initializers without a stream.
    """
    shape, size = tuple(like.shape), like.shape[axis]
    step = max(2, most * size // like.nbytes)
    start = 0
    for stop in (*range(step, size - 1, step), size):
        bounds = [(0, each) for each in shape]
        bounds[axis] = start, stop
        yield _drawn(found, shape, like.dtype, seed, bounds)
        start = stop


def draws(found: Description, values: NDArray[np.generic], seed: int) -> bool:
    """Return whether a description draws the values that a tensor has.

    Code may have written to the tensor by functions that are not noted.
    """
    try:
        again = draw(found, values.shape, getattr(torch, values.dtype.name), seed)
    except (TypeError, ValueError):
        return False
    return to_numpy(again).tobytes() == values.tobytes()


def _drawn(
    found: Description,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    seed: int,
    bounds: Sequence[tuple[int, int]],
) -> torch.Tensor:
    """Return what is drawn for a part of a tensor, from start to stop on every axis."""
    extents = [stop - start for start, stop in bounds]
    tensor = torch.empty(extents, dtype=dtype, device="cpu")
    box = part(shape, tuple(slice(*each) for each in bounds))
    which = (seed, 0) if found.stream is None else found.stream
    requests = [
        request
        for template in found.initializer.templates(shape, dtype_of(dtype))
        for request in template.requests(box, tensor.data_ptr(), *which)
    ]
    CPU.fill(requests)
    return tensor
