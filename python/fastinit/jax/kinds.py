"""The kinds of JAX's initializers: how each makes one of NumPy's arrays for a shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from fastinit import initializers
from fastinit.checks import type_of
from fastinit.initializers import DeltaOrthogonal, Orthogonal, VarianceScaling
from fastinit.initializers.composites.nested import check_layout
from fastinit.initializers.distributions.presets import Preset
from fastinit.initializers.fans import fan_of_mode
from fastinit.initializers.named import function_name
from fastinit.jax.axes import Axes, fans_of, layout_of_columns
from fastinit.jax.base import Initializer
from fastinit.native.box import Shape

_FAN_SCALED = {"in_axis": -2, "out_axis": -1, "batch_axis": (), "dtype": None}
_COLUMNS = {"scale": 1.0, "column_axis": -1, "dtype": None}


def _called(name: str, given: dict[str, Any], usual: dict[str, Any]) -> str:
    """Return the call of a function that makes an initializer, with what is not its default."""
    dtype = given.get("dtype")
    given = given if dtype is None else given | {"dtype": jnp.dtype(dtype).name}
    options = [f"{key}={value!r}" for key, value in given.items() if value != usual.get(key)]
    return f"{name}({', '.join(options)})"


@dataclass(frozen=True, repr=False)
class Fixed(Initializer):
    """An initializer that every shape has; its layout, if it has one, names the axes.

    Raises:
        ValueError: When called, the layout is torch's.
    """

    initializer: initializers.Initializer
    dtype: Any = None

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return it."""
        check_layout(self.initializer, shape)
        return self.initializer

    def __repr__(self) -> str:
        dtype = "" if self.dtype is None else f", dtype={jnp.dtype(self.dtype).name!r}"
        return f"initializer({self.initializer!r}{dtype})"


@dataclass(frozen=True, eq=False)
class Multiplied(Initializer):
    """An initializer whose values are multiplied with a number that JAX traces."""

    unit: Initializer
    factor: Any

    @property
    def dtype(self) -> Any:
        """That of the values before they are multiplied."""
        return self.unit.dtype

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return that of the values before they are multiplied."""
        return self.unit.resolve(shape)

    def __call__(
        self, key: Any, shape: Shape, dtype: Any = None, out_sharding: Any = None
    ) -> jax.Array:
        """Draw an array, and multiply it in its dtype."""
        drawn = self.unit(key, shape, dtype, out_sharding)
        return drawn * jnp.asarray(self.factor, drawn.dtype)


@dataclass(frozen=True, repr=False)
class FanScaled(Initializer):
    """A variance scaling whose fans come from axes by their numbers."""

    scaling: VarianceScaling | type[Preset]
    in_axis: Axes
    out_axis: Axes
    batch_axis: Axes
    dtype: Any = None

    def __post_init__(self) -> None:
        for name in ("in_axis", "out_axis", "batch_axis"):
            axes = getattr(self, name)
            if not isinstance(axes, int | Sequence):
                raise TypeError(f"{name}= is {type_of(axes)}; pass axes by their numbers")
            object.__setattr__(self, name, axes if isinstance(axes, int) else tuple(axes))

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the variance scaling with the fan as a number."""
        fans = fans_of(shape, self.in_axis, self.out_axis, self.batch_axis)
        scaling = self.scaling
        if isinstance(scaling, VarianceScaling):
            fan = fan_of_mode(*fans, scaling.mode)
            return VarianceScaling(scaling.scale, scaling.mode, scaling.distribution, fan=fan)
        truncated = scaling.distribution == "normal"  # as JAX has all normal ones
        return scaling(fan=fan_of_mode(*fans, scaling.mode), truncated=truncated)

    def __repr__(self) -> str:
        names = ("in_axis", "out_axis", "batch_axis", "dtype")
        given = {name: getattr(self, name) for name in names}
        scaling = self.scaling
        if isinstance(scaling, type):
            return _called(function_name(scaling.__name__), given, _FAN_SCALED)
        own = {name: getattr(scaling, name) for name in ("scale", "mode", "distribution")}
        return _called("variance_scaling", own | given, _FAN_SCALED)


@dataclass(frozen=True, repr=False)
class Columns(Initializer):
    """Orthogonal matrices; the columns lie along an axis, and all other axes are the rows."""

    scale: float
    column_axis: int
    dtype: Any = None

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the orthogonal initializer with the layout of the axes."""
        if len(shape) < 2:
            raise ValueError(f"shape {shape} has {len(shape)} axes; a matrix needs two or more")
        return Orthogonal(self.scale, layout_of_columns(shape, self.column_axis))

    def __repr__(self) -> str:
        return _called("orthogonal", vars(self), _COLUMNS)


@dataclass(frozen=True, repr=False)
class CenteredColumns(Initializer):
    """An orthogonal matrix of (inputs, outputs) in the middle of a kernel of 1, 2 or 3 axes."""

    scale: float
    column_axis: int
    dtype: Any = None

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the delta-orthogonal initializer of kernels in JAX's order of axes."""
        if len(shape) not in (3, 4, 5):
            raise ValueError(
                f"shape {shape} has {len(shape)} axes; a kernel has 3, 4 or 5, the last two of "
                "them inputs and outputs"
            )
        # Both are the same distribution: with at least as many outputs, each input's row is a unit.
        layout_of_columns(shape[-2:], self.column_axis)
        return DeltaOrthogonal(self.scale, "*io")

    def __repr__(self) -> str:
        return _called("delta_orthogonal", vars(self), _COLUMNS)
