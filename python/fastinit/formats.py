"""Sparse formats: scipy's arrays of what a mask keeps, built without the dense array."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from fastinit import _cpu, streams
from fastinit.boxes import Box, Index, part, shape_of, whole
from fastinit.dtypes import dtype_of
from fastinit.initializers.masked import Masked
from fastinit.overlays import bernoulli
from fastinit.requests import Fill, requests_of

FORMATS = ("csr", "csc", "coo")
_NOWHERE = 1  # the address of a mask that is listed and not written


def draw(
    what: Masked,
    shape: Any,
    form: str,
    *,
    seed: int | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Any = None,
    index: Index | None = None,
) -> Any:
    """The masked matrix, or the part of it that ``index`` names, as an array of scipy.sparse.

    Raises:
        ImportError: scipy is not installed.
        TypeError: an argument of the wrong type.
        ValueError: an unknown format, no matrix, a dtype that scipy.sparse lacks, a device or an
            ``out``, or a base whose elements are not drawn one by one.
    """
    if form not in FORMATS:
        raise ValueError(f"format={form!r} is not known; use one of {', '.join(FORMATS)}")
    sizes = shape_of(shape)
    box = whole(sizes) if index is None else part(sizes, index)
    if len(sizes) != 2 or len(box.shape) != 2:
        raise ValueError(
            f"format={form!r} is of a matrix, and shape {sizes} with index={index!r} gives "
            f"{len(box.shape)} axes; pass two axes, and slices to index="
        )
    if out is not None or (device is not None and str(device) != "cpu"):
        raise ValueError(f"format={form!r} makes a new array on the CPU; leave out= and device=")
    wanted = dtype_of("float32" if dtype is None else dtype)
    if wanted.kind not in "biu" and wanted not in (np.float32, np.float64):
        raise ValueError(
            f"scipy.sparse has no {wanted.name}; pass dtype='float32' or 'float64', or leave "
            f"format={form!r} out"
        )
    scipy = _scipy()
    stream = streams.resolve(seed, name)
    if math.prod(box.shape) == 0:
        return getattr(scipy, f"{form}_array")(box.shape, dtype=wanted)
    return _compressed(scipy, what, sizes, box, form, wanted, stream)


def _scipy() -> Any:
    try:
        return importlib.import_module("scipy.sparse")
    except ImportError:
        raise ImportError("format= needs scipy; run: pip install 'fastinit[sparse]'") from None


def _compressed(
    scipy: Any,
    what: Masked,
    sizes: tuple[int, ...],
    box: Box,
    form: str,
    dtype: np.dtype[Any],
    stream: tuple[int, int],
) -> Any:
    values = what.values(sizes).draws(sizes, dtype)
    if len(values) != 1 or not isinstance(values[0], Fill):
        raise ValueError(
            f"format={form!r} needs a base that draws each element by itself, and {what.dense!r} "
            "does not; leave format= out"
        )
    kept, of = what.density(sizes)
    if kept == 0:
        return getattr(scipy, f"{form}_array")(box.shape, dtype=dtype)
    mask = bernoulli(dtype, 0) if kept == of else what.mask(sizes, dtype)
    rows, columns = box.shape
    by_column = form == "csc"
    lines = Box(box.shape, box.offset, box.shape, (sizes[1], 1), None)
    indptr, indices = _cpu.nonzeros(
        requests_of(mask.place(lines if kept == of else box, _NOWHERE, *stream)),
        rows,
        columns,
        by_column,
    )
    data = np.empty(len(indices), dtype)
    fill = values[0].place(lines, _cpu.address(data), *stream)
    _cpu.gather(requests_of(fill), indptr, indices, by_column)
    if form == "coo":
        row = np.repeat(np.arange(rows, dtype=indptr.dtype), np.diff(indptr))
        made = scipy.coo_array((data, (row, indices)), shape=box.shape)
    else:
        made = getattr(scipy, f"{form}_array")((data, indices, indptr), shape=box.shape)
        made.has_sorted_indices = True
    made.has_canonical_format = True
    return made
