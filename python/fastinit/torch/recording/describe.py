"""Descriptions: one initializer, and the stream that it draws from, for a tensor's layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from fastinit.initializers import Constant, Initializer, Normal
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.initializers.distributions.truncated_normal import BoundedNormal, TruncatedNormal
from fastinit.native.dtypes import dtype_of
from fastinit.torch.recording.history import Entry, Extent
from fastinit.torch.recording.layers import layers_of

_EXACT = (torch.float32, torch.float64)  # a product is rounded once, as in a draw


class Description(NamedTuple):
    """The draw of a tensor.

    Attributes:
        initializer: The initializer.
        stream: The (seed, stream number) of all its draws, or None where they have their own.
        origin: The function and line that asked for the last draw of the whole, if known.
        zero_row: The row that is zero whatever the initializer draws, or None.
    """

    initializer: Initializer
    stream: tuple[int, int] | None
    origin: str | None
    zero_row: int | None = None


def describe(whole: Extent, entries: Sequence[Entry]) -> Description | None:
    """Return what is drawn for a tensor, or None where that is not known.

    Args:
        whole: The tensor, as a part of its storage.
        entries: The history of the storage.
    """
    found = layers_of(whole, entries) if whole.elements else None
    if not found:
        return None
    origins = [entry.origin for entry in entries if entry.initializer is not None]
    layers, stream = _with_one_stream(_folded(found, whole.dtype))
    first = layers[0]
    if len(layers) == 1 and first == Layer(first.initializer) and first.initializer is not None:
        return Description(_readable(first.initializer, whole), stream, origins[-1])
    layers = [dataclasses.replace(each, initializer=_inner(each, whole)) for each in layers]
    return Description(Composite(tuple(layers)), stream, origins[-1])


def with_zero_row(found: Description, whole: Extent) -> Description:
    """Return a description in which a row of zeros over one draw is said as such."""
    composite, shape = found.initializer, whole.shape
    if not isinstance(composite, Composite) or len(composite.layers) != 2 or composite.dtype:
        return found
    draw, row = composite.layers
    if draw.initializer is None or draw != Layer(draw.initializer) or row.start is None:
        return found
    first = row.start[0] if shape else 0
    is_row = shape and row.start == (first, *(0,) * (len(shape) - 1)) and row.stop is not None
    is_row = is_row and row.stop == (first + 1, *shape[1:])
    if not is_row or row.initializer != Constant(0.0) or not draw.initializer.is_random:
        return found
    templates = draw.initializer.templates(shape, dtype_of(whole.dtype))
    if len(templates) > 1 or not templates[0].elementwise:
        return found
    return found._replace(initializer=draw.initializer, zero_row=first)


def _folded(layers: Sequence[Layer], dtype: torch.dtype) -> list[Layer]:
    """Return layers in which a standard normal times a positive number is one draw.

    z * s is rounded once, as fma(z, s, 0) is in a draw with the standard deviation s.
    """
    result: list[Layer] = []
    for each in _spliced(layers):
        last = result[-1] if result else None
        if (
            last is not None
            and last.initializer == Normal()
            and each == Layer(operation="multiply", operand=each.operand)
            and last.start is None
            and each.operand > 0
            and dtype in _EXACT
        ):
            result[-1] = dataclasses.replace(last, initializer=Normal(std=each.operand))
        else:
            result.append(each)
    return result


def _spliced(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield layers, and the layers of composites of the whole in place of these."""
    for each in layers:
        inner = each.initializer
        plain = Layer(inner, seed=each.seed, stream=each.stream) if inner is not None else None
        if not isinstance(inner, Composite) or inner.dtype is not None or each != plain:
            yield each
            continue
        for layer in _spliced(inner.layers):
            if layer.initializer is None or layer.stream is not None:
                yield layer
            else:
                yield dataclasses.replace(layer, seed=each.seed, stream=each.stream)


def _with_one_stream(layers: list[Layer]) -> tuple[list[Layer], tuple[int, int] | None]:
    """Return layers without streams and their one stream, or layers with them and None."""
    named = [
        dataclasses.replace(each, seed=None, stream=None)
        if each.initializer is not None and not each.initializer.is_random
        else each
        for each in layers
    ]
    streams = {(each.seed, each.stream) for each in named if each.stream is not None}
    if len(streams) != 1:
        return named, None
    seed, stream = streams.pop()
    assert seed is not None
    assert isinstance(stream, int)
    return [dataclasses.replace(each, seed=None, stream=None) for each in named], (seed, stream)


def _inner(layer: Layer, whole: Extent) -> Initializer | None:
    return None if layer.initializer is None else _readable(layer.initializer, whole)


def _readable(initializer: Initializer, whole: Extent) -> Initializer:
    """Return an initializer that draws the same and says it in the usual way."""
    if isinstance(initializer, BoundedNormal):
        mean, std = initializer.mean, initializer.std
        lower, upper = (initializer.low - mean) / std, (initializer.high - mean) / std
        usual = TruncatedNormal(mean, std, lower, upper)
        dtype = dtype_of(whole.dtype)
        if usual.template(dtype) == initializer.template(dtype):
            return usual
    return initializer
