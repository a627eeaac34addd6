"""Variance scaling, and its named cases: one class for each row of ``PRESETS``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from fastinit import initializers
from fastinit.checks import shown
from fastinit.initializers.distributions import presets
from fastinit.keras.initializer import Random, SeedLike

Axes = Sequence[int]

KERNEL = "*io"
"""The layout of Keras's kernels: (..., inputs, outputs)."""

_VECTOR = "*"  # both fans of a vector are its length, and those of a scalar 1
_DISTRIBUTIONS = {  # by Keras's names
    "normal": "truncated_normal",
    "truncated_normal": "truncated_normal",
    "untruncated_normal": "normal",
    "uniform": "uniform",
}


def layout_of(shape: tuple[int, ...], inputs: Axes | None, outputs: Axes | None) -> str:
    """Return the layout by which fans are Keras's.

    Args:
        shape: The shape of the kernel.
        inputs: The axes whose product is fan_in; None for those of ``KERNEL``.
        outputs: The axes whose product is fan_out; None together with ``inputs``.

    Raises:
        ValueError: Only one of both is given, or an axis is out of range or given twice.

    Example:
        >>> from fastinit.keras.fan_scaled import layout_of
        >>> layout_of((3, 3, 16, 32), None, None), layout_of((512, 8, 64), [0], [1, 2])
        ('*io', 'ioo')
    """
    if inputs is None and outputs is None:
        return KERNEL if len(shape) > 1 else _VECTOR
    if inputs is None or outputs is None:
        raise ValueError(
            f"input_axes={inputs} and output_axes={outputs} belong together; pass both or neither"
        )
    chosen = [{axis % len(shape) for axis in axes} for axes in (inputs, outputs) if shape]
    given = len(inputs) + len(outputs)
    if sum(map(len, chosen)) != given or not all(
        -len(shape) <= axis < len(shape) for axis in (*inputs, *outputs)
    ):
        raise ValueError(
            f"input_axes={inputs} and output_axes={outputs} are not different axes of shape "
            f"{shape}; pass numbers from {-len(shape)} to {len(shape) - 1}"
        )
    letters = {(True, False): "i", (False, True): "o", (True, True): "k", (False, False): "b"}
    return (
        "".join(letters[axis in chosen[0], axis in chosen[1]] for axis in range(len(shape)))
        or _VECTOR
    )


class FanScaled(Random, keras.initializers.VarianceScaling, is_base=True):
    """An initializer whose standard deviation comes from a fan.

    Layers of Keras know such initializers as ``keras.initializers.VarianceScaling``, and give
    them the axes of their kernels.
    """

    input_axes: Axes | None
    output_axes: Axes | None

    def __init__(
        self, seed: SeedLike | None, input_axes: Axes | None, output_axes: Axes | None
    ) -> None:
        super().__init__(seed)
        self.input_axes = None if input_axes is None else list(input_axes)
        self.output_axes = None if output_axes is None else list(output_axes)
        if (self.input_axes is None) != (self.output_axes is None):
            layout_of((), self.input_axes, self.output_axes)  # raises the error


class VarianceScaling(FanScaled):
    """Mean 0 and variance scale / fan.

    Args:
        scale: A number greater than 0; the square of a gain.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg".
        distribution: "truncated_normal" (at 2 standard deviations, with the one that was asked
            for; "normal" is the same), "untruncated_normal" or "uniform".
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.
        input_axes: The axes of the kernel whose product is fan_in; None for Keras's.
        output_axes: The axes of the kernel whose product is fan_out; None for Keras's.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of range, or a name is unknown.

    Example:
        >>> import fastinit.keras
        >>> fastinit.keras.VarianceScaling(2.0, "fan_out").resolve((4, 8))
        VarianceScaling(scale=2.0, mode='fan_out', distribution='truncated_normal', layout='*io')
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: SeedLike | None = None,
        input_axes: Axes | None = None,
        output_axes: Axes | None = None,
    ) -> None:
        known = _DISTRIBUTIONS.get(str(distribution).lower())
        if known is None:
            raise ValueError(
                f"distribution={shown(distribution)} is not known; use one of "
                f"{', '.join(_DISTRIBUTIONS)}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = "untruncated_normal" if known == "normal" else known
        super().__init__(seed, input_axes, output_axes)
        if self._of(KERNEL).scale == 0:
            raise ValueError(f"scale={scale} is not positive; pass a number greater than 0")

    def _of(self, layout: str) -> initializers.VarianceScaling:
        distribution = _DISTRIBUTIONS[self.distribution]
        return initializers.VarianceScaling(self.scale, self.mode, distribution, layout)

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the variance scaling with the axes of this shape."""
        return self._of(layout_of(shape, self.input_axes, self.output_axes))


_ARGUMENTS = """

    {paper}.

    Args:
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.
        input_axes: The axes of the kernel whose product is fan_in; None for Keras's.
        output_axes: The axes of the kernel whose product is fan_out; None for Keras's.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg"; None for the class's own.
        gain: A number, or the name of an activation, in place of the class's own.
        nonlinearity: The name of an activation whose gain is meant, see ``fastinit.gain``.
        a: The negative slope of ``nonlinearity="leaky_relu"``.
        truncated: Truncate a normal at 2 standard deviations, with the one that was asked for;
            None for what Keras does, which is True for a normal.
        groups: The number of groups of the convolution.
        fan: A number in place of the fan.{arguments}

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: Arguments contradict each other or are out of range; when drawn, a shape does
            not have the axes.

    Example:
        >>> import fastinit.keras
        >>> tuple(fastinit.keras.{name}(seed=0)((3, 3, 16, 32)).shape)
        (3, 3, 16, 32)
"""


class Preset(FanScaled, is_base=True):
    """A variance scaling under its own name: a row of ``PRESETS`` with Keras's arguments."""

    row: type[presets.Preset]

    def __init_subclass__(
        cls, *, row: type[presets.Preset] | None = None, arguments: str = ""
    ) -> None:
        """Take a row, and complete the docstring by it; a class of the user's inherits both."""
        super().__init_subclass__()
        if row is None:
            return
        cls.row = row
        sections = _ARGUMENTS.format(name=cls.__name__, paper=row.paper, arguments=arguments)
        cls.__doc__ = f"{cls.__doc__}{sections}"

    def __init__(
        self,
        seed: SeedLike | None = None,
        input_axes: Axes | None = None,
        output_axes: Axes | None = None,
        *,
        mode: str | None = None,
        gain: float | str | None = None,
        nonlinearity: str | None = None,
        a: float | None = None,
        truncated: bool | None = None,
        groups: int = 1,
        fan: float | None = None,
    ) -> None:
        self.mode = mode
        self.gain = gain
        self.nonlinearity = nonlinearity
        self.a = a
        self.truncated = truncated
        self.groups = groups
        self.fan = fan
        super().__init__(seed, input_axes, output_axes)
        self._of(KERNEL)  # which checks the options

    def _options(self) -> dict[str, Any]:
        is_normal = self.row.distribution == "normal"
        options: dict[str, Any] = {
            "gain": self.gain,
            "nonlinearity": self.nonlinearity,
            "a": self.a,
            "truncated": is_normal if self.truncated is None else self.truncated,
            "groups": self.groups,
            "fan": self.fan,
        }
        return options if self.mode is None else options | {"mode": self.mode}

    def _of(self, layout: str) -> initializers.Initializer:
        return self.row(layout=layout, **self._options())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the row's initializer with the axes of this shape."""
        return self._of(layout_of(shape, self.input_axes, self.output_axes))


class HeNormal(Preset, row=presets.HeNormal):
    """Truncated normal distribution, std = gain / sqrt(fan_in), gain sqrt(2)."""


class HeUniform(Preset, row=presets.HeUniform):
    """Uniform distribution within sqrt(3) gain / sqrt(fan_in), gain sqrt(2)."""


class GlorotNormal(Preset, row=presets.GlorotNormal):
    """Truncated normal distribution, std = gain / sqrt(fan_avg), gain 1."""


class GlorotUniform(Preset, row=presets.GlorotUniform):
    """Uniform distribution within sqrt(3) gain / sqrt(fan_avg), gain 1."""


class LecunNormal(Preset, row=presets.LecunNormal):
    """Truncated normal distribution, std = gain / sqrt(fan_in), gain 1."""


class LecunUniform(Preset, row=presets.LecunUniform):
    """Uniform distribution within sqrt(3) gain / sqrt(fan_in), gain 1."""


class FanInUniform(Preset, row=presets.FanInUniform):
    """Uniform distribution within 1 / sqrt(fan_in), the older rule and that of torch's layers."""


class SirenUniform(
    Preset,
    row=presets.SirenUniform,
    arguments="""
        omega: The factor inside the sine, sin(omega (W x + b)), finite and positive.
        first: Whether this is the first layer, whose bound is 1 / fan_in.""",
):
    """Uniform distribution within sqrt(3) gain / sqrt(fan_in) / omega, gain sqrt(2)."""

    def __init__(
        self,
        seed: SeedLike | None = None,
        input_axes: Axes | None = None,
        output_axes: Axes | None = None,
        *,
        mode: str | None = None,
        gain: float | str | None = None,
        nonlinearity: str | None = None,
        a: float | None = None,
        truncated: bool | None = None,
        groups: int = 1,
        fan: float | None = None,
        omega: float = 30.0,
        first: bool = False,
    ) -> None:
        self.omega = omega
        self.first = first
        super().__init__(
            seed,
            input_axes,
            output_axes,
            mode=mode,
            gain=gain,
            nonlinearity=nonlinearity,
            a=a,
            truncated=truncated,
            groups=groups,
            fan=fan,
        )

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"omega": self.omega, "first": self.first}
