"""Rules that draw nothing because a part of a name in their pattern is misspelled."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fastinit.callers import caller, warn
from fastinit.recipes.context import Model
from fastinit.recipes.patterns.pattern import Pattern

_SEPARATORS = re.compile(r"[./]")
_WORD = re.compile(r"[\w-]+")
_DIGITS = re.compile(r"\d+")


def warn_of_misspelled(patterns: Iterable[Pattern], model: Model) -> None:
    """Warn of patterns that match nothing, where a slip of the pen is plain.

    Rules for parts that a model does not have are no mistake, since one list may serve several
    models; so there is a warning only where a segment that no name has differs from one that names
    have by the order of letters, or by one too many or too few.
    """
    tensors = (*model.parameters, *model.buffers)
    names = [each.name for each in tensors] + list(model.tied)
    words = {word for name in names for word in _SEPARATORS.split(name)}
    known = dict.fromkeys(sorted(words))
    for pattern in patterns:
        if isinstance(pattern, str) and (meant := _corrected(pattern, known)) != pattern:
            message = f"the rule {pattern!r} matches no tensor; did you mean {meant!r}?"
            warn(message, UserWarning, caller())


def _corrected(pattern: str, known: dict[str, None]) -> str:
    """Return a pattern whose misspelled segments are those of names."""

    def meant(segment: str) -> str:
        if segment in known or not _WORD.fullmatch(segment):
            return segment
        return next((word for word in known if _is_slip(segment, word)), segment)

    return "".join(map(meant, re.split(r"([./])", pattern)))


def _is_slip(written: str, word: str) -> bool:
    """Whether a word was meant of which the letters are in another order, or one more or less."""
    if written[0] != word[:1] or _DIGITS.sub("", written) == _DIGITS.sub("", word):
        return False
    shorter, longer = sorted((written, word), key=len)
    if len(shorter) == len(longer):
        return sorted(shorter) == sorted(longer)
    return len(longer) == len(shorter) + 1 and any(
        longer[:k] + longer[k + 1 :] == shorter for k in range(len(longer))
    )
