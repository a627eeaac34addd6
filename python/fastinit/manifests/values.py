"""The values of a small tensor, as a manifest holds them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastinit.initializers.existing.values import LARGEST


def value_of(array: np.ndarray[Any, Any]) -> float | tuple[float, ...] | None:
    """Return the one value that all elements have, or else all values; None if they are many."""
    flat = array.reshape(-1)
    if not flat.size:
        return None
    first: float = flat[0].item()
    if (flat == flat[0]).all() or (flat.size == 1 and math.isnan(first)):
        return first
    if flat.size > LARGEST:
        return None
    return tuple(each.item() for each in flat)
