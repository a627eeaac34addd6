"""Fans: how many weights feed one output unit, and how many one input unit feeds.

A layout says what each axis is, one letter per axis: ``o`` output, ``i`` input, ``b`` batch (each
index has a matrix of its own; batch axes count in no fan), ``k`` a kernel axis, ``*`` all kernel
axes that no ``k`` names, as many as the shape has. ``"oi*"`` is torch's, ``"io*"`` that of torch's
transposed convolutions, ``"*io"`` that of JAX and Keras, ``"boi"`` stacked experts. A letter may
stand twice: ``"ioo"`` has two output axes, ``"kiko"`` kernel axes in two places. Capitals are
those of JAX: ``"OIHW"`` is ``"oikk"``, ``"HWIO"`` is ``"kkio"``.

The size of axes that a layout lacks is 1, the product of nothing. A bias of n outputs has
fan_in 1 and fan_out n in ``"o"``, and the reverse in ``"i"``; in ``"*"`` both are n, as for Keras,
and 1 for a shape without axes.
"""

from __future__ import annotations

import math

from fastinit.checks import shown

_LETTERS = {
    "o": "output",
    "i": "input",
    "b": "batch",
    "k": "kernel axis",
    "*": "all other kernel axes",
}
_CAPITALS = {"O": "o", "I": "i", "D": "k", "H": "k", "W": "k"}


def layout_of(layout: str) -> str:
    """Return a layout in the letters above, once it is known that ``*`` occurs at most once.

    Capitals as in "OIHW" and "DHWIO" (JAX) stand for ``o``, ``i`` and, for D, H and W, ``k``.

    Raises:
        ValueError: The layout has other letters.

    Example:
        >>> from fastinit.initializers.fans import layout_of
        >>> layout_of("HWIO"), layout_of("oi*")
        ('kkio', 'oi*')
    """
    if isinstance(layout, str) and layout and not set(layout) - set(_CAPITALS):
        return "".join(map(_CAPITALS.__getitem__, layout))
    if not isinstance(layout, str) or not layout or set(layout) - set(_LETTERS):
        letters = ", ".join(f"{letter} ({meaning})" for letter, meaning in _LETTERS.items())
        raise ValueError(
            f"layout={shown(layout)} is not understood; {_remedy(layout)}write one letter per "
            f"axis: {letters}; 'oi*' is torch's, '*io' that of JAX and Keras"
        )
    if layout.count("*") > 1:
        raise ValueError(
            f"layout={layout!r} has more than one *, which stands for all kernel axes that no k "
            "names; write k for each kernel axis in another place"
        )
    return layout


def _remedy(layout: object) -> str:
    """Return a remark on layouts that are taken from elsewhere."""
    if isinstance(layout, int):
        return "the shape is one tuple, such as (3, 3); "
    if layout and (str(layout).startswith("channels_") or set(str(layout)) <= set("NCDHWL")):
        return "it is a layout of activations, and a weight has output and input axes; "
    return ""


def axes_of(shape: tuple[int, ...], layout: str) -> str:
    """Return the letter of each axis of ``shape``, which is ``*`` for every kernel axis.

    Raises:
        ValueError: The shape has too few or too many axes for the layout.
    """
    named = len(layout) - layout.count("*")
    kernel = len(shape) - named
    if kernel < 0 or (kernel > 0 and "*" not in layout):
        least = "at least " if "*" in layout else ""
        raise ValueError(
            f"shape {shape} has {len(shape)} {'axis' if len(shape) == 1 else 'axes'}, "
            f"layout={layout!r} {least}{named}; pass the layout of this weight (of a bias, 'o')"
        )
    return layout.replace("*", "*" * kernel).replace("k", "*")


def grouped_axis(layout: str) -> str:
    """Return the letter of the axis that counts all groups: "i" in transposed convolutions."""
    return "i" if layout.lstrip("b").startswith(("io*", "iok")) else "o"


def fans(shape: tuple[int, ...], layout: str = "oi*", groups: int = 1) -> tuple[float, float]:
    """Return the (fan_in, fan_out) of a weight.

    fan_in = i R and fan_out = o R with R the product of the kernel axes; the size of axes that the
    layout lacks is 1. With groups one of the axes counts all groups: the output axis, so fan_out
    is divided, or in ``"io*"`` (a transposed convolution of torch) the input axis, so fan_in is.

    Args:
        shape: The shape of the whole weight.
        layout: One letter per axis, as above.
        groups: The number of groups of a grouped convolution.

    Raises:
        ValueError: The shape has other axes than the layout, or ``groups`` does not divide the
            axis.

    Example:
        >>> from fastinit.initializers.fans import fans
        >>> fans((64, 32, 3, 3)), fans((3, 3, 32, 64), "*io"), fans((64, 1, 3, 3), groups=64)
        ((288.0, 576.0), (288.0, 576.0), (9.0, 9.0))
        >>> fans((64,), "o"), fans((3, 32, 3, 64), "kiko")
        ((1.0, 64.0), (288.0, 576.0))
    """
    try:
        letters = axes_of(shape, layout)
    except ValueError as error:
        raise ValueError(f"{error}, or fan= as a number") from None
    size = {
        letter: math.prod(n for n, each in zip(shape, letters, strict=True) if each == letter)
        for letter in _LETTERS
    }
    grouped = grouped_axis(layout)
    if size[grouped] % groups:
        raise ValueError(
            f"groups={shown(groups)} does not divide the {_LETTERS[grouped]} axis of size "
            f"{size[grouped]} of shape {shape}"
        )
    size[grouped] //= groups
    return float(size["i"] * size["*"]), float(size["o"] * size["*"])


def fan(shape: tuple[int, ...], mode: str, layout: str, groups: int) -> float:
    """Return the fan of a mode: fan_in, fan_out, fan_avg or fan_geo_avg.

    That of an empty shape, which has no weights, may be 0; it then counts as 1.
    """
    return fan_of_mode(*fans(shape, layout, groups), mode)


def fan_of_mode(fan_in: float, fan_out: float, mode: str) -> float:
    """Return one of two fans or a mean of both, as ``fan`` does.

    Example:
        >>> from fastinit.initializers.fans import fan_of_mode
        >>> fan_of_mode(2.0, 8.0, "fan_avg"), fan_of_mode(2.0, 8.0, "fan_geo_avg")
        (5.0, 4.0)
    """
    fan_in, fan_out = (max(each, 1.0) for each in (fan_in, fan_out))
    match mode:
        case "fan_in":
            return fan_in
        case "fan_out":
            return fan_out
        case "fan_avg":
            return (fan_in + fan_out) / 2
        case _:
            return math.sqrt(fan_in * fan_out)
