"""The tensors of a tree of arrays or shapes, and of a plain mapping."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fastinit.manifests.values import value_of
from fastinit.native.dtypes import dtype_of
from fastinit.recipes.buffers import divided
from fastinit.recipes.parameter import LEFT_ALONE, Parameter

Tensors = tuple[tuple[Parameter, ...], tuple[Parameter, ...]]
"""Parameters and buffers."""


def of_tree(tree: Any, separator: str) -> Tensors:
    """Return the tensors of a tree; functions, random keys and None are not tensors.

    Raises:
        TypeError: Another leaf has no shape.
        ValueError: ``separator`` is not a string of at least one character.
    """
    if not isinstance(separator, str) or not separator:
        raise ValueError(f"separator={separator!r} joins nothing; pass a string such as '.'")
    tensors = []
    for keys, leaf in _leaves(tree):
        if _is_no_tensor(leaf):
            continue
        name = separator.join(keys)
        if not hasattr(leaf, "shape"):
            raise TypeError(
                f"the leaf {name!r} is a {type(leaf).__name__}, which has no shape; pass arrays, "
                "or the result of jax.eval_shape"
            )
        tensors.append(_tensor(name, leaf))
    return divided(tensors)


def of_shapes(shapes: Mapping[str, Any]) -> Tensors:
    """Return the tensors of a mapping from names to shapes.

    Raises:
        TypeError: ``shapes`` is not a mapping, or a value is not a shape.
    """
    if not isinstance(shapes, Mapping):
        raise TypeError(f"shapes is a {type(shapes).__name__}; pass a mapping from name to shape")
    return divided(_tensor(name, each) for name, each in shapes.items())


def _is_no_tensor(leaf: Any) -> bool:
    """Return whether a leaf is a function, a random key of jax, or None."""
    if leaf is None or isinstance(leaf, type) or (callable(leaf) and not hasattr(leaf, "shape")):
        return True
    jax = sys.modules.get("jax")
    if jax is None or not isinstance(leaf, (jax.Array, jax.ShapeDtypeStruct)):
        return False
    return bool(jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def _tensor(name: str, given: Any) -> Parameter:
    """Return a tensor, given a shape or anything that has one."""
    if hasattr(given, "shape"):
        described = Parameter(name, tuple(given.shape), None, _dtype(getattr(given, "dtype", None)))
        return described if not described.is_integer else _with_value(described, given)
    if isinstance(given, (list, tuple)):
        return Parameter(name, tuple(given))
    try:
        return Parameter(name, (operator.index(given),))
    except TypeError:
        raise TypeError(
            f"{given!r} of {name!r} is not a shape; pass integers, or anything with a shape"
        ) from None


def _dtype(given: Any) -> str | None:
    if given is None:
        return None
    name = str(given).removeprefix("torch.")
    return name if name in LEFT_ALONE else dtype_of(given).name


def _with_value(tensor: Parameter, given: Any) -> Parameter:
    """Return a tensor of integers with its values, if there are any."""
    if not hasattr(given, "__array__"):  # a shape, as of jax.eval_shape
        return tensor
    try:
        array = np.asarray(given)
    except TypeError:  # a tracer, or a tensor of torch that is not in the memory of the CPU
        return tensor
    return Parameter(tensor.name, tensor.shape, None, tensor.dtype, value=value_of(array))


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
