"""The parts of which pictures in SVG are made."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

WIDTH = 560.0
LETTER = 7.2  # the width of a letter, about, in the widest of the fonts
FAINT = 0.15  # opacity of grid lines
_FONT = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


def svg(height: float, title: str, parts: Iterable[str]) -> str:
    """Return a picture of this height, which fills the width of what holds it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}" width="100%" style="max-width: {WIDTH:g}px" '
        f'font-family="{_FONT}" font-size="12" fill="currentColor">'
    )
    return head + "".join(parts) + "</svg>"


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    turned: bool = False,
) -> str:
    """Return words at a point; turned ones read upward."""
    bold = f' font-weight="{weight}" font-size="14"' if weight != "normal" else ""
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    turn = f' transform="rotate(-90 {x:g} {y:g})"' if turned else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{side}{bold}{turn}>{escape(words)}</text>'
