"""The rows of a coordinate check, and what they break."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class CoordRow:
    """The output of a layer after some steps, at each width.

    Attributes:
        layer: the qualified name of the module.
        step: the number of steps of training before.
        rms: its root mean square, by width.
        change: the root mean square of its change since the start, by width; 0 at step 0.
        slope: the slope of log ``rms`` over log width.
        change_slope: the slope of log ``change`` over log width; NaN where that is 0.
    """

    layer: str
    step: int
    rms: tuple[float, ...]
    change: tuple[float, ...]
    slope: float
    change_slope: float


def fault(row: CoordRow, tolerance: float) -> str:
    """Return what a row breaks, "" if nothing.

    Outputs may not grow with the width at any step; changes may neither grow nor shrink. Outputs
    that shrink at the start are none: in muP, logits do until they are trained.
    """
    if row.slope > tolerance or (row.step > 0 and math.isnan(row.slope)):
        return "grows"
    if row.step == 0 or math.isnan(row.change_slope):
        return ""
    if row.change_slope > tolerance:
        return "is changed more"
    return "is changed less" if row.change_slope < -tolerance else ""
