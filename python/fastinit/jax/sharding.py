"""Arrays that lie on several devices: for each device its own parts are drawn, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from fastinit import streams
from fastinit.arrays.destination import destination, fill
from fastinit.checks import wrong_type
from fastinit.initializers import Initializer
from fastinit.initializers.composites.nested import check_layout
from fastinit.initializers.named import named
from fastinit.jax.drawing import Drawing, drawing_of
from fastinit.jax.dtypes import dtype_meant
from fastinit.native.box import Box, Shape, part, shape_of
from fastinit.native.request import Request
from fastinit.streams import Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Whole:
    """A whole array that is drawn in parts.

    Attributes:
        shape: the array's.
        dtype: the array's.
        requests: returns the requests that draw a part into memory at an address.
        sharding: which device holds which part; None for the default device.
        axes: what is drawn has other axes, whose ``transpose(axes)`` is the array; None for its
            own.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    requests: Callable[[Box, int], Sequence[Request]]
    sharding: Any = None
    axes: tuple[int, ...] | None = None

    def box(self, index: _Slices) -> Box:
        """Return the part of what is drawn that is ``array[index]``."""
        order = range(len(self.shape)) if self.axes is None else self.axes
        sizes, slices = [0] * len(self.shape), [slice(None)] * len(self.shape)
        for axis, drawn in enumerate(order):
            sizes[drawn], slices[drawn] = self.shape[axis], index[axis]
        return part(tuple(sizes), tuple(slices))

    def parts(self) -> dict[Any, _Slices]:
        """Return the part that each device of this process holds; None is the default device."""
        if self.sharding is None:
            return {None: (slice(None),) * len(self.shape)}
        parts: dict[Any, _Slices] = self.sharding.addressable_devices_indices_map(self.shape)
        return parts

    def joined(self, shards: list[jax.Array]) -> jax.Array:
        """Return the array of the parts that this process holds."""
        if self.sharding is None:
            return shards[0]
        return jax.make_array_from_single_device_arrays(self.shape, self.sharding, shards)


def draw_wholes(wholes: Sequence[Whole]) -> list[jax.Array]:
    """Draw arrays, in one native call for each device."""
    wanted: dict[Any, list[tuple[int, _Slices]]] = {}
    for number, whole in enumerate(wholes):
        for device, index in whole.parts().items():
            wanted.setdefault(device, []).append((number, index))
    shards: list[list[jax.Array]] = [[] for _ in wholes]
    for device, parts in wanted.items():
        drawn = _drawn([(wholes[number], index) for number, index in parts])
        for (number, _), array in zip(parts, drawn, strict=True):
            shards[number].append(jax.device_put(array, device))
    return [whole.joined(each) for whole, each in zip(wholes, shards, strict=True)]


def _drawn(parts: Sequence[tuple[Whole, _Slices]]) -> list[NDArray[Any]]:
    boxes = [whole.box(index) for whole, index in parts]
    outputs = [
        destination(box.shape, whole.dtype, None, None)
        for (whole, _), box in zip(parts, boxes, strict=True)
    ]
    fill(
        (output, whole.requests(box, output.address) if 0 not in box.shape else [])
        for (whole, _), box, output in zip(parts, boxes, outputs, strict=True)
    )
    return [
        output.array if whole.axes is None else np.transpose(output.array, whole.axes)
        for (whole, _), output in zip(parts, outputs, strict=True)
    ]


def draw_sharded(drawing: Drawing, stream: tuple[int, int], sharding: Any) -> jax.Array:
    """Draw one array, of which each device holds the part that its sharding says."""

    def requests(box: Box, address: int) -> list[Request]:
        return drawing.requests(box, address, *stream)

    return draw_wholes([Whole(drawing.shape, drawing.dtype, requests, sharding)])[0]


def sharded(
    initializer: Any,
    shape: Shape,
    sharding: Any,
    *,
    seed: Seed = 0,
    name: str | int | None = None,
    dtype: Any = None,
) -> jax.Array:
    """Draw an array that lies on several devices; each process draws what its devices hold.

    No device communicates, and the values are those of the whole array, bit for bit: of
    ``initializer(shape, seed=seed, name=name)`` in NumPy.

    Args:
        initializer: an object such as ``fastinit.HeNormal(layout="*io")``, the name of one, whose
            layout is then that of JAX, or an initializer of this module.
        shape: the whole array's.
        sharding: a ``jax.sharding.Sharding``, as ``NamedSharding(mesh, PartitionSpec("x"))``.
        seed: the same in all processes.
        name: which stream of the seed.
        dtype: None for that of an initializer of this module, else JAX's default float.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: the initializer does not fit the shape or the dtype, its layout is torch's, or
            the devices do not divide the shape evenly.

    Example:
        >>> import fastinit, fastinit.jax, jax
        >>> from jax.sharding import NamedSharding, PartitionSpec
        >>> mesh = jax.make_mesh((len(jax.devices()),), ("x",))
        >>> rows = NamedSharding(mesh, PartitionSpec("x"))
        >>> w = fastinit.jax.sharded("he_normal", (64, 32), rows, seed=0, name="w")
        >>> whole = fastinit.he_normal((64, 32), layout="*io", seed=0, name="w")
        >>> bool((w == whole).all())
        True
    """
    sizes = shape_of(shape)
    if not isinstance(sharding, Sharding):
        made = 'a jax.sharding.Sharding, such as NamedSharding(mesh, PartitionSpec("x"))'
        raise wrong_type(sharding, "sharding", made)
    if isinstance(initializer, str):
        initializer = named(initializer, "initializer", "*io")
    if isinstance(initializer, Initializer):
        check_layout(initializer, sizes)
        drawing = drawing_of(initializer, sizes, dtype_meant(dtype))
    elif hasattr(initializer, "drawing"):
        drawing = initializer.drawing(sizes, dtype)
    else:
        raise TypeError(
            f"initializer={initializer!r} is not an initializer; pass an object such as "
            "fastinit.HeNormal(layout='*io'), its name, or one of fastinit.jax"
        )
    return draw_sharded(drawing, streams.resolve(seed, name), sharding)


def sharding_meant(out_sharding: Any) -> Any:
    """Return the sharding of a call; a ``PartitionSpec`` is one on the current mesh."""
    if not isinstance(out_sharding, PartitionSpec):
        return out_sharding
    return NamedSharding(jax.sharding.get_mesh(), out_sharding)
