"""Patterns: globs over the dotted names of parameters."""

from __future__ import annotations

import functools
import re

_SYNTAX = (
    "* stands for anything but dots, ** for anything, **. for any number of leading segments, "
    "{layer} for the number of a layer"
)
_TOKENS = re.compile(
    r"(?P<segments>(?<![^.])\*\*\.)|(?P<any>\*\*)|(?P<within>\*)|(?P<layer>\{layer\})"
)
_MEANINGS = {
    "segments": r"(?:.*\.)?",
    "any": ".*",
    "within": r"[^.]*",
    "layer": r"(?P<layer>[0-9]+)",
}


@functools.lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern; its group ``layer`` is what ``{layer}`` captures.

    Raises:
        TypeError: ``pattern`` is no string.
        ValueError: it is empty, has a character of other glob dialects, or ``{layer}`` twice.

    Example:
        >>> from fastinit.recipes.patterns import compiled
        >>> compiled("**.h.{layer}.*.weight").fullmatch("transformer.h.11.ln_1.weight")["layer"]
        '11'
    """
    if not isinstance(pattern, str):
        raise TypeError(f"pattern={pattern!r} is no string; write a glob over names: {_SYNTAX}")
    if not pattern or re.search(r"[][?{}]|\*\*\*", pattern.replace("{layer}", "")):
        raise ValueError(f"pattern={pattern!r} is not understood; {_SYNTAX}")
    if pattern.count("{layer}") > 1:
        raise ValueError(f"pattern={pattern!r} has {{layer}} twice; write * for one of them")
    expression = ""
    end = 0
    for token in _TOKENS.finditer(pattern):
        expression += re.escape(pattern[end : token.start()]) + _MEANINGS[token.lastgroup or ""]
        end = token.end()
    return re.compile(expression + re.escape(pattern[end:]))


def has_layer(pattern: str) -> bool:
    """Whether the pattern captures the number of a layer."""
    return "layer" in compiled(pattern).groupindex
