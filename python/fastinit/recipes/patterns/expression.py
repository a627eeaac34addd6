"""The parts of a regular expression, of the kinds that match in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

LONGEST = 1000  # characters
_DEEPEST = 20  # nested groups
_FLAGS = re.compile(r"\(\?[aisu]+\)")
_GROUP = re.compile(r"\((?:\?:|\?P<(?P<name>\w+)>|(?!\?))")
_ATOM = re.compile(
    r"\[\^?\]?(?:\\.|[^\]\\])*\]"
    r"|\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDsSwWnrtfva]|[^0-9a-zA-Z])"
    r"|[^\\()|*+?^$\[]",
    re.DOTALL,
)
_REPEAT = re.compile(r"[*+?]|\{(?!\})(?P<low>[0-9]*)(?P<comma>,(?P<high>[0-9]*))?\}")
_SIGNS = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class UnsupportedError(ValueError):
    """The expression is not among those that match in linear time."""


@dataclass(frozen=True, slots=True)
class Character:
    """One character, for which ``test`` returns something true."""

    test: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Parts of which one matches; the first is tried first."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part ``low`` to ``high`` times (None: any number); a lazy one tries few times first."""

    part: Part
    low: int
    high: int | None
    is_lazy: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """The group ``layer``."""

    part: Part


Part = Character | Sequence | Alternatives | Repeat | Layer


def parse(text: str) -> Part:
    r"""Return the parts of an expression that ``re`` accepts.

    Characters, sets, ``.``, classes such as ``\d``, groups, ``|``, greedy and lazy repeats and the
    flags ``a``, ``i``, ``s`` and ``u`` are supported, and ``^`` and ``$`` around the whole.

    Raises:
        UnsupportedError: The expression has anything else, or is too long or nested too deeply.
    """
    if len(text) > LONGEST:
        raise UnsupportedError(f"it has {len(text)} characters, more than {LONGEST}")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        flags = _FLAGS.match(text)
        self._flags = flags[0] if flags else ""
        self._text, self._at = text, len(self._flags)

    def whole(self) -> Part:
        found = self._alternatives(0)
        if self._at < len(self._text):
            raise self._error()
        return found

    def _error(self) -> UnsupportedError:
        rest = self._text[self._at : self._at + 10]
        return UnsupportedError(f"{rest!r} at position {self._at} is not supported")

    def _takes(self, char: str) -> bool:
        if not self._text.startswith(char, self._at):
            return False
        self._at += 1
        return True

    def _alternatives(self, depth: int) -> Part:
        branches = [self._branch(depth)]
        while self._takes("|"):
            branches.append(self._branch(depth))
        return branches[0] if len(branches) == 1 else Alternatives(tuple(branches))

    def _branch(self, depth: int) -> Part:
        parts: list[Part] = []
        if depth == 0:
            self._takes("^")  # a match of the whole name begins and ends there anyway
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if depth == 0 and self._text[self._at :][:2] in ("$", "$|"):
                self._at += 1
            else:
                start = self._at
                parts.append(self._repeated(self._item(depth), start))
        return Sequence(tuple(parts))

    def _item(self, depth: int) -> Part:
        if group := _GROUP.match(self._text, self._at):
            if depth == _DEEPEST:
                raise UnsupportedError(f"its groups are nested in more than {_DEEPEST} levels")
            self._at = group.end()
            found = self._alternatives(depth + 1)
            self._takes(")")
            return Layer(found) if group["name"] == "layer" else found
        atom = _ATOM.match(self._text, self._at)
        if atom is None:
            raise self._error()
        self._at = atom.end()
        return Character(re.compile(self._flags + atom[0]).fullmatch)

    def _repeated(self, part: Part, start: int) -> Part:
        """Return a part, which begins at ``start``, with the repeat after it, if there is one."""
        found = _REPEAT.match(self._text, self._at)
        if found is None:
            return part
        self._at = found.end()
        low, high = _SIGNS.get(found[0], (int(found["low"] or 0), None))
        if found["low"] is not None:
            high = int(found["high"]) if found["high"] else None if found["comma"] else low
        if high != 1 and "(?P<layer>" in self._text[start : self._at]:
            raise UnsupportedError("its group 'layer' is repeated")
        is_lazy = self._takes("?")
        if _REPEAT.match(self._text, self._at):  # a possessive repeat
            raise self._error()
        return Repeat(part, low, high, is_lazy)
