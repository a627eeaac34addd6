"""Fans: how many weights feed one output unit, and how many one input unit feeds.

A layout says what each axis is, one letter per axis: ``o`` output, ``i`` input, ``b`` batch (each
index has a matrix of its own; batch axes count in no fan), ``*`` all kernel axes. ``"oi*"`` is
torch's, ``"io*"`` that of torch's transposed convolutions, ``"*io"`` that of JAX and Keras,
``"boi"`` stacked experts. A letter may stand twice: ``"ioo"`` has two output axes.
"""

from __future__ import annotations

import math

from fastinit.checks import shown

_LETTERS = {
    "o": "output",
    "i": "input",
    "b": "batch",
    "*": "all kernel axes",
}


def check_layout(layout: str) -> None:
    """Raise unless ``layout`` consists of the known letters, ``*`` at most once."""
    if not isinstance(layout, str) or not layout or set(layout) - set(_LETTERS):
        letters = ", ".join(f"{letter} ({meaning})" for letter, meaning in _LETTERS.items())
        raise ValueError(
            f"layout={layout!r} is not understood; write one letter per axis: {letters}"
        )
    if layout.count("*") > 1:
        raise ValueError(f"layout={layout!r} has more than one *, which stands for all kernel axes")


def axes_of(shape: tuple[int, ...], layout: str) -> str:
    """Return the layout with ``*`` written out: one letter for each axis of ``shape``.

    Raises:
        ValueError: the shape has too few or too many axes for the layout.
    """
    named = len(layout) - layout.count("*")
    kernel = len(shape) - named
    if kernel < 0 or (kernel > 0 and "*" not in layout):
        raise ValueError(
            f"shape {shape} has {len(shape)} axes, layout={layout!r} "
            f"{'at least ' if '*' in layout else ''}{named}; pass the layout of this weight"
        )
    return layout.replace("*", "*" * kernel)


def grouped_axis(layout: str) -> str:
    """Return the letter of the axis that counts all groups: "i" in transposed convolutions."""
    return "i" if layout.lstrip("b").startswith("io*") else "o"


def fans(shape: tuple[int, ...], layout: str = "oi*", groups: int = 1) -> tuple[float, float]:
    """Return the (fan_in, fan_out) of a weight.

    fan_in = i R and fan_out = o R with R the product of the kernel axes. With groups one of the
    axes counts all groups: the output axis, so fan_out is divided, or in ``"io*"`` (a transposed
    convolution of torch) the input axis, so fan_in is.

    Args:
        shape: the whole weight's.
        layout: one letter per axis, see above.
        groups: of a grouped convolution.

    Raises:
        ValueError: the shape lacks an input or output axis, or groups does not divide the axis.

    Example:
        >>> from fastinit.initializers.fans import fans
        >>> fans((64, 32, 3, 3)), fans((3, 3, 32, 64), "*io"), fans((64, 1, 3, 3), groups=64)
        ((288.0, 576.0), (288.0, 576.0), (9.0, 9.0))
    """
    try:
        letters = axes_of(shape, layout)
    except ValueError as error:
        raise ValueError(f"{error}, or fan= as a number") from None
    size = {
        letter: math.prod(n for n, each in zip(shape, letters, strict=True) if each == letter)
        for letter in _LETTERS
    }
    missing = [_LETTERS[letter] for letter in "oi" if letter not in letters]
    if missing:
        raise ValueError(
            f"layout={layout!r} gives shape {shape} no {' and no '.join(missing)} axis, which a "
            "fan needs; pass another layout=, or fan= as a number"
        )
    grouped = grouped_axis(layout)
    if size[grouped] % groups:
        raise ValueError(
            f"groups={shown(groups)} does not divide the {_LETTERS[grouped]} axis of size "
            f"{size[grouped]} of shape {shape}"
        )
    size[grouped] //= groups
    return float(size["i"] * size["*"]), float(size["o"] * size["*"])


def fan(shape: tuple[int, ...], mode: str, layout: str, groups: int) -> float:
    """Return the fan of a mode: fan_in, fan_out, fan_avg or fan_geo_avg."""
    fan_in, fan_out = fans(shape, layout, groups)
    match mode:
        case "fan_in":
            return fan_in
        case "fan_out":
            return fan_out
        case "fan_avg":
            return (fan_in + fan_out) / 2
        case _:
            return math.sqrt(fan_in * fan_out)
