"""Automaton that matches names with several regular expressions at once, in linear time.

Python's ``re`` tries one path after the other, of which there may be exponentially many. Here all
expressions form one graph of states, and a name is read from its end: the set of states from which
the rest can be matched is the state of a deterministic automaton, which is built as names need it.
The expressions whose first states are in the set match. The group ``layer`` is then found from the
beginning: of the ways that ``re`` would try in order, the first that leads to the end.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import NamedTuple

from fastinit.recipes.patterns.expression import (
    Alternatives,
    Character,
    Layer,
    Part,
    Repeat,
    Sequence,
    UnsupportedError,
)

_LARGEST = 2000  # states of an expression
_LARGEST_TOGETHER = 20_000  # states of several
_MOST_WORK = 200_000  # states that are visited to build the automaton, which then stays in memory
_MOST_WORK_TOGETHER = 500_000


Span = tuple[int, int]

_PIECE = re.compile(r"[./]?[^./]+|[./]")


class TooManyStatesError(ValueError):
    """The names lead to more states of the automaton than may be built."""


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


class Viable(dict[str, "Viable"]):
    """The states from which the rest of a name matches; a character before it -> those there.

    Attributes:
        number: The number of this state of the deterministic automaton.
        matching: The numbers of the expressions that match the rest of the name.
    """

    def __init__(self, automaton: Automaton, states: frozenset[int], number: int) -> None:
        """Note which expressions begin in one of the states."""
        super().__init__()
        self._automaton, self._states, self.number = automaton, states, number
        numbers = (automaton.numbers.get(state, ()) for state in states)
        self.matching = tuple(sorted(itertools.chain.from_iterable(numbers)))
        self._steps: dict[int, _Step] = {}

    def __missing__(self, char: str) -> Viable:
        self[char] = found = self._automaton.before(self._states, char)
        return found

    def step(self, state: int) -> _Step:
        """Return the first way on from a state that leads to the end."""
        found = self._steps.get(state)
        if found is None:
            found = self._steps[state] = self._automaton.step(state, self._states)
        return found


class Automaton:
    """The states of expressions, each from one of ``starts`` to the common end.

    Raises:
        UnsupportedError: The expressions are too large.
    """

    def __init__(self, wholes: list[Part]) -> None:
        """Build the graph; the states of the deterministic automaton come with the names."""
        single = len(wholes) == 1
        self._largest = _LARGEST if single else _LARGEST_TOGETHER
        self._parts = 0
        self._most_work = _MOST_WORK if single else _MOST_WORK_TOGETHER
        self._graph: list[_State] = [_Choice(())]
        self.starts = [self._before(whole, _END) for whole in wholes]
        self.numbers: dict[int, list[int]] = {}  # of the expressions that begin in a state
        for number, start in enumerate(self.starts):
            self.numbers.setdefault(start, []).append(number)
        self._sources: list[list[int]] = [[] for _ in self._graph]
        self._readers: list[list[tuple[int, Callable[[str], object]]]] = [[] for _ in self._graph]
        for number, state in enumerate(self._graph):
            if isinstance(state, _Read):
                self._readers[state.then].append((number, state.test))
            else:
                for target in state.targets if isinstance(state, _Choice) else (state.then,):
                    self._sources[target].append(number)
        self._work = 0
        self._known: dict[frozenset[int], Viable] = {}
        self._count = itertools.count()  # threads may share an automaton, but never a number
        self.end = self._viable([_END])

    def before(self, states: frozenset[int], char: str) -> Viable:
        """Return the states before ``char`` from which it leads to one of ``states``."""
        self._work += 1 + len(states)
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
            found = self._graph[number]
            if isinstance(found, _Read):
                return _Step(found.then, begins, ends)
            if number == _END:
                return _Step(number, begins, ends)
            if isinstance(found, _Mark):
                is_end = found.is_end
                waiting.append(_Step(found.then, begins or not is_end, ends or is_end))
            else:
                waiting += [_Step(each, begins, ends) for each in reversed(found.targets)]

    def _viable(self, states: list[int]) -> Viable:
        """Return these states and all that lead to them without a character."""
        found = set(states)
        while states:
            more = [each for each in self._sources[states.pop()] if each not in found]
            found.update(more)
            states += more
        self._work += len(found)
        if self._work > self._most_work:
            self._known.clear()
            self.end = Viable(self, frozenset([_END]), next(self._count))  # drops what is large
            raise TooManyStatesError("there are too many ways to match it; write it more simply")
        frozen = frozenset(found)
        if frozen not in self._known:
            self._known[frozen] = Viable(self, frozen, next(self._count))
        return self._known[frozen]

    def _add(self, state: _State) -> int:
        if len(self._graph) >= self._largest:
            raise UnsupportedError(f"it has more than {self._largest} states")
        self._graph.append(state)
        return len(self._graph) - 1

    def _before(self, part: Part, then: int) -> int:
        """Add the states of a part that leads to ``then``, and return the first of them."""
        self._parts += 1  # those that add no state count, too: (?:(?:){2000}){2000}
        if self._parts > 10 * self._largest:
            raise UnsupportedError(f"it repeats more than {10 * self._largest} parts")
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

        if repeat.low > self._largest:  # of a part that may add no state
            raise UnsupportedError(f"it repeats a part {repeat.low} times")
        first = then
        if repeat.high is None:
            first = self._add(_Choice(()))
            self._graph[first] = choice(self._before(repeat.part, first))
        else:
            for _ in range(repeat.high - repeat.low):
                first = self._add(choice(self._before(repeat.part, first)))
        for _ in range(repeat.low):
            first = self._before(repeat.part, first)
        return first


class Reader:
    """Automaton that remembers where a piece of a name leads it; names share most pieces.

    Args:
        automaton: The automaton.
    """

    def __init__(self, automaton: Automaton) -> None:
        """Begin without any piece."""
        self._automaton = automaton
        self._before: dict[tuple[str, int], Viable] = {}
        self._after: dict[tuple[int, str, int], tuple[int, int, int]] = {}

    def matching(self, name: str) -> tuple[int, ...]:
        """Return the numbers of the expressions that match a whole name, in order."""
        viable = self._automaton.end
        for piece in reversed(_PIECE.findall(name)):
            viable = self._read(piece, viable)
        return viable.matching

    def layer(self, number: int, name: str) -> Span:
        """Return where the group ``layer`` of an expression begins and ends, or (-1, -1)."""
        pieces = _PIECE.findall(name)
        rests = [self._automaton.end]
        for piece in reversed(pieces):
            rests.append(self._read(piece, rests[-1]))
        state, begin, position = self._automaton.starts[number], -1, 0
        for piece, rest in zip(pieces, reversed(rests[:-1]), strict=True):
            state, begins, ends = self._follow(state, piece, rest)
            begin = position + begins if begins >= 0 else begin
            if ends >= 0:
                return begin, position + ends
            position += len(piece)
        _, starts, stops = self._automaton.end.step(state)
        return (position if starts else begin, position) if stops else (-1, -1)

    def _read(self, piece: str, rest: Viable) -> Viable:
        """Return the states before a piece, after which ``rest`` follows."""
        found = self._before.get((piece, rest.number))
        if found is None:
            found = rest
            for char in reversed(piece):
                found = found[char]
            self._before[piece, rest.number] = found
        return found

    def _follow(self, state: int, piece: str, rest: Viable) -> tuple[int, int, int]:
        """Return the state after a piece, and where in it the group begins and ends, or -1."""
        key = (state, piece, rest.number)
        found = self._after.get(key)
        if found is None:
            viable = [rest]
            for char in reversed(piece):
                viable.append(viable[-1][char])
            begin = end = -1
            for position, each in enumerate(reversed(viable[1:])):
                state, begins, ends = each.step(state)
                begin = position if begins else begin
                end = position if ends else end
            found = self._after[key] = (state, begin, end)
        return found
