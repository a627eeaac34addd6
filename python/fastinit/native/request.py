"""Requests: the fill of one tensor as plain numbers, the only thing that native code ever sees.

An initializer gives templates for a shape and a dtype: requests that lack a location and a stream.
A box, an address and a stream complete them. Requests are packed bytes; a list of them is one
structured array of the dtype ``REQUEST``, which ``Device.fill`` hands over in one native call. A
few are operations instead: Python executes them between two native calls.
"""

from __future__ import annotations

import abc
import functools
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.native import _cpu
from fastinit.native.box import Box
from fastinit.native.dtypes import CODES

if TYPE_CHECKING:
    from numpy.typing import NDArray

REQUEST = _cpu.request_dtype
MAXIMUM_RANK = REQUEST["extent"].shape[0]
_PARAMETERS = REQUEST["parameter"].shape[0]


def _packer(first: str, last: str) -> struct.Struct:
    """Return the format of successive fields of a request."""
    names = REQUEST.names or ()
    letters = {"u1": "B", "u4": "I", "u8": "Q", "f8": "d"}
    fields = [REQUEST[name] for name in names[names.index(first) : names.index(last) + 1]]
    counted = [(math.prod(field.shape), field.base) for field in fields]
    return struct.Struct("=" + "".join(f"{n}{letters[base.str[1:]]}" for n, base in counted))


# The pieces of a request. Packed bytes, since NumPy takes 20 microseconds to fill in a record.
_PLACE = _packer("address", "stream")
_LAYOUT = _packer("offset", "stride")
_VALUES = _packer("distribution", "pattern")
_SAMPLES = _packer("step", "threshold")
_MATRICES = _packer("whole_count", "role")
_PADDING = tuple((0,) * (MAXIMUM_RANK - rank) for rank in range(MAXIMUM_RANK + 1))


class Operation(abc.ABC):
    """An operation of Python on memory, after the requests that stand before it in a list."""

    def prepare(self, device: Any) -> None:  # noqa: B027
        """Do what may fail on a device, before anything of the list is written."""

    @abc.abstractmethod
    def run(self, device: Any) -> None:
        """Do it on the device of the memory, one of ``fastinit.arrays.devices``."""


class Barrier(Operation):
    """Nothing: the requests before it are executed before those after it."""

    def run(self, device: Any) -> None:
        """Do nothing."""


BARRIER = Barrier()
Request = bytes | Operation


class Template(abc.ABC):
    """A request, or several, that lack a location and a stream."""

    elementwise: bool
    """Whether any flat piece costs no more than its share of the whole."""

    zeroes_only: bool = False
    """Whether it writes zeros to some elements and leaves the others, as masks do."""

    may_fail: bool = False
    """Whether it turns out only when they are computed that there are no such values."""

    digest: str | None = None
    """The digest of the whole array, if it is known before it is drawn; ``check`` compares it."""

    def unchecked(self) -> Template:
        """Return a template whose ``digest`` the caller compares after drawing the whole array."""
        return self

    def check(self, seed: int, stream: int) -> None:  # noqa: B027
        """Check what values are computed from: files, and the names of further streams.

        Raises:
            ValueError: There are no values for this stream.
        """

    @abc.abstractmethod
    def requests(self, box: Box, address: int, seed: int, stream: int) -> Sequence[Request]:
        """Return the requests that draw ``box`` into contiguous memory at ``address``."""


def location(
    address: int,
    count: int,
    seed: int,
    stream: int,
    offset: int,
    extents: tuple[int, ...],
    strides: tuple[int, ...],
) -> bytes:
    """Pack the first piece of a request: where it writes, and which numbers of which stream."""
    return _PLACE.pack(address, count, seed, stream) + _layout(offset, extents, strides)


@functools.lru_cache(maxsize=1024)
def _layout(offset: int, extents: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    rank = len(extents)
    padding = _PADDING[rank]
    return _LAYOUT.pack(offset, rank, *extents, *padding, *strides, *padding)


def values(
    distribution: str,
    dtype: np.dtype[Any],
    parameters: tuple[float, ...] = (),
    *,
    pattern: int = 0,
    formula: int = 0,
) -> bytes:
    """Pack the second piece: a distribution with its parameters in ``dtype``.

    Args:
        distribution: its name in csrc/request/distributions.h.
        dtype: of the elements.
        parameters: as the distribution's header in csrc/numerics/ lists them.
        pattern: the bits of a constant.
        formula: which formula of the distribution draws, if it has several.
    """
    code = CODES.get(dtype, 0)  # only bit patterns are written in other dtypes
    padded = parameters + (0.0,) * (_PARAMETERS - len(parameters))
    number = _cpu.distributions[distribution]
    return _VALUES.pack(number, code, dtype.itemsize, formula, *padded, pattern)


def samples(
    steps: tuple[int, ...] = (),
    position: int = 0,
    period: int = 0,
    zeros: int = 0,
    threshold: int = 0,
) -> bytes:
    """Pack the third piece: the samples of an exact-count mask, or a Bernoulli mask's threshold."""
    return _SAMPLES.pack(*steps, *_PADDING[len(steps)], position, period, zeros, threshold)


def matrices(whole_count: int = 0, roles: tuple[int, ...] = ()) -> bytes:
    """Pack the last piece: the elements of the whole array, and the roles of the part's axes."""
    return _MATRICES.pack(whole_count, *roles, *_PADDING[len(roles)])


NO_SAMPLES = samples()
NO_MATRICES = matrices()


@dataclass(frozen=True)
class Fill(Template):
    """A template whose elements are independent: everything in a request except its location."""

    elementwise = True

    item_size: int
    packed: bytes

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[bytes]:
        """Return one request, or several where the box has more axes than a request."""
        extents = box.extents
        if len(extents) == 1:
            # What location() does, in one call less.
            place = _PLACE.pack(address, extents[0], seed, stream)
            return [place + _layout(box.offset, extents, box.strides) + self.packed]
        return [
            location(
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


def fill_template(
    distribution: str,
    dtype: np.dtype[Any],
    parameters: tuple[float, ...] = (),
    *,
    pattern: int = 0,
    formula: int = 0,
) -> Fill:
    """Return the template of a distribution with its parameters, see ``values``."""
    packed = values(distribution, dtype, parameters, pattern=pattern, formula=formula)
    return Fill(dtype.itemsize, packed + NO_SAMPLES + NO_MATRICES)


def as_array(requests: Iterable[bytes]) -> NDArray[np.void]:
    """Return the structured array of requests that native code takes."""
    return np.frombuffer(b"".join(requests), REQUEST)
