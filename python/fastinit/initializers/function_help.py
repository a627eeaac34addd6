"""The help of functions that draw: their own text, and all of their options.

The options of its class and those of every draw are written once, where they are defined.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from fastinit.initializers.base import Initializer
from fastinit.initializers.options import plain_signature

Function = TypeVar("Function", bound=Callable[..., Any])

_SECTIONS = ("Args:", "Returns:", "Raises:", "Example:")
_ENTRY = re.compile(r"^    \w+:.*(?:\n     .*)*", re.M)  # with the lines that go on


def draws(cls: type[Initializer]) -> Callable[[Function], Function]:
    """Return a decorator for the function of a class, which completes its signature and help."""

    def decorate(function: Function) -> Function:
        code = function.__code__
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        function.__doc__ = function_help(function.__doc__, cls, parameters)
        return plain_signature(function)

    return decorate


def function_help(own: str | None, cls: type[Initializer], parameters: Iterable[str]) -> str | None:
    """Return the docstring of a function, completed by those of its class and of a draw.

    Args:
        own: The function's own docstring; None if there are none (``python -OO``).
        cls: The class whose text, arguments and errors are added to the function's own.
        parameters: The names of the function's parameters: others of the class are left out.
    """
    if own is None or cls.__doc__ is None:
        return own
    text, sections = _parsed(own)
    class_text, class_sections = _parsed(cls.__doc__)
    options = _entries(class_sections.get("Args:", "")) | _entries(sections.get("Args:", ""))
    taken = [options[name] for name in parameters if name in options]
    of_class = class_sections if taken or not options else {}  # its errors are of its arguments
    errors: dict[str, str] = {}
    for section in _ERRORS, of_class.get("Raises:", ""), sections.get("Raises:", ""):
        for name, entry in _entries(section).items():
            errors[name] = _joined(errors[name], entry) if name in errors else entry
    return "\n\n".join(
        [
            text,
            class_text,
            "\n".join(["Args:", _SHAPE, *taken, _DRAWING]),
            f"Returns:\n{_RETURNS}",
            "\n".join(["Raises:", *errors.values()]),
            f"Example:\n{sections['Example:']}",
        ]
    )


def _joined(entry: str, other: str) -> str:
    """Return two entries of one error as one, unless they say the same."""
    more = other.partition(":")[2].strip()
    return entry if more in entry else f"{entry}\n        {more}"


def _entries(section: str) -> dict[str, str]:
    """Return the entries of a section by the names with which they begin."""
    return {entry.lstrip().partition(":")[0]: entry for entry in _ENTRY.findall(section)}


def _parsed(doc: str) -> tuple[str, dict[str, str]]:
    """Return the paragraphs of a docstring, and its sections by their headers."""
    if "\n    Example:" in doc:  # Python 3.13 removes the indentation itself
        doc = doc.replace("\n    ", "\n")
    paragraphs, sections = [], {}
    for block in doc.strip().split("\n\n"):
        header, _, body = block.partition("\n")
        if header in _SECTIONS:
            sections[header] = body
        else:
            paragraphs.append(block)
    return "\n\n".join(paragraphs), sections


_, _CALL = _parsed(inspect.cleandoc(Initializer.__call__.__doc__ or ""))
_SHAPE, _, _DRAWING = _CALL.get("Args:", "").partition("\n")
_RETURNS, _ERRORS = _CALL.get("Returns:", ""), _CALL.get("Raises:", "")
