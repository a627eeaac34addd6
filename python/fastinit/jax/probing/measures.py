"""Numbers that say what an array is like, within a program."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

_BOUNDED = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "hard_tanh": (-1.0, 1.0)}
_EDGE = 0.01  # of the range at each end is saturated


def rms(values: Any) -> Any:
    """Return the root mean square, of values too large or small for their squares as well."""
    if not jnp.issubdtype(values.dtype, jnp.floating) or not values.size:
        return jnp.nan
    numbers = values.astype(jnp.float32)
    largest = jnp.abs(numbers).max()
    scale = jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1.0)
    return scale * jnp.sqrt(jnp.mean((numbers / scale) ** 2))


def measured(values: Any, activation: str | None) -> dict[str, Any]:
    """Return what the first axis, a batch, and the last, of channels, show of an output."""
    numbers = values.astype(jnp.float32)
    found = {"output_rms": rms(values)}
    if values.ndim > 1 and len(values) > 1:
        found["varies"] = _varies(numbers)
    if activation is not None and values.ndim > 1:
        alive = (numbers != 0).any(tuple(range(values.ndim - 1)))
        found["dead"] = 1 - alive.mean()
    if activation in _BOUNDED:
        low, high = _BOUNDED[activation]
        edge = (0.5 - _EDGE) * (high - low)
        found["saturated"] = (jnp.abs(numbers - 0.5 * (low + high)) >= edge).mean()
    return found


def _varies(numbers: Any) -> Any:
    """Return the root mean square of differences to the mean of a batch, 0 only if all are alike.

    Differences to the first input have the same variance, and are exact where inputs are alike.
    """
    apart = numbers - numbers[:1]
    scale = jnp.abs(apart).max()
    scale = jnp.where((scale > 0) & jnp.isfinite(scale), scale, 1.0)
    square, mean = jnp.mean((apart / scale) ** 2), jnp.mean(apart / scale, axis=0)
    return scale * jnp.sqrt(jnp.maximum(square - jnp.mean(mean**2), 0.0))
