"""The draws of one call, as data that stays the same while JAX traces: no key, no memory."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.arrays.destination import destination
from fastinit.initializers import Initializer
from fastinit.initializers.base import templates_of
from fastinit.jax.keys import stream_of
from fastinit.native.box import Box, part, whole
from fastinit.native.dtypes import dtype_of
from fastinit.native.masks import BlockMask, ExactCountMask, Scatter, TotalCountMask
from fastinit.native.matrices import Matrices
from fastinit.native.request import Fill, Request, Template

if TYPE_CHECKING:
    from numpy.typing import NDArray


_NATIVE = (Fill, Matrices, ExactCountMask, TotalCountMask, BlockMask, Scatter)


@dataclass(frozen=True)
class Drawing:
    """The templates of an initializer for a whole array."""

    initializer: Initializer
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    templates: tuple[Template, ...] = field(compare=False, repr=False)

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return the requests that draw a part into memory at ``address``."""
        if 0 in box.shape:
            return []
        return [
            request
            for template in self.templates
            for request in template.requests(box, address, seed, stream)
        ]

    @property
    def is_uniform(self) -> bool:
        """Whether requests of equal parts differ only in the stream and the first element's place.

        Masks of exact counts and operations do not: they need the seed, or Python.
        """
        return all(isinstance(each, (Fill, Matrices)) for each in self.templates)

    @property
    def has_fills_alone(self) -> bool:
        """Whether every element is drawn independently of others."""
        return all(isinstance(each, Fill) and not each.zeroes_only for each in self.templates)

    @property
    def has_operations(self) -> bool:
        """Whether Python takes part in drawing."""
        return not all(isinstance(each, _NATIVE) for each in self.templates)

    def packed(self, extents: tuple[int, ...]) -> NDArray[np.int64]:
        """Return the requests of a part at the start of every axis, for native code to complete."""
        corner = part(self.shape, tuple(slice(0, extent) for extent in extents))
        requests = self.requests(corner, 0, 0, 0)
        return np.frombuffer(
            b"".join(each for each in requests if isinstance(each, bytes)), np.int64
        )

    def draw(self, words: Iterable[int]) -> NDArray[Any]:
        """Draw the array into new memory, by the words of a key."""
        output = destination(self.shape, self.dtype, None, None)
        output.device.fill(self.requests(whole(self.shape), output.address, *stream_of(words)))
        drawn: NDArray[Any] = output.finish()
        return drawn


@functools.lru_cache(maxsize=1024)
def drawing_of(initializer: Initializer, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Drawing:
    """Return what an initializer draws.

    Raises:
        ValueError: the initializer does not fit the shape, or the dtype cannot hold its values.
    """
    drawn = dtype_of(dtype)
    # Nothing is drawn of an empty array, so whatever fits no weights is right for it.
    templates = () if 0 in shape else templates_of(initializer, shape, drawn)
    return Drawing(initializer, shape, drawn, templates)
