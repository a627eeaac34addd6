"""Regular expressions that match in linear time, whatever the expression and the name."""

from __future__ import annotations

from fastinit.recipes.patterns.automaton import Automaton, Reader, Span
from fastinit.recipes.patterns.expression import parse


class Match:
    """A match of a whole name, which has the span of the group ``layer`` as ``re.Match`` does.

    Args:
        reader: What has found the match.
        name: The name.
    """

    def __init__(self, reader: Reader, name: str) -> None:
        """Leave the group for later."""
        self._reader, self._name = reader, name

    def span(self, group: str) -> Span:  # noqa: ARG002
        """Return where a group begins and ends, or (-1, -1) if it takes no part."""
        return self._reader.layer(0, self._name)


class Linear:
    """Regular expression that matches whole names in linear time, used as an ``re.Pattern``.

    Args:
        text: The expression, which ``re`` accepts.

    Raises:
        UnsupportedError: The expression is not among those that ``expression.parse`` knows, or is
            too large.
    """

    def __init__(self, text: str) -> None:
        self.pattern = text
        self.groupindex = {"layer": 1} if "(?P<layer>" in text else {}
        self._automaton = Automaton([parse(text)])

    def fullmatch(self, name: str) -> Match | None:
        """Return the match of a whole name, or None.

        Raises:
            ValueError: The automaton for this expression and these names is too large.
        """
        reader = Reader(self._automaton)
        return Match(reader, name) if reader.matching(name) else None
