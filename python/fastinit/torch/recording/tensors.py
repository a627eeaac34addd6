"""The tensors of a recorded module: what is drawn for each, and what a manifest says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from fastinit import streams
from fastinit.arrays.digest import to_numpy
from fastinit.initializers import Constant, Initializer
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.initializers.existing.stored import Stored
from fastinit.initializers.existing.values import Values
from fastinit.native.dtypes import dtype_of
from fastinit.recipes.generalize import Found
from fastinit.recipes.parameter import Parameter
from fastinit.torch.recording.creation import TELLING, unwritten
from fastinit.torch.recording.describe import Description, describe, with_zero_row
from fastinit.torch.recording.drawing import draws
from fastinit.torch.recording.history import Entry, Extent
from fastinit.torch.recording.recorder import Recorder

LARGEST_STORED = 48 << 20
"""Bytes of computed values that a plan may hold."""

_MOST_NUMBERS = 64  # more values are stored as bytes


class UnwrittenError(ValueError):
    """Nothing has written a tensor."""


class UnknownError(ValueError):
    """It is not known what wrote a tensor, and it has no memory that could say."""


def found_of(
    recorder: Recorder, parameter: Parameter, tensor: torch.Tensor
) -> tuple[Parameter, Found]:
    """Return a parameter with its own stream and zero row, and what is drawn for it.

    Raises:
        UnknownError: It is not known what wrote the tensor.
        UnwrittenError: Nothing has written the tensor.
    """
    parameter = dataclasses.replace(parameter, zero_row=None, value=None)
    if not tensor.numel():
        return parameter, Found(Constant(0), None)
    history = recorder.histories.of(tensor)
    entries: list[Entry] = [] if history is None else history.entries
    found = None if tensor.is_complex() else describe(Extent.of(tensor), entries)
    if found is None and recorder.is_virtual(tensor):
        if not entries:
            raise UnwrittenError
        try:
            recorder.read(tensor)
        except RuntimeError as error:
            raise UnknownError(str(error)) from None
    if not recorder.is_virtual(tensor):
        values = to_numpy(tensor.detach())
        is_new = history is not None and not entries
        if _is_unwritten(values, is_new=is_new, is_telling=tensor.dtype in TELLING):
            raise UnwrittenError
        if found is None or not draws(found, values, recorder.seed):
            return parameter, Found(stored(values), None if found is None else found.origin)
    assert found is not None
    return _with_stream(parameter, with_zero_row(found, Extent.of(tensor)), recorder.seed)


def _with_stream(parameter: Parameter, found: Description, seed: int) -> tuple[Parameter, Found]:
    """Return a parameter and what is drawn for it, whose stream is the parameter's own."""
    initializer = found.initializer
    if found.stream is not None and found.stream != (seed, streams.stream_of(parameter.name)):
        if found.stream[0] == seed:
            parameter = dataclasses.replace(parameter, stream=found.stream[1])
        else:
            initializer = _seeded(initializer, *found.stream)
    if found.zero_row is not None:
        parameter = dataclasses.replace(parameter, zero_row=found.zero_row)
    return parameter, Found(initializer, found.origin)


def _seeded(initializer: Initializer, seed: int, stream: int) -> Initializer:
    """Return an initializer that draws with a seed of its own."""
    return Composite((Layer(initializer, seed=seed, stream=stream),))


def _is_unwritten(values: NDArray[np.generic], *, is_new: bool, is_telling: bool) -> bool:
    """Return whether memory has the pattern of memory that nothing has written.

    One element tells, or all of them in dtypes in which code may write such a value.
    """
    is_pattern = unwritten(values)
    return bool(is_pattern.any() if is_telling else is_new and is_pattern.all())


def stored(values: NDArray[np.generic]) -> Initializer:
    """Return the initializer of given values, in the most readable form that has their bits."""
    for candidate in _readable(values) if values.dtype.kind != "c" else ():
        try:
            again = candidate(values.shape, dtype=values.dtype)
        except ValueError:
            continue
        if again.tobytes() == values.tobytes():
            return candidate
    return Stored.of(values)


def _readable(values: NDArray[np.generic]) -> Iterator[Initializer]:
    flat = values.reshape(-1)
    first = flat[:1].tobytes()
    if flat.tobytes() == first * flat.size:
        yield Constant(flat[0].item())
    elif flat.size <= _MOST_NUMBERS:
        yield Values(tuple(each.item() for each in flat))


def check_size(found: dict[str, Found]) -> None:
    """Check that the computed values take little memory.

    Raises:
        ValueError: They take too much; the message lists the largest.
    """
    sizes = {
        name: dtype_of(each.initializer.dtype).itemsize * each.initializer.array().size
        for name, each in found.items()
        if isinstance(each.initializer, Stored)
    }
    total = sum(sizes.values())
    if total > LARGEST_STORED:
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:10]
        raise ValueError(
            f"code computes {total} bytes of values, among them {', '.join(largest)}; at most "
            f"{LARGEST_STORED} are kept in a plan. Initialize these by functions of torch.nn.init "
            "or methods that fill tensors"
        )
