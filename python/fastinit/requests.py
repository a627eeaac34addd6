"""Requests: one tensor's fill as plain numbers, the only thing that native code ever sees.

An initializer and a dtype give draws (what); a box, an address and a stream place them (where, and
which numbers). A list of requests is one structured array of the dtype ``REQUEST``, and
``native.fill`` draws them all in one parallel region.
"""

from __future__ import annotations

import abc
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastinit import _cpu
from fastinit.boxes import Box
from fastinit.dtypes import CODES

REQUEST = _cpu.request_dtype
MAXIMUM_RANK = REQUEST["extent"].shape[0]
_PARAMETERS = REQUEST["parameter"].shape[0]

CONSTANT, UNIFORM, NORMAL, TRUNCATED, ORTHOGONAL = range(5)  # as csrc/cpu/request.h has them
SUBSET, BERNOULLI, SCATTER = 5, 6, 7

# The pieces of a record. Packed bytes, since NumPy takes 20 microseconds to fill in a record.
_WHERE = struct.Struct(f"=6Q{MAXIMUM_RANK}Q{MAXIMUM_RANK}Q")
_WHAT = struct.Struct(f"=4IQ{_PARAMETERS}d")
_SAMPLES = struct.Struct(f"={MAXIMUM_RANK}Q3Q")
_PADDING = tuple((0,) * (MAXIMUM_RANK - rank) for rank in range(MAXIMUM_RANK + 1))


class Draw(abc.ABC):
    """What is drawn, ready to be placed."""

    elementwise: ClassVar[bool]
    """Whether any flat piece of it costs no more than its share of the whole."""

    @abc.abstractmethod
    def place(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """The records that draw ``box`` of the whole into contiguous memory at ``address``."""


def where(
    address: int,
    count: int,
    seed: int,
    stream: int,
    offset: int,
    extents: tuple[int, ...],
    strides: tuple[int, ...],
) -> bytes:
    """The first piece of a record: where it draws, and which numbers."""
    rank = len(extents)
    padding = _PADDING[rank]
    return _WHERE.pack(
        address, count, seed, stream, offset, rank, *extents, *padding, *strides, *padding
    )


def what(
    distribution: int,
    dtype: np.dtype[Any],
    parameters: tuple[float, ...] = (),
    *,
    pattern: int = 0,
    cut: int = 0,
) -> bytes:
    """The second piece: a distribution with its parameters (csrc/cpu/request.h) in ``dtype``."""
    code = CODES.get(dtype, 0)  # bit patterns alone are written in other dtypes
    padded = parameters + (0.0,) * (_PARAMETERS - len(parameters))
    return _WHAT.pack(distribution, code, dtype.itemsize, cut, pattern, *padded)


def samples(
    steps: tuple[int, ...] = (), position: int = 0, period: int = 0, zeros: int = 0
) -> bytes:
    """The third piece: the samples of a mask."""
    return _SAMPLES.pack(*steps, *_PADDING[len(steps)], position, period, zeros)


@dataclass(frozen=True)
class Fill(Draw):
    """A draw in which each element is by itself: all of a record but where."""

    elementwise = True

    item_size: int
    packed: bytes

    def place(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """One record, or several where the box has more axes than a record."""
        return [
            where(
                address + position * self.item_size,
                count,
                seed,
                stream,
                piece.offset,
                piece.extents,
                piece.strides,
            )
            + self.packed
            for position, count, piece in box.pieces(MAXIMUM_RANK)
        ]


_NO_SAMPLES = samples()


def draw(
    distribution: int,
    dtype: np.dtype[Any],
    parameters: tuple[float, ...] = (),
    *,
    pattern: int = 0,
    cut: int = 0,
) -> Fill:
    """The fill of a distribution with its parameters (csrc/cpu/request.h) in ``dtype``."""
    packed = what(distribution, dtype, parameters, pattern=pattern, cut=cut)
    return Fill(dtype.itemsize, packed + _NO_SAMPLES)


def requests_of(records: Iterable[bytes]) -> NDArray[np.void]:
    """The array of requests that native code takes."""
    return np.frombuffer(b"".join(records), REQUEST)
