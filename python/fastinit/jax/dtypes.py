"""The dtype that a call of JAX means, as a NumPy dtype."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def dtype_meant(dtype: Any) -> np.dtype[Any]:
    """Return the dtype that JAX gives an array: None is its default float, 64 bits are an option.

    Raises:
        TypeError: ``dtype`` is not a dtype.
    """
    wanted: np.dtype[Any] = np.dtype(jnp.result_type(float) if dtype is None else dtype)
    if jax.dtypes.canonicalize_dtype(wanted) != wanted:
        wanted = jnp.zeros((), wanted).dtype  # with JAX's warning
    return wanted
