"""Arguments of any type: each public function answers with a result or a documented error."""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastinit

pytestmark = pytest.mark.slow

SETTINGS = ("seed", "set_num_threads", "register")  # of the process
JUNK: tuple[Any, ...] = (
    None, True, -1, 2**70, 0.5, float("nan"), 1j, "", "no such name", "x" * 5000, "\0", "\ud800",
    "[", b"bytes", (), (0, 4), (-1,), [[]], {"a": 1}, {1: 2}, {None}, slice(2), Ellipsis, object(),
    object, len, np.float16, np.array(3), np.zeros((2, 0)), np.array(["a"]), fastinit.Normal(),
    fastinit.Normal, "gpt2", ".", "/dev/null",
)  # fmt: skip
# What the docstrings document: no AttributeError, KeyError, ZeroDivisionError or error of re.
DOCUMENTED = (TypeError, ValueError, OSError, IndexError)


def functions() -> Iterator[tuple[str, Any]]:
    """The public functions, the classes and their constructors."""
    for name in dir(fastinit):
        value = getattr(fastinit, name)
        if name.startswith("_") or name in SETTINGS:
            continue
        if callable(value):
            yield name, value
        for member in dir(value) if isinstance(value, type) else ():
            found = inspect.getattr_static(value, member)
            if not member.startswith("_") and isinstance(found, (classmethod, staticmethod)):
                yield f"{name}.{member}", getattr(value, member)


def message_of(function: Any, arguments: tuple[Any, ...]) -> str | None:
    """The message of a documented error, or None."""
    try:
        function(*arguments)
    except DOCUMENTED as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("name", "function"), [pytest.param(*each, id=each[0]) for each in functions()]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::fastinit.RepeatedStreamWarning")
def test_any_arguments(name: str, function: Any) -> None:
    """One argument, two of the same, and two of which the first fits."""
    for junk in JUNK:
        for arguments in ((junk,), (junk, junk), ("normal", junk), ("gpt2", junk)):
            message = message_of(function, arguments)
            assert message is None or len(message) > 10, (name, arguments, message)
