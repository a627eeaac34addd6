"""help() of a function that draws explains every option and every error."""

import inspect
import re

import pytest

import fastinit
from fastinit import initializers
from fastinit.initializers.function_help import function_help

FUNCTIONS = [
    name for name in vars(initializers)["__all__"] if name.islower() and name != "register"
]


def entries(name: str, section: str) -> list[str]:
    """The names with which the entries of a section begin."""
    doc = inspect.getdoc(getattr(fastinit, name)) or ""
    found = re.search(rf"^{section}:\n((?:    .*\n)+)", doc, re.M)
    assert found is not None, doc
    return re.findall(r"^    (\w+):", found.group(1), re.M)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments(name: str) -> None:
    """All of a function's options are there, once and in order."""
    parameters = list(inspect.signature(getattr(fastinit, name)).parameters)
    assert entries(name, "Args") == parameters


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors(name: str) -> None:
    names = entries(name, "Raises")
    assert len(set(names)) == len(names)
    assert {"TypeError", "ValueError"} <= set(names)
    function = getattr(fastinit, name)
    if "out" in inspect.signature(function).parameters:
        assert "``out`` does not fit" in (function.__doc__ or "")


def test_errors_of_arguments_that_a_function_lacks() -> None:
    """``Constant`` has the argument ``value``, ``zeros`` does not."""
    assert "``value`` is" in (fastinit.Constant.__doc__ or "")
    assert "``value``" not in (fastinit.zeros.__doc__ or "")


def test_no_docstrings() -> None:
    """Under ``python -OO`` there are none."""
    assert function_help(None, fastinit.Normal, ()) is None
