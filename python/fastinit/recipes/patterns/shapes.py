"""Patterns of shapes, which tell a weight of shape (3 d, d) from one of shape (d, 3 d)."""

from __future__ import annotations

import functools
import re
from typing import Any

from fastinit.checks import shown

_SIZE = re.compile(r"([1-9][0-9]{0,17})?([a-z])?")
_MOST_AXES = 32


def shape_pattern_of(given: Any) -> str:
    """Return a pattern, once it is understood.

    Raises:
        TypeError: It is not a string.
        ValueError: It is not understood.
    """
    if not isinstance(given, str):
        raise TypeError(f"shape={shown(given)} is not a string; pass one, as '3d d'")
    sizes = given.split(" ")
    if len(sizes) > _MOST_AXES or not all(each and _SIZE.fullmatch(each) for each in sizes):
        raise ValueError(
            f"shape={shown(given)} is not understood; write the sizes of up to {_MOST_AXES} axes "
            "with spaces between them: numbers, letters, or a number of a letter, as '3d d'"
        )
    return given


def fits_shape(pattern: str, shape: tuple[int, ...]) -> bool:
    """Return whether each letter of a pattern stands for one number in a shape.

    Example:
        >>> from fastinit.recipes.patterns.shapes import fits_shape
        >>> fits_shape("3d d", (12, 4)), fits_shape("3d d", (4, 12)), fits_shape("3d d", (12, 6))
        (True, False, False)
    """
    sizes = _sizes(pattern)
    letters: dict[str, int] = {}
    return len(sizes) == len(shape) and all(
        size == count
        if not letter
        else size % count == 0 and letters.setdefault(letter, size // count) == size // count
        for (count, letter), size in zip(sizes, shape, strict=True)
    )


@functools.lru_cache(maxsize=1024)
def _sizes(pattern: str) -> tuple[tuple[int, str], ...]:
    """Return the number and the letter of each axis."""
    found = [_SIZE.fullmatch(each) for each in pattern.split(" ")]
    return tuple((int(each[1] or 1), each[2] or "") for each in found if each is not None)
