"""``fill_shard_``: a part of a whole tensor, for code that divides its weights itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fastinit import streams
from fastinit.checks import integer, type_of
from fastinit.initializers import Initializer
from fastinit.initializers.named import initializer_of
from fastinit.native.box import shape_of
from fastinit.native.dtypes import dtype_of
from fastinit.repeated_streams import note
from fastinit.streams import Seed
from fastinit.torch.shards.batch import ShardedFillBatch
from fastinit.torch.shards.dtensor import Part, is_distributed


def fill_shard_(
    tensor: torch.Tensor,
    global_shape: Sequence[int],
    offsets: Sequence[int],
    initializer: Initializer | str,
    *,
    seed: Seed | None = None,
    name: str | int | None = None,
) -> torch.Tensor:
    """Fill a tensor with a part of a whole tensor that no process holds.

    For code that divides its weights itself, as Megatron does. The values are those of the same
    part of ``initializer(global_shape, seed=seed, name=name)``, and fans are those of the whole.
    No other process takes part.

    Args:
        tensor: The part to fill, with any strides and on any device. It is written whatever its
            ``requires_grad``.
        global_shape: The shape of the whole tensor.
        offsets: The index in the whole at which the part begins, one integer per axis.
        initializer: The initializer of the whole tensor, or the name of its function.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream`` that all processes use alike. None
            means the process-wide seed, which is the same in all processes only if
            ``fastinit.seed`` set it.
        name: The stream of the seed: a string, or an integer in [0, 2**63). Without a name, the
            values are those of stream 0. At least one of ``seed`` and ``name`` is required.

    Returns:
        ``tensor``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The part exceeds the whole, the tensor has another number of axes or is on the
            meta device, neither seed nor name is given, or the initializer does not fit.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch
        >>> init = fastinit.HeNormal()
        >>> whole = torch.from_numpy(init((1024, 64), seed=0, name="up.weight"))
        >>> shard = torch.empty(256, 64)  # the third of four
        >>> _ = fastinit.torch.fill_shard_(
        ...     shard, (1024, 64), (512, 0), init, seed=0, name="up.weight"
        ... )
        >>> torch.equal(shard, whole[512:768])
        True
    """
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"tensor is {type_of(tensor)}; pass a torch.Tensor")
    initializer = initializer_of(initializer, "initializer")
    if seed is None and name is None:
        raise ValueError(
            "neither seed nor name is given, so the parts of one whole would differ; pass both"
        )
    if tensor.is_meta or is_distributed(tensor):
        raise ValueError(
            f"tensor is {'on the meta device' if tensor.is_meta else 'a DTensor'}; pass the local "
            "tensor that holds the part"
        )
    shape = shape_of(global_shape)
    bounds = _bounds(tuple(tensor.shape), shape, offsets)
    stream = streams.resolve(seed, name)
    if streams.lacks_name(seed, name):
        note(stream[0], None, tensor, initializer, shape, is_new=False, is_part=True)
    if tensor.numel():
        batch = ShardedFillBatch()
        templates = initializer.templates(shape, dtype_of(tensor.dtype))
        batch.add_parts([Part(tensor, bounds)], shape, templates, stream)
        batch.run()
    return tensor


def _bounds(
    own: tuple[int, ...], shape: tuple[int, ...], offsets: Any
) -> tuple[tuple[int, int], ...]:
    if not isinstance(offsets, (tuple, list, torch.Size)):
        raise TypeError(f"offsets={offsets!r} is not a sequence; pass one integer per axis")
    starts = [integer(each, "offsets", "one integer per axis") for each in offsets]
    if not len(own) == len(shape) == len(starts):
        raise ValueError(
            f"tensor has shape {own}, global_shape is {shape}, offsets are {tuple(starts)}; they "
            "must have the same number of axes"
        )
    bounds = tuple((start, start + size) for start, size in zip(starts, own, strict=True))
    if any(start < 0 or stop > n for (start, stop), n in zip(bounds, shape, strict=True)):
        raise ValueError(
            f"a part of shape {own} at offsets {tuple(starts)} exceeds global_shape {shape}; pass "
            "offsets and a shape that fit"
        )
    return bounds
