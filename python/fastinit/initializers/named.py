"""Initializers by the names of their functions, for ``base=`` and for rules."""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from fastinit.checks import shown, type_of
from fastinit.initializers import later
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.distributions.presets import PRESETS
from fastinit.missing_names import MEANT

_Maker = Callable[..., Initializer]

_CAPITAL = re.compile("(?<!^)(?=[A-Z])")


def _makers(name: str) -> dict[str, _Maker]:
    """Return the initializers that need no argument, by the names of their functions.

    Masks are not among them, which need a base of their own. Families that are imported later are
    among them if no other one has the name.
    """
    if name in later.FILES:
        later.imported(name)
    found = _makers_of(len(Initializer._types))
    if name in found:
        return found
    later.import_all()
    return _makers_of(len(Initializer._types))


@functools.lru_cache(maxsize=1)
def _makers_of(_: int) -> dict[str, _Maker]:
    found: dict[str, _Maker] = dict(PRESETS)
    for cls in Initializer._types.values():
        public = getattr(sys.modules[cls.__module__], "__all__", ())
        if cls.__name__ in public and _needs_nothing(cls):
            found.setdefault(function_name(cls.__name__), cls)
    if "identity" in found:
        found["eye"] = found["identity"]
    found["ones"] = lambda: Constant(1)
    found["zeros"] = lambda: Constant(0)
    return found


def function_name(class_name: str) -> str:
    """Return the name of the function that belongs to a class.

    Example:
        >>> from fastinit.initializers.named import function_name
        >>> function_name("HeNormal")
        'he_normal'
    """
    return _CAPITAL.sub("_", class_name).lower()


def _needs_nothing(cls: type[Any]) -> bool:
    return all(
        field.default is not dataclasses.MISSING and field.name != "base"
        for field in dataclasses.fields(cls)
    )


def is_name(name: str) -> bool:
    """Return whether an initializer can be made of a name alone."""
    return name in _makers(name)


def nearest(name: str, also: Iterable[str] = ()) -> str | None:
    """Return the name of a function, or one of others, that an unknown name may stand for.

    Example:
        >>> from fastinit.initializers.named import nearest
        >>> nearest("HeNormal"), nearest("he_norml"), nearest("random_normal")
        ('he_normal', 'he_normal', 'normal')
    """
    import difflib  # here: it takes a millisecond, and few need it

    makers = _makers(name)
    plain = function_name(MEANT.get(name, name).rpartition(">")[2])
    if plain in makers:
        return plain
    return next(iter(difflib.get_close_matches(plain, [*also, *makers], n=1)), None)


def named(name: str, what: str, layout: str | None = None) -> Initializer:
    """Return the initializer with the name of a function, as "he_normal", with its defaults.

    Args:
        name: The name.
        what: The argument that holds it, for the error.
        layout: The role of each axis, for initializers that have a layout; None for their default.

    Raises:
        ValueError: The name is not known.
    """
    makers = _makers(name)
    if name not in makers:
        near = nearest(name)
        raise ValueError(
            f"{what}={shown(name)} is not known; use one of {', '.join(makers)}, or an initializer "
            f"object{f'; did you mean {near!r}?' if near else ''}"
        )
    made = makers[name]()
    if layout is None or not hasattr(made, "layout"):
        return made
    changed: dict[str, Any] = {"layout": layout}
    return dataclasses.replace(made, **changed)


def initializer_of(given: Any, what: str) -> Initializer:
    """Return an initializer that is given as an object, as plain data or by its name.

    Raises:
        TypeError: It is none of those.
        ValueError: The name is not known, or the data is wrong.
    """
    if isinstance(given, Initializer):
        return given
    if isinstance(given, dict):
        return Initializer.from_dict(given)
    if isinstance(given, str):
        return named(given, what)
    if isinstance(given, type):
        name = given.__name__
        raise TypeError(f"{what} is the class {name}; pass an object of it, {name}()")
    raise TypeError(
        f"{what}={shown(given)} is {type_of(given)}; pass an initializer object, or a name "
        "such as 'he_normal'"
    )
