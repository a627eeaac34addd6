"""Comparison of arrays bit by bit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def bits(array: Any) -> NDArray[Any]:
    """The elements of an array as unsigned integers, or as 16 bytes, in one dimension."""
    flat = np.ascontiguousarray(array).reshape(-1)
    size = flat.dtype.itemsize
    return flat.view(f"u{size}" if size <= 8 else f"V{size}")


def check_bits(actual: Any, expected: Any, case: object = "") -> None:
    """Fail unless two arrays agree in dtype, shape and every bit."""
    assert actual.dtype == expected.dtype, case
    assert actual.shape == expected.shape, case
    differ = np.flatnonzero(bits(actual) != bits(expected))
    if differ.size:
        at = differ[0]
        raise AssertionError(
            f"{case}: {differ.size} of {actual.size} differ, first element {at}: "
            f"{np.ravel(actual)[at]!r} is not {np.ravel(expected)[at]!r}"
        )


def f64(array: Any) -> NDArray[np.float64]:
    """The elements of any dtype as float64, exactly."""
    with np.errstate(invalid="ignore"):
        return np.asarray(array).astype(np.float64)
