"""Sets of patterns, which are matched together against the names of a model."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from fastinit.recipes.automaton import Automaton, Reader, Span, TooManyStatesError
from fastinit.recipes.expression import UnsupportedError, parse
from fastinit.recipes.linear import Linear
from fastinit.recipes.pattern import Pattern, compiled, is_literal


class PatternSet:
    """Patterns that are matched together against many names.

    One automaton reads each name for all patterns. Literal patterns are looked up, and those that
    have no automaton, or too large a one together, are matched one after the other.

    Args:
        patterns: The patterns, in order.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """Build the automaton, unless it is there."""
        self._patterns = tuple(patterns)
        self._literals: dict[Pattern, list[int]] = {}
        self._alone: list[int] = []
        together: dict[int, str] = {}
        for number, pattern in enumerate(self._patterns):
            if is_literal(pattern):
                self._literals.setdefault(pattern, []).append(number)
            elif isinstance(expression := compiled(pattern), Linear):
                together[number] = expression.pattern
            else:
                self._alone.append(number)
        self._together = tuple(together)
        self._places = {number: k for k, number in enumerate(together)}
        automaton = _automaton(tuple(together.values()))
        self._reader = None if automaton is None else Reader(automaton)

    def matching(self, name: str) -> tuple[int, ...]:
        """Return the numbers of the patterns that match a whole name, in order.

        Raises:
            ValueError: The automaton of a single pattern is too large for these names.
        """
        found = self._matching_together(name)
        found += self._literals.get(name, ())
        found += (k for k in self._alone if self._match(k, name))
        return tuple(sorted(found))

    def layer(self, number: int, name: str) -> Span:
        """Return where ``{layer}`` of a pattern begins and ends in a name that it matches.

        Raises:
            ValueError: The group ``layer`` takes no part in the match.
        """
        begin, end = self._layer(number, name)
        if end < 0:
            raise ValueError(
                f"re={compiled(self._patterns[number]).pattern!r} matches {name!r} without its "
                "group 'layer'; make the group a part of every match"
            )
        return begin, end

    def _match(self, number: int, name: str) -> bool:
        return compiled(self._patterns[number]).fullmatch(name) is not None

    def _matching_together(self, name: str) -> list[int]:
        if self._reader is not None:
            try:
                return [self._together[k] for k in self._reader.matching(name)]
            except TooManyStatesError:
                self._reader = None
        return [k for k in self._together if self._match(k, name)]

    def _layer(self, number: int, name: str) -> Span:
        if self._reader is not None and number in self._places:
            try:
                return self._reader.layer(self._places[number], name)
            except TooManyStatesError:
                self._reader = None
        found = compiled(self._patterns[number]).fullmatch(name)
        return (-1, -1) if found is None else found.span("layer")


@functools.lru_cache(maxsize=8)
def _automaton(expressions: tuple[str, ...]) -> Automaton | None:
    """Return the automaton of expressions that have one each; None if it is too large."""
    try:
        return Automaton([parse(each) for each in expressions])
    except UnsupportedError:
        return None
