"""Numbers in dotted names: those of layers and experts, in which names of one kind differ."""

from __future__ import annotations

import re

NUMBER = re.compile(r"(?<![^.])[0-9]+(?![^.])")
"""A segment of a name that is a number, in ASCII digits as Python and torch write them."""


def without_numbers(name: str) -> str:
    """Return a name with ``*`` in place of its numbers.

    Example:
        >>> from fastinit.recipes.patterns.numbers import without_numbers
        >>> without_numbers("h.11.mlp2.weight")
        'h.*.mlp2.weight'
    """
    return NUMBER.sub("*", name)
