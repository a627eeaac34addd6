"""Budgets of sparse models: how a number of weights is divided among layers, by their shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from fastinit.checks import boolean, finite, shown, type_of
from fastinit.initializers.fans import axes_of, layout_of
from fastinit.native.box import shape_of

_Shape = tuple[int, ...]


@overload
def erk(
    shapes: Mapping[str, Any], density: float, *, kernel: bool = True, layout: str = "oi*"
) -> dict[str, float]: ...
@overload
def erk(
    shapes: Sequence[Any], density: float, *, kernel: bool = True, layout: str = "oi*"
) -> list[float]: ...
def erk(
    shapes: Mapping[str, Any] | Sequence[Any],
    density: float,
    *,
    kernel: bool = True,
    layout: str = "oi*",
) -> dict[str, float] | list[float]:
    """Return the density of each layer by the Erdos-Renyi-kernel rule, for a density of all.

    A layer's density is proportional to the sum of its axes over their product, so that large
    layers are sparser than small ones; layers that would have more weights than they hold are
    dense, and the others share the rest (Evci et al. 2020, arXiv 1911.11134, section 3). With
    ``kernel=False`` only the output and the input axes count (Mocanu et al. 2018, arXiv
    1707.04780).

    Args:
        shapes: The shapes of the weights that are made sparse, of two axes or more: by name, or a
            list; a shape, or anything that has one.
        density: The fraction of all their weights that is kept, 0 to 1.
        kernel: Whether the axes of convolution kernels count.
        layout: The role of each axis, where kernels do not count.

    Returns:
        The densities, by name or in a list, as the shapes were given.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The density is out of range, there are no shapes, or one has fewer than two axes
            or no elements.

    Example:
        >>> import fastinit
        >>> shapes = {"fc1": (300, 784), "fc2": (100, 300), "fc3": (10, 100)}
        >>> {name: round(density, 3) for name, density in fastinit.erk(shapes, 0.1).items()}
        {'fc1': 0.08, 'fc2': 0.23, 'fc3': 1.0}
    """
    kernel = boolean(kernel, "kernel")
    layout = layout_of(layout)
    named = shapes if isinstance(shapes, Mapping) else dict(enumerate(_sequence(shapes)))
    found = {name: _shape(name, each) for name, each in named.items()}
    densities = _erdos_renyi(found, _density(density), None if kernel else layout)
    return densities if isinstance(shapes, Mapping) else list(densities.values())


def uniform(shapes: dict[Any, _Shape], density: float, layout: str) -> dict[Any, float]:  # noqa: ARG001
    """Return the same density for all."""
    return dict.fromkeys(shapes, density)


BUDGETS: dict[str, Callable[[dict[Any, _Shape], float, str], dict[Any, float]]] = {
    "erk": lambda shapes, density, _: _erdos_renyi(shapes, density, None),
    "er": lambda shapes, density, layout: _erdos_renyi(shapes, density, layout),
    "uniform": uniform,
}
"""Functions of shapes, a density of all, and a layout."""


def densities_of(
    shapes: dict[str, _Shape], density: float, budget: str, layout: str
) -> dict[str, float]:
    """Return the density of each layer by the name of a budget.

    Raises:
        TypeError: The density is not a number.
        ValueError: It is out of range, or the budget is not known.
    """
    if not isinstance(budget, str) or budget not in BUDGETS:
        raise ValueError(f"budget={budget!r} is not known; use one of {', '.join(BUDGETS)}")
    return BUDGETS[budget](shapes, _density(density), layout)


def _erdos_renyi(shapes: dict[Any, _Shape], density: float, layout: str | None) -> dict[Any, float]:
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    raw = {name: _raw(shape, layout) for name, shape in shapes.items()}
    budget = density * sum(sizes.values())
    dense: set[Any] = set()
    while True:
        rest = [name for name in shapes if name not in dense]
        expected = math.fsum(raw[name] * sizes[name] for name in rest)
        kept = budget - sum(sizes[name] for name in dense)
        factor = max(kept, 0.0) / expected if rest else 0.0
        full = [name for name in rest if raw[name] * factor > 1]
        if not full:
            return {name: 1.0 if name in dense else raw[name] * factor for name in shapes}
        largest = max(raw[name] for name in full)
        dense.update(name for name in full if raw[name] == largest)


def _raw(shape: _Shape, layout: str | None) -> float:
    """Return the sum of the axes over their product: of all, or of the outputs and inputs."""
    if layout is None:
        return sum(shape) / math.prod(shape)
    letters = axes_of(shape, layout)
    outputs, inputs = (
        math.prod(size for size, each in zip(shape, letters, strict=True) if each == letter)
        for letter in "oi"
    )
    return (outputs + inputs) / (outputs * inputs)


def _sequence(given: Any) -> Sequence[Any]:
    if not isinstance(given, (list, tuple)):
        raise TypeError(
            f"shapes is {type_of(given)}; pass a mapping from names to shapes, or a list"
        )
    return given


def _shape(name: Any, given: Any) -> _Shape:
    shape = shape_of(getattr(given, "shape", given))
    if len(shape) < 2 or 0 in shape:
        raise ValueError(
            f"the shape {shape} of {name!r} does not have two axes or more, or is empty; leave out "
            "what is not made sparse (biases, norms)"
        )
    return shape


def _density(given: Any) -> float:
    number = finite(given, "density")
    if not 0 <= number <= 1:
        raise ValueError(
            f"density={shown(given)} is out of range; pass the fraction that is kept, from 0 to 1"
        )
    return number
