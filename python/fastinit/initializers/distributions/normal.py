"""The normal distribution."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.checks import finite, not_negative
from fastinit.initializers.base import Distribution, made
from fastinit.initializers.function_help import draws
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.dtypes import drawable, representable
from fastinit.native.request import Fill, fill_template
from fastinit.streams import Seed

__all__ = ["Normal", "normal"]


@dataclasses.dataclass(frozen=True)
class Normal(Distribution):
    """Normal distribution with a mean and a standard deviation.

    Args:
        mean: The mean, finite.
        std: The standard deviation, finite, 0 or more.

    Raises:
        ValueError: A number is out of range; when drawn, the dtype cannot hold one.

    Example:
        >>> import fastinit
        >>> round(float(fastinit.Normal(std=0.02)((1000, 1000), seed=0).std()), 4)
        0.02
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("mean", "std")

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", finite(self.mean, "mean"))
        object.__setattr__(self, "std", not_negative(self.std, "std"))

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:  # noqa: ARG002
        """Return both as given."""
        return self.mean, self.std

    def _template(self, dtype: np.dtype[Any]) -> Fill:
        precision = drawable(dtype, "normal")
        std = representable(self.std, "std", precision)
        return fill_template("normal", dtype, (std, representable(self.mean, "mean", precision)))


@draws(Normal)
def normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Normal(mean, std)``.

    Example:
        >>> import fastinit
        >>> fastinit.normal((2, 3), std=0.02, seed=0).shape
        (2, 3)
    """
    if extra or unknown:
        raise unexpected(normal, shape, extra, unknown)
    return made(Normal, mean, std)._draw(shape, seed, name, dtype, device, out, index)
