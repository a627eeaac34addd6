"""Regular expressions that match in linear time, whatever the expression and the name.

Python's ``re`` tries one path after the other, of which there may be exponentially many. Here an
expression is a graph of states, and a name is read from its end: the set of states from which the
rest can be matched is the state of a deterministic automaton, which is built as names need it. The
group ``layer`` is then found from the beginning: of the ways that ``re`` would try in order, the
first that leads to the end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from fastinit.recipes.expression import (
    Alternatives,
    Character,
    Layer,
    Part,
    Repeat,
    Sequence,
    UnsupportedError,
    parse,
)

_LARGEST = 2000  # states of a graph
_MOST_WORK = 200_000  # states that are visited to build the automaton, which then stays in memory


class _Read(NamedTuple):
    """State that reads a character."""

    test: Callable[[str], object]
    then: int


class _Choice(NamedTuple):
    """State that goes on as one of others, of which the first is tried first."""

    targets: tuple[int, ...]


class _Mark(NamedTuple):
    """State at the beginning or the end of the group ``layer``."""

    is_end: bool
    then: int


_State = _Read | _Choice | _Mark
_END = 0


class _Step(NamedTuple):
    """State after the next character, and whether the group ``layer`` begins or ends before it."""

    then: int
    begins: bool
    ends: bool


class _Viable(dict[str, "_Viable"]):
    """The states from which the rest of a name matches; a character before it -> those there.

    ``steps`` has the first way on from each state that has been asked for.
    """

    def __init__(self, graph: _Graph, states: frozenset[int]) -> None:
        super().__init__()
        self._graph, self.states = graph, states
        self.steps: dict[int, _Step] = {}

    def __missing__(self, char: str) -> _Viable:
        self[char] = found = self._graph.before(self.states, char)
        return found

    def step(self, state: int) -> _Step:
        """Return the first way on from a state that leads to the end."""
        found = self.steps.get(state)
        if found is None:
            found = self.steps[state] = self._graph.step(state, self.states)
        return found


class _Graph:
    """The states of an expression, from ``start`` to the end."""

    def __init__(self, whole: Part) -> None:
        self.states: list[_State] = [_Choice(())]
        self.start = self._before(whole, _END)
        self._sources: list[list[int]] = [[] for _ in self.states]
        self._readers: list[list[tuple[int, Callable[[str], object]]]] = [[] for _ in self.states]
        for number, state in enumerate(self.states):
            if isinstance(state, _Read):
                self._readers[state.then].append((number, state.test))
            else:
                for target in state.targets if isinstance(state, _Choice) else (state.then,):
                    self._sources[target].append(number)
        self._work = 0
        self._known: dict[frozenset[int], _Viable] = {}
        self.end = self._viable([_END])

    def before(self, states: frozenset[int], char: str) -> _Viable:
        """Return the states before ``char`` from which it leads to one of ``states``."""
        self._work += len(states)
        readers = (each for state in states for each in self._readers[state])
        return self._viable([number for number, test in readers if test(char)])

    def step(self, state: int, viable: frozenset[int]) -> _Step:
        """Return the first way on from a state, in the order of ``re``, to a viable one."""
        waiting, seen = [_Step(state, False, False)], set[int]()
        while True:
            number, begins, ends = waiting.pop()
            if number in seen or number not in viable:
                continue
            seen.add(number)
            found = self.states[number]
            if isinstance(found, _Read):
                return _Step(found.then, begins, ends)
            if number == _END:
                return _Step(number, begins, ends)
            if isinstance(found, _Mark):
                is_end = found.is_end
                waiting.append(_Step(found.then, begins or not is_end, ends or is_end))
            else:
                waiting += [_Step(each, begins, ends) for each in reversed(found.targets)]

    def _viable(self, states: list[int]) -> _Viable:
        """Return these states and all that lead to them without a character."""
        found = set(states)
        while states:
            more = [each for each in self._sources[states.pop()] if each not in found]
            found.update(more)
            states += more
        self._work += len(found)
        if self._work > _MOST_WORK:
            raise ValueError("there are too many ways to match it; write it more simply")
        frozen = frozenset(found)
        if frozen not in self._known:
            self._known[frozen] = _Viable(self, frozen)
        return self._known[frozen]

    def _add(self, state: _State) -> int:
        if len(self.states) >= _LARGEST:
            raise UnsupportedError(f"it has more than {_LARGEST} states")
        self.states.append(state)
        return len(self.states) - 1

    def _before(self, part: Part, then: int) -> int:
        """Add the states of a part that leads to ``then``, and return the first of them."""
        match part:
            case Character():
                return self._add(_Read(part.test, then))
            case Sequence():
                for each in reversed(part.parts):
                    then = self._before(each, then)
                return then
            case Alternatives():
                return self._add(_Choice(tuple(self._before(each, then) for each in part.parts)))
            case Layer():
                end = self._add(_Mark(True, then))
                return self._add(_Mark(False, self._before(part.part, end)))
            case Repeat():
                return self._before_repeat(part, then)

    def _before_repeat(self, repeat: Repeat, then: int) -> int:
        def choice(again: int) -> _Choice:
            return _Choice((then, again) if repeat.is_lazy else (again, then))

        first = then
        if repeat.high is None:
            first = self._add(_Choice(()))
            self.states[first] = choice(self._before(repeat.part, first))
        else:
            for _ in range(repeat.high - repeat.low):
                first = self._add(choice(self._before(repeat.part, first)))
        for _ in range(repeat.low):
            first = self._before(repeat.part, first)
        return first


class Match:
    """A match of a whole name, which has the group ``layer`` as ``re.Match`` does."""

    def __init__(self, expression: Linear, name: str) -> None:
        self.re = expression
        self._name = name

    def __getitem__(self, group: str) -> str:
        """Return the text of a group.

        Raises:
            ValueError: It took no part, so that there is no number of a layer.
        """
        begin, end = self._span
        if end < 0:
            raise ValueError(
                f"re={self.re.pattern!r} matches {self._name!r} without its group {group!r}; make "
                "the group a part of every match"
            )
        return self._name[begin:end]

    def start(self, group: str) -> int:  # noqa: ARG002
        """Return where a group begins, or -1 if it took no part."""
        return self._span[0]

    @functools.cached_property
    def _span(self) -> tuple[int, int]:
        return self.re.layer(self._name)


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
        self._graph = _Graph(parse(text))

    def fullmatch(self, name: str) -> Match | None:
        """Return the match of a whole name, or None.

        Raises:
            ValueError: The automaton for this expression and these names is too large.
        """
        viable = self._graph.end
        for char in reversed(name):
            viable = viable[char]
            if not viable.states:
                return None
        if self._graph.start not in viable.states:
            return None
        return Match(self, name)

    def layer(self, name: str) -> tuple[int, int]:
        """Return where the group ``layer`` begins and ends in a name that matches, or (-1, -1)."""
        path = [self._graph.end]
        for char in reversed(name):
            path.append(path[-1][char])
        state, begin, end = self._graph.start, -1, -1
        for position, viable in enumerate(reversed(path)):
            state, begins, ends = viable.step(state)
            begin = position if begins else begin
            end = position if ends else end
        return begin, end
