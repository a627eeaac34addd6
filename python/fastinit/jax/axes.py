"""Axes by their numbers, as JAX has them: the fans of a weight, the columns of a matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence

Axes = int | Sequence[int]


def fans_of(
    shape: tuple[int, ...], in_axis: Axes, out_axis: Axes, batch_axis: Axes
) -> tuple[float, float]:
    """Return the (fan_in, fan_out) of a weight: its size without the outputs, without the inputs.

    Axes may be inputs and outputs at once, as those of embeddings in flax.

    Raises:
        ValueError: the shape has fewer axes.
    """
    if in_axis == -2 and len(shape) < 2:
        raise ValueError(
            f"shape {shape} has {len(shape)} axes; inputs and outputs are two unless in_axis= and "
            "out_axis= say otherwise (of a bias, in_axis=() and out_axis=0)"
        )
    inputs, outputs, batch = (
        math.prod(_size(shape, axis, name) for axis in ((axes,) if isinstance(axes, int) else axes))
        for axes, name in ((in_axis, "in_axis"), (out_axis, "out_axis"), (batch_axis, "batch_axis"))
    )
    size = math.prod(shape)
    return size / max(outputs * batch, 1), size / max(inputs * batch, 1)


def _size(shape: tuple[int, ...], axis: int, name: str) -> int:
    try:
        return shape[axis]
    except IndexError:
        raise ValueError(f"{name}={axis} is not an axis of shape {shape}") from None


def layout_of_columns(shape: tuple[int, ...], column_axis: int) -> str:
    """Return the layout in which one axis is that of the outputs, all others those of the inputs.

    Example:
        >>> from fastinit.jax.axes import layout_of_columns
        >>> layout_of_columns((3, 3, 8, 16), -1), layout_of_columns((4, 5), 0)
        ('iiio', 'oi')
    """
    _size(shape, column_axis, "column_axis")
    letters = ["i"] * len(shape)
    letters[column_axis] = "o"
    return "".join(letters)
