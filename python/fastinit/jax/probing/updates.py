"""The first update that an optimizer makes of a gradient, within a program."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

_ADAM = 1e-8  # epsilon of torch.optim.Adam and of optax.adam
_MUON = 1e-7
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_STEPS = 5


def update_of(optimizer: str, gradient: Any, layout: str) -> Any:
    """Return the first update, for a learning rate of 1, but for its sign.

    In the first step the moments of Adam (Kingma and Ba 2014, arXiv 1412.6980) are those of the
    gradient alone, and Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) makes
    the gradient almost orthogonal by Newton's and Schulz's iteration.

    Args:
        optimizer: "sgd", "adam" or "muon".
        gradient: a matrix for "muon".
        layout: what its axes are.
    """
    values = gradient.astype(jnp.float32)
    if optimizer == "sgd":
        return values
    if optimizer == "adam":
        return values / (jnp.abs(values) + _ADAM)
    outputs = layout.index("o") if sorted(layout) == ["i", "o"] else 1
    ratio = gradient.shape[outputs] / gradient.shape[1 - outputs]
    return math.sqrt(max(1.0, ratio)) * _orthogonalized(values)


def _orthogonalized(matrix: Any) -> Any:
    """Return a matrix whose singular values are about 1, in bfloat16 as in torch."""
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if is_tall else matrix).astype(jnp.bfloat16)
    x = x / jnp.maximum(jnp.linalg.norm(x.astype(jnp.float32)), _MUON).astype(x.dtype)
    a, b, c = _COEFFICIENTS
    for _ in range(_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if is_tall else x
