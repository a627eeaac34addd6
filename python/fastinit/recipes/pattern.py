"""Patterns: globs or regular expressions over the dotted names of parameters."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any

_SYNTAX = (
    "* stands for anything but dots, ** for anything, **. for any number of leading segments, "
    '{layer} for the number of a layer; or write {"re": "a regular expression"}'
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


@dataclasses.dataclass(frozen=True)
class Regex:
    """A regular expression, which a name must match as a whole; ``{"re": ...}`` in JSON.

    Args:
        re: Python's syntax; a group named ``layer`` captures the number of a layer.

    Raises:
        TypeError: ``re`` is no string.
        ValueError: it is no regular expression.

    Example:
        >>> from fastinit import Regex
        >>> Regex(r"h[.](?P<layer>[0-9]+)[.].*").re[:4]
        'h[.]'
    """

    re: str

    def __post_init__(self) -> None:
        """Check that it compiles."""
        if not isinstance(self.re, str):
            raise TypeError(f"re={self.re!r} is no string; write a regular expression")
        try:
            re.compile(self.re)
        except re.error as error:
            raise ValueError(f"re={self.re!r} is no regular expression: {error}") from None


Pattern = str | Regex


def pattern_of(given: Any) -> Pattern:
    """A pattern from what JSON has: a glob, or an object with ``re``.

    Raises:
        TypeError: it is neither.
        ValueError: it is not understood.
    """
    if isinstance(given, dict) and set(given) == {"re"}:
        given = Regex(given["re"])
    compiled(given)
    return given  # type: ignore[no-any-return]


def plain(pattern: Pattern) -> str | dict[str, str]:
    """A pattern as JSON has it."""
    return pattern if isinstance(pattern, str) else {"re": pattern.re}


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: Pattern) -> re.Pattern[str]:
    if isinstance(pattern, Regex):
        return re.compile(pattern.re)
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


def compiled(pattern: Pattern) -> re.Pattern[str]:
    """The regular expression of a pattern; its group ``layer`` is what ``{layer}`` captures.

    Raises:
        TypeError: ``pattern`` is no string and no ``Regex``.
        ValueError: it is empty, has a character of other glob dialects, or ``{layer}`` twice.

    Example:
        >>> from fastinit.recipes.pattern import compiled
        >>> compiled("**.h.{layer}.*.weight").fullmatch("transformer.h.11.ln_1.weight")["layer"]
        '11'
    """
    if not isinstance(pattern, (str, Regex)):
        raise TypeError(f"pattern={pattern!r} is no string; write a glob over names: {_SYNTAX}")
    return _compiled(pattern)


def has_layer(pattern: Pattern) -> bool:
    """Whether the pattern captures the number of a layer."""
    return "layer" in compiled(pattern).groupindex
