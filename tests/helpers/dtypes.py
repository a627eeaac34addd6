"""The dtypes that fastinit draws."""

from typing import Any

import numpy as np

from helpers import reference

DTYPES = tuple(reference.DTYPES)
INTEGERS = ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


def dtype_of(name: str) -> np.dtype[Any]:
    return reference.DTYPES.get(name) or np.dtype(name)
