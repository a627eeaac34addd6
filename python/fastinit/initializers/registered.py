"""Initializers that users write: functions of random numbers and indices, under a name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Never, TypeVar

import numpy as np

from fastinit.checks import shown, type_of
from fastinit.initializers.base import Initializer
from fastinit.initializers.computed import Computed, draw_bounds, rounded
from fastinit.initializers.distributions.uniform import Uniform
from fastinit.initializers.function_help import draws
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Bounds, Index, Shape
from fastinit.native.dtypes import DTYPES, drawable
from fastinit.native.request import Template
from fastinit.streams import Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Custom", "custom", "register"]

Function = TypeVar("Function", bound=Callable[..., Any])

_OF = ("uniforms", "words", "index")
_functions: dict[str, tuple[Callable[..., Any], str]] = {}


def register(name: str, of: str = "uniforms") -> Callable[[Function], Function]:
    """Register a function under a name, by which ``Custom``, recipes and plans know it.

    The function is called with the keyword arguments that its kind has, for any part of the array,
    and returns an array of the part's shape. It must be pure: an element may depend on its own
    numbers and indices only, so that a part equals the part of the whole, and on nothing that
    changes between calls or machines. NumPy's exp, log and sin may differ in the last bit between
    machines; +, -, *, / and sqrt do not, nor does ``fastinit.Mapped``.

    Args:
        name: The name.
        of: The numbers that it takes. "uniforms": ``u``, float64 in the open interval (0, 1), one
            per element. "words": ``words``, the uint32 of Philox, one per element. "index": none.
            All functions take ``index``, a tuple with the indices of the part along each axis,
            shaped to broadcast, and ``shape``, that of the whole array.

    Raises:
        TypeError: The name is not a string, or what is decorated is not a function.
        ValueError: ``of`` is not known, or another function has the name.

    Example:
        >>> import fastinit
        >>> @fastinit.register("docs/laplace-like")
        ... def signed_square(u, index, shape):
        ...     return (2 * u - 1) * abs(2 * u - 1)
        >>> fastinit.custom((2, 3), "docs/laplace-like", seed=0).shape
        (2, 3)
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name={shown(name)} is not a name; pass a string that is not empty")
    if of not in _OF:
        raise ValueError(f"of={shown(of)} is not known; use one of {', '.join(_OF)}")

    def decorate(function: Function) -> Function:
        if not callable(function):
            raise TypeError(f"{shown(function)} is not a function; decorate one")
        known = _functions.get(name)
        if known is not None and _place(known[0]) != _place(function):
            raise ValueError(
                f"name={name!r} is that of {_place(known[0])}; choose another name, such as "
                "'my-project/my-init'"
            )
        _functions[name] = function, of
        return function

    return decorate


def _place(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "?")
    return f"{module}.{getattr(function, '__qualname__', repr(function))}"


@dataclasses.dataclass(frozen=True)
class Custom(Initializer):
    """Values that a registered function returns; see ``fastinit.register``.

    Values are rounded from float64 to float32, and from there to narrower dtypes. Plans and recipes
    hold the name alone: a program that loads them must register the function first.

    Args:
        function: The name under which the function is registered.

    Raises:
        TypeError: ``function`` is not a string.
        ValueError: No function is registered under the name; when drawn, the function returns
            something else than an array of the part's shape with finite values.

    Example:
        >>> import fastinit
        >>> @fastinit.register("docs/ramp", of="index")
        ... def ramp(index, shape):
        ...     return index[0] + 10 * index[1]
        >>> fastinit.Custom("docs/ramp")((2, 3))
        array([[ 0., 10., 20.],
               [ 1., 11., 21.]], dtype=float32)
    """

    function: str

    def __post_init__(self) -> None:
        """Check that the function is registered."""
        if not isinstance(self.function, str):
            raise TypeError(
                f"function={shown(self.function)} is {type_of(self.function)}; register it "
                "with @fastinit.register('a name'), and pass the name"
            )
        self._registered()

    def _registered(self) -> tuple[Callable[..., Any], str]:
        if self.function not in _functions:
            raise ValueError(
                f"function={self.function!r} is not registered; import the module that has it, "
                f"where @fastinit.register({self.function!r}) decorates the function"
            )
        return _functions[self.function]

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether the function takes random numbers."""
        return self._registered()[1] != "index"

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which calls the function."""
        precision = drawable(dtype, "computed")
        float64 = DTYPES["float64"]

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            function, of = self._registered()  # here: templates are kept longer than functions
            index = np.ogrid[tuple(slice(*each) for each in bounds)]
            arguments: dict[str, Any] = {"index": tuple(index), "shape": shape}
            if of != "index":
                base = Uniform(0.0 if of == "uniforms" else -1.0, 1.0).templates(shape, float64)
                u = draw_bounds(base, shape, float64, bounds, seed, stream)
                arguments["u" if of == "uniforms" else "words"] = (
                    u if of == "uniforms" else _words(u)
                )
            wanted = tuple(stop - start for start, stop in bounds)
            return rounded(self._checked(function(**arguments), wanted), precision)

        return (Computed(shape, dtype, compute, elementwise=True, may_fail=True),)

    def _checked(self, found: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        values = np.asarray(found)
        if values.dtype.kind not in "fiub" or values.shape not in (shape, ()):
            raise ValueError(
                f"function={self.function!r} returned {values.dtype.name} of shape {values.shape}; "
                f"numbers of shape {shape} were expected"
            )
        wide = np.broadcast_to(values.astype(np.float64), shape)
        if not np.isfinite(wide).all():
            raise ValueError(
                f"function={self.function!r} returned values that are not finite; correct it"
            )
        return wide


def _words(u: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return the words of uniforms on (-1, 1), which are odd multiples of 2^-53."""
    n = (u * 2.0**53).astype(np.int64)
    words: NDArray[np.uint32] = (n >> 22).astype(np.uint32)
    return words


@draws(Custom)
def custom(
    shape: Shape,
    function: str,
    *extra: Never,
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Custom(function)``.

    Example:
        >>> import fastinit
        >>> @fastinit.register("docs/coin", of="words")
        ... def coin(words, index, shape):
        ...     return words % 2
        >>> float(fastinit.custom(10_000, "docs/coin", seed=0).mean().round(1))
        0.5
    """
    if extra or unknown:
        raise unexpected(custom, shape, extra, unknown)
    return Custom(function)._draw(shape, seed, name, dtype, device, out, index)
