"""The options of functions and initializers: their types, and errors for those that do not exist.

A function takes surplus arguments as ``*extra`` and ``**unknown``, both of the type ``Never``, so
that type checkers refuse them and ``unexpected`` can say what was meant. That costs nothing where
there are none. Signatures that are shown leave both out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from fastinit.checks import shown
from fastinit.other_frameworks import caller_of, remedy

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import TypeVar

    Out = TypeVar("Out", default=NDArray[Any])
    """The type of ``out=``, which is that of the result; without it, a NumPy array's."""
else:
    from typing import TypeVar

    Out = TypeVar("Out")

Function = TypeVar("Function", bound=Callable[..., Any])

# Options of other libraries, and those that mean the same here, of which a function has one.
_MEANT: dict[str, tuple[str, ...]] = {
    "activation": ("nonlinearity",),
    "b": ("high", "upper"),
    "a": ("low", "lower"),
    "array": ("out",),
    "axes": ("layout",),
    "data_format": ("layout",),
    "density": ("sparsity",),
    "fan_in": ("fan",),
    "fan_mode": ("mode",),
    "fan_out": ("fan",),
    "fill_value": ("value",),
    "generator": ("seed",),
    "in_axis": ("layout",),
    "keep_prob": ("p",),
    "key": ("seed",),
    "kernel_layout": ("layout",),
    "label": ("name",),
    "loc": ("mean",),
    "max": ("high", "upper"),
    "maxval": ("high", "upper"),
    "min": ("low", "lower"),
    "minval": ("low", "lower"),
    "mu": ("mean",),
    "negative_slope": ("a",),
    "nnz": ("nonzeros",),
    "out_axis": ("layout",),
    "prob": ("p",),
    "random_state": ("seed",),
    "rng": ("seed",),
    "scale": ("gain", "std"),
    "sigma": ("std", "gain"),
    "size": ("shape",),
    "slice": ("index",),
    "std": ("gain",),
    "stddev": ("std", "gain"),
    "tensor": ("out",),
    "type": ("dtype",),
    "val": ("value",),
    "w0": ("omega",),
}
_SEED = "It is an integer or a fastinit.Stream, and name= says which stream of it."
_WHOLE = "The shape is that of the whole weight, such as (64, 32, 3, 3)."
_AXES = "It says what each axis is, such as 'oi*' (torch) or '*io' (JAX, Keras)."
# What has to be said besides, or where nothing means the same.
_REMEDIES = {
    **dict.fromkeys(("generator", "key", "random_state", "rng"), _SEED),
    **dict.fromkeys(("in_channels", "in_features", "kernel_size", "out_channels"), _WHOLE),
    **dict.fromkeys(("data_format", "in_axis", "kernel_layout", "out_axis"), _AXES),
    "density": "It is the fraction of zeros, 1 - density.",
    "fan_in": "A number replaces the fan, and mode='fan_in' chooses it.",
    "fan_out": "A number replaces the fan, and mode='fan_out' chooses it.",
    "out_features": _WHOLE,
    "requires_grad": "The result is not a torch tensor; fastinit.torch has functions for these.",
}


def plain_signature(function: Function) -> Function:
    """Return ``function``, whose signature is shown without ``*extra`` and ``**unknown``."""
    signature = inspect.signature(function)
    surplus = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    kept = [each for each in signature.parameters.values() if each.kind not in surplus]
    function.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return function


def unexpected(
    function: Callable[..., Any],
    first: Any,
    extra: Iterable[Any],
    unknown: Iterable[str],
    title: str | None = None,
) -> TypeError:
    """Return the error for arguments that a function or a class does not take.

    Args:
        function: The function or class.
        first: The first argument by position.
        extra: The arguments by position that are too many.
        unknown: The options that do not exist.
        title: The text for what is called, where that is not the name of the function.
    """
    parameters = [
        each for each in inspect.signature(function).parameters.values() if each.name != "self"
    ]
    options = [each.name for each in parameters]
    title = title or function.__name__
    called = f"{title}(...)" if title.endswith(")") else f"{title}()"
    wrong = list(unknown)
    if not wrong:
        places = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        arguments = (first, *extra)
        meant = remedy(caller_of(arguments), title.removesuffix("()"))
        return TypeError(
            f"{called}: {meant}" if meant else _too_many(title, called, places, options, arguments)
        )
    similar = [each for each in (_meant(name, options) for name in wrong) if each]
    question = f"; did you mean {', '.join(map(repr, similar))}?" if similar else "."
    remedies = dict.fromkeys(f" {_remedy(name, options)}".rstrip() for name in wrong)
    return TypeError(
        f"{called} has no option {', '.join(map(repr, wrong))}{question}{''.join(remedies)} "
        f"The options are {_listed(options)}"
    )


def _meant(unknown: str, options: list[str]) -> str | None:
    """Return the option that an unknown one stands for, or is a misspelling of."""
    from difflib import get_close_matches  # here, as few need it

    known = [each for each in _MEANT.get(unknown, ()) if each in options]
    return next(iter(known or get_close_matches(unknown, options, n=1)), None)


def _remedy(unknown: str, options: list[str]) -> str:
    if "gain" in _MEANT.get(unknown, ()) and {"gain", "fan"} <= set(options):
        return "The std is gain / sqrt(fan)."
    if unknown in ("a", "b") and "lower" in options:
        return "They are in sigmas: (a - mean) / std and (b - mean) / std."
    return _REMEDIES.get(unknown, "")


def _too_many(
    title: str, called: str, places: list[str], options: list[str], arguments: tuple[Any, ...]
) -> str:
    if places == ["shape"] and all(isinstance(each, int) for each in arguments):
        return f"the shape is one tuple: write {title}({shown(arguments)})"
    taken = f"takes only {_listed(places)}" if places else "takes nothing"
    shape = "the shape is one tuple, such as (64, 32)"
    if "shape" not in options:
        shape = f"an initializer is called with the shape, {title}()((64, 32))"
    return f"{called} {taken} by position, and other options by name; {shape}"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]])) or "none"
