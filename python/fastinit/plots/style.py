"""Colors, markers and dashes, which tell series apart in gray and to the color-blind, too.

Every color has a contrast of 3 or more against white and against a dark page (WCAG 2.2, 1.4.11), so
that one palette serves both. Series differ in marker and dashes as well.
"""

from __future__ import annotations

import math

COLORS = ("#3e94f8", "#e67110", "#2b7553", "#9707f1", "#e913a9", "#8f883f")
MARKERS = ("circle", "square", "triangle", "diamond", "cross", "down")
DASHES = ((), (7, 3), (2, 2.5), (8, 3, 2, 3), (12, 4), (4, 2))  # on and off, in points
THEORY = (5.0, 4.0)  # the dashes of theory, which is drawn in the color of text
SMALLER, LARGER = COLORS[:2]  # than what is neutral, in heat maps
_STRONGEST = 0.75  # opacity, so that numbers stay readable on either page


def color(number: int) -> str:
    """Return the color of a series."""
    return COLORS[number % len(COLORS)]


def marker(number: int) -> str:
    """Return the marker of a series."""
    return MARKERS[number % len(MARKERS)]


def dashes(number: int) -> tuple[float, ...]:
    """Return the dashes of a series; none of a solid line."""
    return DASHES[number % len(DASHES)]


def shade(value: float) -> tuple[str, float]:
    """Return the color and the opacity of a cell whose value is from -1 to 1, with 0 neutral."""
    if math.isnan(value):
        return LARGER, 0.0
    return (SMALLER if value < 0 else LARGER), _STRONGEST * min(abs(value), 1.0)
