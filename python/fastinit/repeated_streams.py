"""A warning where a seed without a name draws the same numbers once more."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import ref

_PACKAGE = str(Path(__file__).parent)
_MOST = 1024  # seeds that are remembered


class RepeatedStreamWarning(UserWarning):
    """A seed without a name has drawn the same numbers again, most likely by mistake.

    It is given once for every line of a program in which a seed without a name is drawn for
    another shape or another initializer than before, or while the array from before is in use.
    With ``name=``, or a ``Stream`` as the seed, there is no warning; ``name=0`` draws the same
    numbers as no name.

    Example:
        >>> import fastinit, warnings
        >>> w = fastinit.he_normal((4, 4), seed=0)
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     v = fastinit.he_normal((4, 2), seed=0)
        >>> caught[0].category is fastinit.RepeatedStreamWarning
        True
    """


@dataclass(slots=True)
class _Draw:
    """What a seed without a name drew last.

    Attributes:
        templates: the templates, which a cache keeps, so that equal draws have the same object.
        array: a weak reference to the array.
        what: the initializer, or the name and the arguments of what drew.
        shape: the shape of the whole array.
        is_part: whether a part of it was drawn.
    """

    templates: object
    array: Callable[[], Any]
    what: object
    shape: tuple[int, ...]
    is_part: bool


_last: dict[int, _Draw] = {}
_places: set[tuple[str, int]] = set()


def forget() -> None:
    """Begin anew, as a test does that is a program of its own."""
    _last.clear()
    _places.clear()


def repeats(seed: int, templates: object, array: Any) -> bool:
    """Return whether a seed draws what it drew last, and only the new array is in use.

    Then there is nothing to warn of, and the new array is remembered.
    """
    last = _last.get(seed)
    if last is None or last.templates is not templates:
        return False
    held = last.array()
    if held is not None and held is not array:
        return False
    last.array = _reference(array)
    return True


def _reference(array: Any) -> Callable[[], Any]:
    """Return a weak reference to an array, or to nothing where its library has none."""
    try:
        return ref(array)
    except TypeError:
        return _nothing


def _nothing() -> None:
    return None


def note(
    seed: int,
    templates: object,
    array: Any,
    what: object,
    shape: tuple[int, ...],
    is_part: bool = False,
) -> None:
    """Remember what a seed without a name draws, and warn if that repeats other numbers.

    Args:
        seed: The seed.
        templates: What is drawn; equal draws have equal templates.
        array: Where it is drawn to.
        what: The initializer, or the name and the arguments of what draws.
        shape: The shape of the whole array.
        is_part: Whether a part of it is drawn.
    """
    last = _last.get(seed)
    if last is not None:
        _compare(seed, last, array, what, shape, is_part)
    if len(_last) >= _MOST:
        _last.clear()
    _last[seed] = _Draw(templates, _reference(array), what, shape, is_part)


def _compare(
    seed: int,
    last: _Draw,
    array: Any,
    what: object,
    shape: tuple[int, ...],
    is_part: bool,
) -> None:
    if last.shape != shape or last.what != what:
        before = f"{_shown(last.what)} of shape {last.shape}"
        now = f"{before}, and now those of {_shown(what)} of shape {shape}"
    else:
        held = last.array()
        if held is None or held is array or is_part or last.is_part:
            return
        now = f"{_shown(what)} of shape {shape}, which are still in use, and now the same once more"
    _warn(
        f"seed={seed} without a name has drawn the numbers of {now}: the same seed and name give "
        f"the same numbers. Give every array a name (seed={seed}, name='encoder.weight'), or call "
        f"fastinit.seed({seed}) once and leave seed= out, or pass seed=fastinit.Stream({seed}); "
        "name=0 says that the numbers are meant to be the same"
    )


def _shown(what: object) -> str:
    return f"{what[0]}{what[1]}" if isinstance(what, tuple) else str(what)


def _warn(message: str) -> None:
    """Warn of the line of the program that called, once."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    place = (frame.f_code.co_filename, frame.f_lineno)
    if place in _places:
        return
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__", "<unknown>")
    warnings.warn_explicit(message, RepeatedStreamWarning, *place, module, registry)
    _places.add(place)
