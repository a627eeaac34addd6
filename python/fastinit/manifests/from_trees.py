"""The parameters of a tree of arrays or shapes, and of a plain mapping."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from fastinit.native.dtypes import dtype_of
from fastinit.recipes.parameter import Parameter


def of_tree(tree: Any, separator: str) -> tuple[Parameter, ...]:
    """Return a parameter for each leaf of a tree.

    Raises:
        TypeError: A leaf has no shape.
        ValueError: ``separator`` is not a string of at least one character.
    """
    if not isinstance(separator, str) or not separator:
        raise ValueError(f"separator={separator!r} joins nothing; pass a string such as '.'")
    parameters = []
    for keys, leaf in _leaves(tree):
        name = separator.join(keys)
        if not hasattr(leaf, "shape"):
            raise TypeError(
                f"the leaf {name!r} is a {type(leaf).__name__}, which has no shape; pass arrays, "
                "or the result of jax.eval_shape"
            )
        parameters.append(_parameter(name, leaf))
    return tuple(parameters)


def of_shapes(shapes: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Return a parameter for each item of a mapping from names to shapes.

    Raises:
        TypeError: ``shapes`` is not a mapping, or a value is not a shape.
    """
    if not isinstance(shapes, Mapping):
        raise TypeError(f"shapes is a {type(shapes).__name__}; pass a mapping from name to shape")
    return tuple(_parameter(name, each) for name, each in shapes.items())


def _parameter(name: str, given: Any) -> Parameter:
    """Return a parameter, given a shape or anything that has one."""
    if hasattr(given, "shape"):
        dtype = getattr(given, "dtype", None)
        return Parameter(name, tuple(given.shape), None, dtype and dtype_of(dtype).name)
    if isinstance(given, (list, tuple)):
        return Parameter(name, tuple(given))
    try:
        return Parameter(name, (operator.index(given),))
    except TypeError:
        raise TypeError(
            f"{given!r} of {name!r} is not a shape; pass integers, or anything with a shape"
        ) from None


def _leaves(tree: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the keys on the way to each leaf, and the leaf, in the order of the tree."""
    if isinstance(tree, Mapping):
        children: Any = tree.items()
    elif isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        children = enumerate(tree)
    elif not hasattr(tree, "shape") and (jax := sys.modules.get("jax")) is not None:
        yield from _of_jax(tree, jax)
        return
    else:
        yield (), tree
        return
    for key, child in children:
        for keys, leaf in _leaves(child):
            yield (str(key), *keys), leaf


def _of_jax(tree: Any, jax: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the leaves of a pytree whose type only jax knows."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        yield tuple(jax.tree_util.keystr((key,), simple=True) for key in path), leaf
