"""Arrays of scipy.sparse: what a mask keeps, drawn without the dense array."""

from __future__ import annotations

import importlib
import math
from typing import Any, cast

import numpy as np

from fastinit import streams
from fastinit.initializers.masks.masked import Masked
from fastinit.native import _cpu
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Box, Index, Shape, part, shape_of, whole
from fastinit.native.dtypes import dtype_of
from fastinit.native.masks import BlockMask, TotalCountMask, bernoulli_mask
from fastinit.native.request import Fill, as_array
from fastinit.repeated_streams import note
from fastinit.streams import Seed

FORMATS = ("csr", "csc", "coo")
_NOWHERE = 1  # the address of a mask that is listed and not written


def draw(
    initializer: Masked,
    shape: Shape,
    form: str,
    seed: Seed | None,
    name: str | int | None,
    dtype: Any,
    device: Any,
    out: Any,
    index: Index | None,
) -> Any:
    """Draw a masked matrix, or the part of it that ``index`` names, as an array of scipy.sparse.

    Raises:
        ImportError: SciPy is not installed.
        TypeError: An argument has the wrong type.
        ValueError: The format is not known, the shape is not that of a matrix, scipy.sparse lacks
            the dtype, a device or ``out`` is given, or the elements of the base are not
            independent.
    """
    if form not in FORMATS:
        raise ValueError(f"format={form!r} is not known; use one of {', '.join(FORMATS)}")
    sizes = shape_of(shape)
    box = whole(sizes) if index is None else part(sizes, index)
    if len(sizes) != 2 or len(box.shape) != 2:
        raise ValueError(
            f"format={form!r} needs a matrix, and shape {sizes} with index={index!r} gives "
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
    array = _nonzeros(scipy, initializer, sizes, box, form, wanted, stream)
    if streams.lacks_name(seed, name):
        is_part = index is not None
        note(stream[0], None, array, initializer, sizes, is_new=True, is_part=is_part)
    return array


def _scipy() -> Any:
    try:
        return importlib.import_module("scipy.sparse")
    except ImportError:
        raise ImportError("format= needs scipy; run: pip install 'fastinit-nn[sparse]'") from None


def _without(place: tuple[int, int], indptr: Any, indices: Any) -> Any:
    """Return the indices without an element, given its row (in CSC, column) and its index there."""
    row, index = place
    at = indptr[row] + np.searchsorted(indices[indptr[row] : indptr[row + 1]], index)
    indptr[row + 1 :] -= 1
    return np.delete(indices, at)


@in_default_arithmetic
def _nonzeros(
    scipy: Any,
    initializer: Masked,
    sizes: tuple[int, ...],
    box: Box,
    form: str,
    dtype: np.dtype[Any],
    stream: tuple[int, int],
) -> Any:
    templates = initializer.values(sizes).templates(sizes, dtype)
    if len(templates) != 1 or not isinstance(templates[0], Fill):
        raise ValueError(
            f"format={form!r} needs a base whose elements are drawn independently, and "
            f"{initializer.dense!r} is not one; leave format= out"
        )
    kept, of = initializer.density(sizes)
    if kept == 0:
        return getattr(scipy, f"{form}_array")(box.shape, dtype=dtype)
    mask = bernoulli_mask(dtype, 0) if kept == of else initializer.mask(sizes, dtype)
    rows, columns = box.shape
    by_column = form == "csc"
    row_box = Box(box.shape, box.offset, box.shape, (sizes[1], 1), None)
    first, *_ = mask.requests(row_box if kept == of else box, _NOWHERE, *stream)
    zeroed = as_array([cast(bytes, first)])  # a mask is drawn by native code alone
    indptr, indices = _cpu.nonzeros(zeroed, rows, columns, by_column)
    if isinstance(mask, (TotalCountMask, BlockMask)):
        for position in mask.tied(box, *stream):
            place = divmod(position, columns)
            indices = _without(place[::-1] if by_column else place, indptr, indices)
    data = np.empty(len(indices), dtype)
    fill = templates[0].requests(row_box, _cpu.address(data), *stream)
    _cpu.gather(as_array(fill), indptr, indices, by_column)
    if form == "coo":
        row = np.repeat(np.arange(rows, dtype=indptr.dtype), np.diff(indptr))
        array = scipy.coo_array((data, (row, indices)), shape=box.shape)
    else:
        array = getattr(scipy, f"{form}_array")((data, indices, indptr), shape=box.shape)
        array.has_sorted_indices = True
    array.has_canonical_format = True
    return array
