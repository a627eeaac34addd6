"""A warning where a seed without a name draws the same numbers once more."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any
from weakref import ref

from fastinit import callers

_MOST = 1024  # seeds that are remembered


class RepeatedStreamWarning(UserWarning):
    """A seed without a name has drawn the same numbers again, most likely by mistake.

    It is given once for every line of a program in which a seed without a name is drawn for
    another shape or another initializer than before, or while other arrays of it are in use.
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


class _Draw:  # a dataclass takes a millisecond of the import
    """The last draw of a seed without a name.

    Attributes:
        templates: the templates, which a cache keeps, so that equal draws have the same object.
        array: a weak reference to the array.
        earlier: a weak reference to the array of the same numbers before that.
        what: the initializer, or the name and the arguments of what drew.
        shape: the shape of the whole array.
        is_part: whether a part of it was drawn.
        code: the code of the program that called.
        position: where in that code the call is.
    """

    __slots__ = (
        "array",
        "code",
        "earlier",
        "is_part",
        "position",
        "shape",
        "templates",
        "what",
    )

    def __init__(
        self,
        templates: object,
        array: Callable[[], Any],
        earlier: Callable[[], Any],
        what: object,
        shape: tuple[int, ...],
        is_part: bool,
        caller: FrameType,
    ) -> None:
        self.templates = templates
        self.array = array
        self.earlier = earlier
        self.what = what
        self.shape = shape
        self.is_part = is_part
        self.code: CodeType = caller.f_code
        self.position = caller.f_lasti


_last: dict[int, _Draw] = {}
_places: set[tuple[str, int]] = set()


def forget() -> None:
    """Begin anew, as a test does that is a program of its own."""
    _last.clear()
    _places.clear()


def repeats(seed: int, templates: object, array: Any, is_new: bool) -> bool:
    """Return whether a seed draws what it drew last, and that makes way for the new array.

    Then there is nothing to warn of, and the new array is remembered. An array is still in use
    while the variable that holds it is assigned again. So one from the same call makes way as well
    if the one before it has, and if ``array`` is a new one.
    """
    last = _last.get(seed)
    if last is None or last.templates is not templates:
        return False
    held = last.array()
    if held is array:
        return True
    if held is not None:
        caller = sys._getframe(3)  # of a function or an object, which calls Initializer._draw
        if not is_new or not _makes_way(last, caller):
            return False
        last.earlier = last.array
    last.array = _reference(array)
    return True


def _makes_way(last: _Draw, caller: FrameType) -> bool:
    return last.code is caller.f_code and last.position == caller.f_lasti and last.earlier() is None


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
    *,
    is_new: bool,
    is_part: bool = False,
    remedy: str | None = None,
) -> None:
    """Remember what a seed without a name draws, and warn if that repeats other numbers.

    Args:
        seed: The seed.
        templates: What is drawn; equal draws have equal templates.
        array: Where it is drawn to.
        what: The initializer, or the name and the arguments of what draws.
        shape: The shape of the whole array.
        is_new: Whether the array is a new one.
        is_part: Whether a part of it is drawn.
        remedy: What to do; None for what the functions of fastinit allow.
    """
    caller = callers.caller()
    last = _last.get(seed)
    earlier: Callable[[], Any] = _nothing
    if last is not None:
        if last.shape != shape or last.what != what:
            before = f"{_shown(last.what)} of shape {last.shape}"
            now = f"{before}, and now those of {_shown(what)} of shape {shape}"
            _warn(seed, now, caller, remedy)
        else:
            held = last.array()
            is_one_whole = is_part or last.is_part
            makes_way = held is None or held is array or (is_new and _makes_way(last, caller))
            if not is_one_whole and not makes_way:
                now = f"{_shown(what)} of shape {shape}, which are in use, and now the same again"
                _warn(seed, now, caller, remedy)
            earlier = last.array
    if len(_last) >= _MOST:
        _last.clear()
    _last[seed] = _Draw(templates, _reference(array), earlier, what, shape, is_part, caller)


def _shown(what: object) -> str:
    return f"{what[0]}{what[1]}" if isinstance(what, tuple) else str(what)


def _warn(seed: int, what: str, caller: FrameType, remedy: str | None) -> None:
    """Warn of a line of the program, once."""
    place = (caller.f_code.co_filename, caller.f_lineno)
    if place in _places:
        return
    if remedy is None:
        remedy = (
            f"give every array a name (seed={seed}, name='encoder.weight'), or call "
            f"fastinit.seed({seed}) once and leave seed= out, or pass "
            f"seed=fastinit.Stream({seed}); name=0 says that the numbers are meant to be the same"
        )
    message = (
        f"seed={seed} without a name has drawn the numbers of {what}: the same seed and name give "
        f"the same numbers; {remedy}"
    )
    callers.warn(message, RepeatedStreamWarning, caller)
    _places.add(place)
