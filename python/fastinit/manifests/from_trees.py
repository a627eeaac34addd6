"""Manifests of trees of shapes and of plain mappings."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from fastinit.dtypes import dtype_of
from fastinit.manifests import Manifest, Parameter


def of_tree(tree: Any, model: str, separator: str) -> Manifest:
    """See ``Manifest.from_tree``."""
    if not isinstance(separator, str) or not separator:
        raise ValueError(f"separator={separator!r} joins nothing; pass a string, as '.'")
    parameters = []
    for keys, leaf in _leaves(tree):
        name = separator.join(keys)
        if not hasattr(leaf, "shape"):
            raise TypeError(
                f"the leaf {name!r} is a {type(leaf).__name__}, which has no shape; pass arrays, "
                "or the result of jax.eval_shape"
            )
        parameters.append(_parameter(name, leaf))
    return Manifest(model, tuple(parameters))


def of_shapes(shapes: Mapping[str, Any], model: str, tied: Mapping[str, str] | None) -> Manifest:
    """See ``Manifest.from_shapes``."""
    if not isinstance(shapes, Mapping):
        raise TypeError(f"shapes is a {type(shapes).__name__}; pass a mapping from name to shape")
    parameters = tuple(_parameter(name, each) for name, each in shapes.items())
    return Manifest(model, parameters, dict(tied or {}))


def _parameter(name: str, given: Any) -> Parameter:
    """A parameter of anything that has a shape, or is one."""
    if hasattr(given, "shape"):
        dtype = getattr(given, "dtype", None)
        return Parameter(name, tuple(given.shape), None, dtype and dtype_of(dtype).name)
    if isinstance(given, (list, tuple)):
        return Parameter(name, tuple(given))
    try:
        return Parameter(name, (operator.index(given),))
    except TypeError:
        raise TypeError(
            f"{given!r} of {name!r} is no shape; pass integers, or anything with a shape"
        ) from None


def _leaves(tree: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(keys, leaf) of every leaf, in the order of the tree."""
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
    """The leaves of a pytree of a type that only jax knows."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        yield tuple(jax.tree_util.keystr((key,), simple=True) for key in path), leaf
