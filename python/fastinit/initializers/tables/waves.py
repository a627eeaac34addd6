"""Sinusoidal weights: a wave of its own for each output, without random numbers."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastinit.checks import finite
from fastinit.initializers import fans
from fastinit.initializers.distributions.variance_scaling import mode_of
from fastinit.initializers.tables.table import ClosedForm
from fastinit.native.functions import evaluate

if TYPE_CHECKING:
    from fastinit.initializers.tables.table import Array

__all__ = ["SinusoidalWeights"]

_MOST = 1 << 51  # elements of a matrix: integers below four times that are exact in float64


@dataclasses.dataclass(frozen=True)
class SinusoidalWeights(ClosedForm):
    """Weights that are a sine wave for each output, with a frequency and a phase of its own.

    Weight j = 0, ..., n - 1 of output r = 1, ..., m is a sin(2 pi r (j / n + 1 / m)), where j
    counts the inputs and in each the elements of the kernel, and a is such that the variance of
    all weights (with m n - 1 in its denominator) is gain^2 / fan (Fernandez-Hernandez et al. 2025,
    "Sinusoidal Initialization, Time for a New Start", arXiv 2505.12909). Its first version has
    ``gain=1.0, mode="fan_avg"``.

    Args:
        gain: A finite number.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg".
        layout: The role of each axis, as in ``HeNormal``.

    Raises:
        TypeError: ``gain`` is not a number.
        ValueError: ``gain`` is not finite, or ``mode`` or ``layout`` is not known; when drawn, the
            shape does not fit the layout, or all weights would be 0.

    Example:
        >>> import fastinit
        >>> fastinit.SinusoidalWeights()((3, 4)).round(3)
        array([[ 0.768, -0.443, -0.768,  0.443],
               [-0.768,  0.768, -0.768,  0.768],
               [ 0.   , -0.886,  0.   ,  0.886]], dtype=float32)
    """

    magnitudes: ClassVar[tuple[str, ...]] = ("gain",)

    gain: float = math.sqrt(2.0)
    mode: str = "fan_in"
    layout: str = "oi*"

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", finite(self.gain, "gain"))
        object.__setattr__(self, "mode", mode_of(self.mode))
        object.__setattr__(self, "layout", fans.layout_of(self.layout))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that the weights are not all 0."""
        outputs, inputs = self._sizes(shape)
        if outputs * inputs > _MOST:
            raise ValueError(f"shape {shape} has more than 2**51 weights; draw it in parts")
        if outputs * inputs and _squares(outputs, inputs)[0] == 0:
            raise ValueError(f"all sine waves of shape {shape} are 0; use another initializer")

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Return those of the weights."""
        outputs, inputs = self._sizes(shape)
        if not outputs * inputs:
            return 0.0, 0.0
        count, (squares, total) = outputs * inputs, _squares(outputs, inputs)
        amplitude = self._amplitude(shape)
        mean = total / count
        return amplitude * mean, abs(amplitude) * math.sqrt(squares / count - mean * mean)

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the waves."""
        outputs, inputs = self._sizes(shape)
        letters = fans.axes_of(shape, self.layout)
        row, column = (_flat(shape, letters, index, wanted) for wanted in ("o", "i*"))
        row = row + 1
        # The numbers of turns are fractions with the denominator outputs inputs.
        turns = (row * column % inputs * outputs + row % outputs * inputs) % (outputs * inputs)
        return _sine(turns, outputs * inputs) * self._amplitude(shape)

    def _sizes(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the numbers of outputs and of weights of each."""
        letters = fans.axes_of(shape, self.layout)
        pairs = list(zip(letters, shape, strict=True))
        outputs = math.prod(size for letter, size in pairs if letter == "o")
        return outputs, math.prod(size for letter, size in pairs if letter in "i*")

    def _amplitude(self, shape: tuple[int, ...]) -> float:
        outputs, inputs = self._sizes(shape)
        count, (squares, total) = outputs * inputs, _squares(outputs, inputs)
        variance = (squares - total * total / count) / (count - 1)
        return self.gain / math.sqrt(variance * fans.fan(shape, self.mode, self.layout, 1))


def _flat(shape: tuple[int, ...], letters: str, index: tuple[Array, ...], wanted: str) -> Array:
    """Return the number of an element among those of some axes, in the order of the letters."""
    found: Array = np.zeros(())
    for letter in wanted:
        for axis, each in enumerate(letters):
            if each == letter:
                found = found * shape[axis] + index[axis]
    return found


def _sine(turns: Array, denominator: int) -> Array:
    """Return the sine of a number of turns, which is exactly 0 at half turns."""
    angle = turns * (2 * math.pi / denominator)
    found: Array = np.where(2 * turns % denominator == 0, 0.0, evaluate("sin", angle))
    return found


@functools.lru_cache(maxsize=256)
def _squares(outputs: int, inputs: int) -> tuple[float, float]:
    """Return the sums of the squares and of the sines of all weights.

    A wave sums to 0, and its squares to half the number of inputs, unless neighbors are a multiple
    of half a turn apart: then all squares of the output are equal, and for whole turns all sines.
    """
    rows = np.arange(1, outputs + 1, dtype=np.float64)
    equal = rows[2 * rows % inputs == 0]
    sines = _sine(equal % outputs, outputs)
    whole = math.fsum(sines[equal % inputs == 0])
    squares = (outputs - equal.size) * inputs / 2 + inputs * math.fsum(sines * sines)
    return squares, inputs * whole
