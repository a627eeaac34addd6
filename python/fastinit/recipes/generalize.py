"""Generalization: few rules with readable patterns, from what is known of every single tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from fastinit.initializers import Initializer
from fastinit.recipes.patterns.numbers import without_numbers
from fastinit.recipes.patterns.pattern import SPECIAL, Pattern, exact
from fastinit.recipes.rule import Rule


class Found(NamedTuple):
    """A tensor with its initializer, and the code that asked for it."""

    initializer: Initializer
    origin: str | None


def rules_of(found: Mapping[str, Found]) -> tuple[Rule, ...]:
    """Return rules of which the first that matches a name has what is known of that tensor.

    Numbers in names, as those of layers, become ``*``, and a pattern is the shortest ending of a
    name that all tensors with that ending agree on. Names that no such pattern tells from others
    have rules of their own, which come first.

    Args:
        found: What is known of each tensor, by name.

    Example:
        >>> import fastinit
        >>> from fastinit.recipes.generalize import Found, rules_of
        >>> small = Found(fastinit.Normal(std=0.02), None)
        >>> zero = Found(fastinit.Constant(0), None)
        >>> names = {f"h.{layer}.fc.weight": small for layer in range(9)} | {"h.0.fc.bias": zero}
        >>> [rule.pattern for rule in rules_of(names)]
        ['**.weight', '**.bias']
    """
    counts: dict[tuple[str, ...], Counter[Found]] = {}
    for name, what in found.items():
        for ending in _endings(name):
            counts.setdefault(ending, Counter())[what] += 1
    chosen: dict[tuple[str, ...], Found] = {}
    for name, what in found.items():
        # Of tensors that differ in their numbers alone, the pattern is for most of them.
        for ending in _endings(name):
            if _is_for(what, counts[ending], ending):
                chosen[ending] = what
                break
    by_last: dict[str, list[tuple[str, ...]]] = {}
    for ending in chosen:
        by_last.setdefault(ending[-1], []).append(ending)
    own = []
    used = set()
    for name, what in found.items():
        matching = _matching(name, by_last)
        if matching and all(chosen[each] == what for each in matching):
            used.add(matching[0])
        else:
            own.append(Rule(exact(name), what.initializer, origin=what.origin))
    general = (
        Rule(_glob(ending), what.initializer, origin=what.origin)
        for ending, what in chosen.items()
        if ending in used
    )
    return (*own, *general)


def _is_for(what: Found, counts: Counter[Found], ending: tuple[str, ...]) -> bool:
    is_whole = ending[0] == ""
    return len(counts) == 1 or (is_whole and 2 * counts[what] > counts.total())


def _endings(name: str) -> list[tuple[str, ...]]:
    """Return the endings of a name, the shortest first, with ``*`` in place of numbers."""
    if SPECIAL.search(name):
        return []
    segments = tuple(without_numbers(name).split("."))
    endings = [segments[-count:] for count in range(1, len(segments))]
    return [each for each in endings if each[0] != "*"] + [("", *segments)]


def _matching(name: str, by_last: dict[str, list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """Return the endings whose patterns match a name.

    An ending begins with an empty segment where its pattern is for a whole name.
    """
    segments = ("", *name.split("."))
    candidates = by_last.get(segments[-1], []) + by_last.get("*", [])
    return [each for each in candidates if _matches(each, segments)]


def _matches(ending: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    if len(ending) > len(segments) or (ending[0] == "" and len(ending) != len(segments)):
        return False
    last = segments[-len(ending) :]
    return all(mine in ("*", theirs) for mine, theirs in zip(ending, last, strict=True))


def _glob(ending: tuple[str, ...]) -> Pattern:
    return ".".join(ending[1:]) if ending[0] == "" else "**." + ".".join(ending)
