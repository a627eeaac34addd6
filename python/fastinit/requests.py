"""Requests: one tensor's fill as plain numbers, the only thing that native code ever sees.

A distribution and a dtype give a template (what to draw); a box, an address and a stream place it
(where, and which numbers). A list of requests is one structured array of the dtype ``REQUEST``,
and ``native.fill`` draws them all in one parallel region.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit import _cpu
from fastinit.boxes import Box
from fastinit.dtypes import CODES

REQUEST = _cpu.request_dtype
MAXIMUM_RANK = REQUEST["extent"].shape[0]

CONSTANT, UNIFORM, NORMAL, TRUNCATED = range(4)  # as csrc/cpu/request.h has them

Requests = NDArray[np.void]


def template(
    distribution: int,
    dtype: np.dtype[Any],
    parameters: tuple[float, ...] = (),
    *,
    pattern: int = 0,
    cut: int = 0,
) -> Requests:
    """One request that lacks its place: the address, the box and the stream."""
    request = np.zeros(1, REQUEST)
    request["distribution"] = distribution
    request["dtype"] = CODES.get(dtype, 0)  # constants of other dtypes are bit patterns alone
    request["item_size"] = dtype.itemsize
    request["parameter"][0, : len(parameters)] = parameters
    request["pattern"] = pattern
    request["cut"] = cut
    request.flags.writeable = False
    return request


def place(what: Requests, box: Box, address: int, seed: int, stream: int) -> Requests:
    """The requests that draw ``box`` of the whole into contiguous memory at ``address``."""
    pieces = list(box.pieces(MAXIMUM_RANK))
    requests = np.repeat(what, len(pieces)) if len(pieces) > 1 else what.copy()
    requests["seed"] = seed
    requests["stream"] = stream
    item_size = int(what["item_size"][0])
    for request, (position, count, piece) in zip(requests, pieces, strict=True):
        rank = len(piece.extents)
        request["address"] = address + position * item_size
        request["count"] = count
        request["offset"] = piece.offset
        request["rank"] = rank
        request["extent"][:rank] = piece.extents
        request["stride"][:rank] = piece.strides
    return requests
