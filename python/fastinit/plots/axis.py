"""Axes: the range of values, where each is, and which are labeled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_LARGE = 30.0  # factor between values from which an axis is logarithmic
_NARROWEST = 2.0  # factor between the ends of an axis of positive values that are nearly equal
_TICKS = 6  # at most, about
_STEPS = (1.0, 2.0, 5.0, 10.0)
_PLAIN = 3  # decades up to which a power of ten is written out


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high``, with labels at whole numbers only if values are whole."""

    low: float
    high: float
    is_log: bool
    is_whole: bool = False

    def place(self, value: float) -> float:
        """Return where a value is: 0 at the low end, 1 at the high one; NaN if nowhere."""
        if not math.isfinite(value) or (self.is_log and value <= 0):
            return math.nan
        low, high = self._scaled(self.low), self._scaled(self.high)
        return (self._scaled(value) - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the values that are labeled, with their labels."""
        if self.is_log:
            lowest, highest = round(math.log10(self.low)), round(math.log10(self.high))
            stride = max(1, round(_step(highest - lowest)))
            exponents = range(math.ceil(lowest / stride) * stride, highest + 1, stride)
            return [(10.0**each, _power(each)) for each in exponents]
        step = max(_step(self.high - self.low), float(self.is_whole))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(k * step, f"{k * step:.6g}") for k in range(first, last + 1)]

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.is_log else value


def axis_of(values: Iterable[float], may_be_log: bool = False) -> Axis:
    """Return an axis on which all finite values are."""
    known = [each for each in values if math.isfinite(each)]
    positive = [each for each in known if each > 0]
    if may_be_log and positive:
        low, high = min(positive), max(positive)
        if high > _LARGE * low:
            return Axis(*_decades(low, high), is_log=True)
        if len(positive) == len(known):
            middle, half = math.sqrt(low) * math.sqrt(high), math.sqrt(_NARROWEST)
            low, high = min(low, middle / half), max(high, middle * half)
            return Axis(*_widened(low, high), is_log=False)
    if not known:
        return Axis(0.0, 1.0, is_log=False)
    return Axis(*_widened(min(known), max(known)), is_log=False)


def _decades(low: float, high: float) -> tuple[float, float]:
    """Return powers of ten around two values."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    return 10.0 ** max(first, -307), 10.0 ** min(last, 308)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return values a little further apart, but not past 0."""
    room = 0.06 * (high - low) or 0.5 * abs(high)
    if not room:
        return -1.0, 1.0
    return (
        min(low, 0.0) if 0 <= low < room else low - room,
        max(high, 0.0) if -room < high <= 0 else high + room,
    )


def _step(span: float) -> float:
    rough = span / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(each for each in _STEPS if each * power >= rough * (1 - 1e-9))


def _power(exponent: int) -> str:
    return f"{10.0**exponent:g}" if abs(exponent) <= _PLAIN else f"1e{exponent}"
