"""Patterns: globs or regular expressions over the dotted names of parameters."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any

from fastinit import json_files
from fastinit.recipes.patterns.expression import LONGEST, UnsupportedError
from fastinit.recipes.patterns.linear import Linear

_SYNTAX = (
    "* stands for anything but dots, ** for anything, **. for any number of leading segments, "
    '{layer} for the number of a layer; or write {"re": "a regular expression"}'
)
_TOKENS = re.compile(
    r"(?P<segments>(?<![^.])\*\*\.)|(?P<any>\*\*)|(?P<within>\*)|(?P<layer>\{layer\})"
)
SPECIAL = re.compile(r"[][?*{}]")
"""What a glob does not take as it stands."""

_MEANINGS = {
    "segments": r"(?:.*\.)?",
    "any": ".*",
    "within": r"[^.]*",
    "layer": r"(?P<layer>[0-9]+)",
}


@dataclasses.dataclass(frozen=True)
class Regex:
    """Regular expression that must match a whole name; ``{"re": ...}`` in JSON.

    Args:
        re: The expression, in Python's syntax. A group named ``layer`` captures the number of a
            layer.

    Raises:
        TypeError: ``re`` is not a string.
        ValueError: ``re`` is not a regular expression.

    Expressions of characters, sets, groups, ``|`` and repeats match in linear time. Others, such as
    those that look ahead or refer back to a group, match by ``re``, and only where a program makes
    a ``Regex`` of them: files must not have them.

    Example:
        >>> from fastinit.recipes import Regex
        >>> Regex(r"h[.](?P<layer>[0-9]+)[.].*").re[:4]
        'h[.]'
    """

    re: str

    def __post_init__(self) -> None:
        """Check that the expression compiles."""
        if not isinstance(self.re, str):
            raise TypeError(f"re={self.re!r} is not a string; write a regular expression")
        try:
            re.compile(self.re)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"re={self.re!r} is not a regular expression: {error}") from None


Pattern = str | Regex


def pattern_of(given: Any) -> Pattern:
    """Return the pattern that JSON data stands for: a glob, or an object with ``re``.

    Raises:
        TypeError: ``given`` is neither.
        ValueError: The pattern is not understood, or might not match in linear time.
    """
    if isinstance(given, dict) and set(given) == {"re"}:
        return _of_data(given["re"])
    if is_literal(given):  # a recipe may have thousands, which are never compiled
        _expression(given)
    else:
        compiled(given)
    return given  # type: ignore[no-any-return]


def _of_data(text: Any) -> Regex:
    """Return an expression of unknown origin, which nothing but ``Linear`` will match."""
    if isinstance(text, str) and len(text) > LONGEST:
        raise ValueError(f"re has {len(text)} characters; at most {LONGEST} are allowed")
    found = Regex(text)
    with json_files.located(f"re={text!r}"):
        try:
            Linear(text)
        except UnsupportedError as error:
            raise ValueError(
                f"{error}; write it with characters, sets, groups, | and repeats, or make it a "
                "Regex in a program of your own"
            ) from None
    return found


def plain(pattern: Pattern) -> str | dict[str, str]:
    """Return the JSON data of a pattern."""
    return pattern if isinstance(pattern, str) else {"re": pattern.re}


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: Pattern) -> Linear | re.Pattern[str]:
    expression = pattern.re if isinstance(pattern, Regex) else _expression(pattern)
    try:
        return Linear(expression)
    except UnsupportedError:
        if isinstance(pattern, Regex):
            return re.compile(expression)
        raise


def _expression(pattern: str) -> str:
    """Return the regular expression of a glob."""
    if not pattern or re.search(r"[][?{}]|\*\*\*", pattern.replace("{layer}", "")):
        raise ValueError(f"pattern={pattern!r} is not understood; {_SYNTAX}")
    if pattern.count("{layer}") > 1:
        raise ValueError(f"pattern={pattern!r} has {{layer}} twice; write * for one of them")
    expression = ""
    end = 0
    for token in _TOKENS.finditer(pattern):
        expression += re.escape(pattern[end : token.start()]) + _MEANINGS[token.lastgroup or ""]
        end = token.end()
    return expression + re.escape(pattern[end:])


def compiled(pattern: Pattern) -> Linear | re.Pattern[str]:
    """Return the regular expression of a pattern, whose group ``layer`` is ``{layer}``.

    Raises:
        TypeError: ``pattern`` is neither a string nor a ``Regex``.
        ValueError: The pattern is empty, has a character of another dialect of globs, or has
            ``{layer}`` twice.

    Example:
        >>> from fastinit.recipes.patterns.pattern import compiled
        >>> compiled("**.h.{layer}.*.weight").fullmatch("h.11.ln_1.weight").span("layer")
        (2, 4)
    """
    if not isinstance(pattern, (str, Regex)):
        raise TypeError(f"pattern={pattern!r} is not a string; write a glob over names: {_SYNTAX}")
    return _compiled(pattern)


def exact(name: str) -> Pattern:
    r"""Return the pattern that matches one name.

    Example:
        >>> from fastinit.recipes.patterns.pattern import exact
        >>> exact("h.0.weight"), exact("h[0]")
        ('h.0.weight', Regex(re='h\\[0\\]'))
    """
    return Regex(re.escape(name)) if SPECIAL.search(name) else name


def is_literal(pattern: Pattern) -> bool:
    """Return whether a pattern is a glob that matches nothing but the name that it spells."""
    return isinstance(pattern, str) and "*" not in pattern and "{" not in pattern


def has_layer(pattern: Pattern) -> bool:
    """Return whether a pattern captures the number of a layer."""
    if isinstance(pattern, str):
        return "{layer}" in pattern
    return "layer" in compiled(pattern).groupindex
