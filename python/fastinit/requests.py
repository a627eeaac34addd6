"""Requests: one tensor's fill as plain numbers, the only thing that native code ever sees.

An initializer and a dtype give draws (what); a box, an address and a stream place them (where, and
which numbers). A list of requests is one structured array of the dtype ``REQUEST``, and
``native.fill`` draws them all in one parallel region.
"""

from __future__ import annotations

import abc
import math
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

CONSTANT = _cpu.distributions["constant"]
UNIFORM = _cpu.distributions["uniform"]
NORMAL = _cpu.distributions["normal"]
TRUNCATED = _cpu.distributions["truncated_normal"]
ORTHOGONAL = _cpu.distributions["orthogonal"]
EXACT_COUNT_MASK = _cpu.distributions["exact_count_mask"]
BERNOULLI_MASK = _cpu.distributions["bernoulli_mask"]
SCATTER = _cpu.distributions["scatter"]


def _packer(first: str, last: str) -> struct.Struct:
    """Return the format of successive fields of a request, as ``_cpu.request_dtype`` has them."""
    names = REQUEST.names or ()
    letters = {"u1": "B", "u4": "I", "u8": "Q", "f8": "d"}
    fields = [REQUEST[name] for name in names[names.index(first) : names.index(last) + 1]]
    counted = [(math.prod(field.shape), field.base) for field in fields]
    return struct.Struct("=" + "".join(f"{n}{letters[base.str[1:]]}" for n, base in counted))


# The pieces of a record. Packed bytes, since NumPy takes 20 microseconds to fill in a record.
_WHERE = _packer("address", "stride")
_WHAT = _packer("distribution", "pattern")
_SAMPLES = _packer("step", "threshold")
_MATRICES = _packer("whole_count", "role")
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
    formula: int = 0,
) -> bytes:
    """The second piece: a distribution with its parameters, in ``dtype``."""
    code = CODES.get(dtype, 0)  # only bit patterns are written in other dtypes
    padded = parameters + (0.0,) * (_PARAMETERS - len(parameters))
    return _WHAT.pack(distribution, code, dtype.itemsize, formula, *padded, pattern)


def samples(
    steps: tuple[int, ...] = (),
    position: int = 0,
    period: int = 0,
    zeros: int = 0,
    threshold: int = 0,
) -> bytes:
    """The third piece: the samples of an exact-count mask, or the threshold of a Bernoulli mask."""
    return _SAMPLES.pack(*steps, *_PADDING[len(steps)], position, period, zeros, threshold)


def matrices(whole_count: int = 0, roles: tuple[int, ...] = ()) -> bytes:
    """The last piece: the elements of the whole array, and the role of each axis of the part."""
    return _MATRICES.pack(whole_count, *roles, *_PADDING[len(roles)])


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


NO_SAMPLES = samples()
NO_MATRICES = matrices()


def draw(
    distribution: int,
    dtype: np.dtype[Any],
    parameters: tuple[float, ...] = (),
    *,
    pattern: int = 0,
    formula: int = 0,
) -> Fill:
    """Return the fill of a distribution with its parameters, in ``dtype``."""
    packed = what(distribution, dtype, parameters, pattern=pattern, formula=formula)
    return Fill(dtype.itemsize, packed + NO_SAMPLES + NO_MATRICES)


def requests_of(records: Iterable[bytes]) -> NDArray[np.void]:
    """The array of requests that native code takes."""
    return np.frombuffer(b"".join(records), REQUEST)
