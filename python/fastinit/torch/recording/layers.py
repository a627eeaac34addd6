"""Layers of a tensor: the history of its storage, in the coordinates of the tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastinit.initializers import Initializer
from fastinit.initializers.composites.composite import Layer
from fastinit.native.box import c_strides
from fastinit.native.dtypes import dtype_of
from fastinit.native.region import is_covered
from fastinit.native.request import Fill
from fastinit.torch.recording.history import Entry, Extent


def layers_of(whole: Extent, entries: Sequence[Entry]) -> tuple[Layer, ...] | None:
    """Return the layers that write a tensor, or None where they are not known.

    Args:
        whole: The tensor, as a part of its storage.
        entries: The history of the storage.
    """
    layers: list[Layer] = []
    for entry in entries:
        extent = entry.extent
        if extent.end <= whole.offset or whole.end <= extent.offset or not extent.elements:
            continue
        layer = _layer(whole, entry) if extent.dtype == whole.dtype else None
        if layer is None:
            return None
        if layer.initializer is not None and layer.start is None:
            layers.clear()
        layers.append(layer)
    bounds = [each.bounds(whole.shape) for each in layers if each.initializer is not None]
    return tuple(layers) if is_covered(whole.shape, bounds) else None


def _layer(whole: Extent, entry: Entry) -> Layer | None:
    extent = entry.extent
    if extent.is_natural and extent.offset <= whole.offset and whole.end <= extent.end:
        return _covering(whole, entry)
    inside = None if whole.may_share_elements else _inside(whole, extent)
    if inside is None:
        return None
    start, sizes, strides = inside
    stop = tuple(first + size for first, size in zip(start, sizes, strict=True))
    is_whole = sizes == whole.shape
    place: dict[str, Any] = {} if is_whole else {"start": start, "stop": stop}
    is_plain = sizes == extent.shape and strides == c_strides(sizes)
    if entry.initializer is None:
        return Layer(operation=entry.operation, operand=entry.operand, **place)
    is_one_piece = strides == c_strides(sizes) and extent.is_natural and whole.is_natural
    if not is_one_piece and not _is_fill(entry.initializer, extent):
        return None
    order: dict[str, Any] = {} if is_plain else {"shape": extent.shape, "strides": strides}
    return _drawing(entry, place | order)


def _covering(whole: Extent, entry: Entry) -> Layer | None:
    """Return the layer of an entry that covers the tensor, and possibly more, in C order."""
    extent = entry.extent
    if entry.initializer is None:
        return Layer(operation=entry.operation, operand=entry.operand)
    offset = whole.offset - extent.offset
    is_same = whole.is_natural and whole.elements == extent.elements
    if is_same and whole.shape == extent.shape:
        return _drawing(entry, {})
    if not is_same and not _is_fill(entry.initializer, extent):
        return None
    order: dict[str, Any] = {"shape": extent.shape, "strides": _steps(whole), "offset": offset}
    return _drawing(entry, order)


def _drawing(entry: Entry, fields: dict[str, Any]) -> Layer:
    seed, stream = entry.stream or (None, None)
    return Layer(entry.initializer, seed=seed, stream=stream, **fields)


def _inside(
    whole: Extent, extent: Extent
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
    """Return (start, sizes, strides in the drawn array) of a part along the axes of the tensor.

    None where the part is not a box along these axes, in any order of them.
    """
    axes = {
        stride: axis
        for axis, (size, stride) in enumerate(zip(whole.shape, whole.strides, strict=True))
        if size > 1
    }
    sizes, strides = [1] * len(whole.shape), [0] * len(whole.shape)
    for size, stride, drawn in _merged(extent):
        while size > 1:
            axis = axes.get(stride)
            if axis is None or sizes[axis] > 1:
                return None
            taken = min(size, whole.shape[axis])
            if size % taken:
                return None
            sizes[axis], strides[axis] = taken, drawn
            size, stride, drawn = size // taken, stride * taken, drawn * taken
    start = [0] * len(whole.shape)
    rest = extent.offset - whole.offset
    if rest < 0:
        return None
    for stride, axis in sorted(axes.items(), reverse=True):
        start[axis], rest = divmod(rest, stride)
        if start[axis] + sizes[axis] > whole.shape[axis]:
            return None
    natural = c_strides(tuple(sizes))
    steps = (natural[k] if size == 1 else strides[k] for k, size in enumerate(sizes))
    return None if rest else (tuple(start), tuple(sizes), tuple(steps))


def _merged(extent: Extent) -> list[tuple[int, int, int]]:
    """Return (size, stride, stride in the drawn array) of axes, merged where contiguous."""
    merged: list[tuple[int, int, int]] = []
    drawn = c_strides(extent.shape)
    for size, stride, step in zip(extent.shape, extent.strides, drawn, strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == size * stride:
            merged[-1] = merged[-1][0] * size, stride, step
        else:
            merged.append((size, stride, step))
    return merged


def _steps(extent: Extent) -> tuple[int, ...]:
    """Return the strides of a tensor, as C order has them for axes of size 1."""
    found = zip(extent.shape, extent.strides, c_strides(extent.shape), strict=True)
    return tuple(natural if size == 1 else stride for size, stride, natural in found)


def _is_fill(initializer: Initializer, extent: Extent) -> bool:
    templates = initializer.templates(extent.shape, dtype_of(extent.dtype))
    return all(isinstance(each, Fill) for each in templates)
