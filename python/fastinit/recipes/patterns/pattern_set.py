"""Sets of patterns, which are matched together against the names of a model."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple

from fastinit.recipes.patterns.automaton import Automaton, Reader, Span, TooManyStatesError
from fastinit.recipes.patterns.expression import UnsupportedError, parse
from fastinit.recipes.patterns.linear import Linear
from fastinit.recipes.patterns.pattern import Pattern, compiled, is_literal

_MOST_TOGETHER = 200  # patterns of an automaton


class PatternSet:
    """Patterns that are matched together against many names.

    Automata read each name for hundreds of patterns at once. An automaton that becomes too large is
    replaced by two, each for half of the patterns. Literal patterns are looked up, and those that
    have no automaton are matched one after the other.

    Args:
        patterns: The patterns, in order.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """Build the automata, unless they are there."""
        self._patterns = tuple(patterns)
        self._literals: dict[Pattern, list[int]] = {}
        self._alone: list[int] = []
        together: list[int] = []
        for number, pattern in enumerate(self._patterns):
            if is_literal(pattern):
                self._literals.setdefault(pattern, []).append(number)
            elif isinstance(compiled(pattern), Linear):
                together.append(number)
            else:
                self._alone.append(number)
        self._groups: list[_Group] = []
        for start in range(0, len(together), _MOST_TOGETHER):
            self._add(together[start : start + _MOST_TOGETHER])

    def matching(self, name: str) -> tuple[int, ...]:
        """Return the numbers of the patterns that match a whole name, in order.

        Raises:
            ValueError: The automaton of a single pattern is too large for these names.
        """
        found = list(self._literals.get(name, ()))
        found += (k for k in self._alone if compiled(self._patterns[k]).fullmatch(name))
        waiting = self._groups
        while waiting:
            waiting = self._read(waiting, name, found)
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

    def _add(self, numbers: list[int]) -> list[_Group]:
        """Add the group of these patterns, or those of each half if it is too large."""
        automaton = _automaton(tuple(compiled(self._patterns[k]).pattern for k in numbers))
        if automaton is not None:
            self._groups.append(_Group(numbers, Reader(automaton)))
            return self._groups[-1:]
        return self._add_halves(numbers)

    def _add_halves(self, numbers: list[int]) -> list[_Group]:
        half = len(numbers) // 2
        return self._add(numbers[:half]) + self._add(numbers[half:])

    def _read(self, groups: list[_Group], name: str, found: list[int]) -> list[_Group]:
        """Add the patterns of groups that match to ``found``; return the groups of halves."""
        halves = []
        for group in tuple(groups):
            try:
                found += (group.numbers[k] for k in group.reader.matching(name))
            except TooManyStatesError:
                if len(group.numbers) == 1:
                    raise
                self._groups.remove(group)
                halves += self._add_halves(group.numbers)
        return halves

    def _layer(self, number: int, name: str) -> Span:
        for group in self._groups:
            if number in group.numbers:
                try:
                    return group.reader.layer(group.numbers.index(number), name)
                except TooManyStatesError:
                    break
        found = compiled(self._patterns[number]).fullmatch(name)
        return (-1, -1) if found is None else found.span("layer")


class _Group(NamedTuple):
    """Patterns that one automaton reads names for."""

    numbers: list[int]
    reader: Reader


@functools.lru_cache(maxsize=16)
def _automaton(expressions: tuple[str, ...]) -> Automaton | None:
    """Return the automaton of expressions that have one each; None if it is too large."""
    try:
        return Automaton([parse(each) for each in expressions])
    except UnsupportedError:
        return None
