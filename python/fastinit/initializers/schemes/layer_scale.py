"""LayerScale: the first factors of residual branches, by the number of layers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fastinit.checks import positive_integer
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.schemes.scheme import Scheme
from fastinit.native.dtypes import drawable
from fastinit.native.request import Template

__all__ = ["LayerScale"]


@dataclasses.dataclass(frozen=True)
class LayerScale(Scheme):
    """First factors of residual branches: 0.1 up to 18 layers, 1e-5 up to 24, 1e-6 beyond.

    The deeper a network is, the smaller its branches start (Touvron et al. 2021, arXiv 2103.17239,
    section 3). In a rule, ``numbers={"layers": "layers"}`` takes the number from the model.

    Args:
        layers: The number of layers.

    Raises:
        TypeError: ``layers`` is not an integer.
        ValueError: ``layers`` is not positive.

    Example:
        >>> import fastinit
        >>> fastinit.LayerScale(24)((3,))
        array([1.e-05, 1.e-05, 1.e-05], dtype=float32)
        >>> depth = {"layers": "layers"}
        >>> rule = fastinit.Rule("**.{layer}.gamma_1", fastinit.LayerScale(), numbers=depth)
        >>> plan = fastinit.Plan({f"blocks.{k}.gamma_1": 4 for k in range(30)}, [rule], seed=0)
        >>> plan["blocks.0.gamma_1"].initializer
        Constant(value=1e-06)
    """

    is_random = False

    layers: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", positive_integer(self.layers, "layers"))

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return the factor for the number of layers."""
        if self.layers <= 18:
            return Constant(0.1)
        return Constant(1e-5 if self.layers <= 24 else 1e-6)

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return those of the factor, which needs a float dtype."""
        drawable(dtype, "fractional")
        return super().templates(shape, dtype)
