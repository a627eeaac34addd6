"""Requests, which are all that native code sees of a draw, and calls that fill them."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastinit.native import cpu
from fastinit.native.box import part
from fastinit.native.request import as_array

ENDLESS = (1 << 58) - 1  # elements of the largest array


class What(Protocol):
    """An initializer, or an object like one."""

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, ...]: ...


def requests_for(
    what: What,
    dtype: DTypeLike,
    shape: tuple[int, ...],
    address: int,
    *,
    index: Any = ...,
    seed: int = 0,
    stream: int = 0,
) -> list[bytes]:
    """The requests for a part of an array at an address, each as bytes.

    ``stream`` is any 64-bit number.
    """
    box = part(shape, index)
    templates = what.templates(shape, np.dtype(dtype))
    return [
        request
        for template in templates
        for request in template.requests(box, address, seed, stream)
    ]


def joined(each: Sequence[bytes]) -> NDArray[np.void]:
    """Several requests as native code takes them."""
    return as_array(each)


def fill(requests: Sequence[bytes] | NDArray[Any], threads: int = 0) -> None:
    """Fill requests on the CPU, with at most this number of threads if it is not 0."""
    cpu.fill(requests if isinstance(requests, np.ndarray) else joined(requests), threads)


def draw_at(
    what: What, dtype: DTypeLike, offset: int, count: int, seed: int, stream: int
) -> NDArray[Any]:
    """Elements offset to offset + count of a stream."""
    out = np.zeros(count, dtype)
    index = np.s_[offset : offset + count]
    fill(
        requests_for(
            what, dtype, (ENDLESS,), out.ctypes.data, index=index, seed=seed, stream=stream
        )
    )
    return out
